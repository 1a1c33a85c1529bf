// JSON documents as YAML: the same names and values, for people and for Ansible.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace assay::probes {

// A YAML 1.2 document in block style, ending in a newline. Every string is double-quoted, so that
// no reader takes "on", "0x10" or "1e3" for something else; object keys that are plain words stand
// bare. Broken UTF-8 becomes U+FFFD. Pure, thread-safe.
std::string to_yaml(const nlohmann::ordered_json& document);

}  // namespace assay::probes
