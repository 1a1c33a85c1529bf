// What a check of a shipped profile goes on to say of a virtual host after everything was tuned:
// the reviewed table of rows that such a host cannot have otherwise, each with its reason.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace lab {

enum class When { tuned, rebooted };

// The rows of a check that are not as wanted and that the table does not explain, and what the
// table expects and the check does not say: empty when both agree. What waits for a reboot is
// explained before it, and by nothing after it.
std::vector<std::string> unexplained(const nlohmann::json& check, const std::string& profile,
                                     const std::string& kind, When when);

}  // namespace lab
