// A small bare-metal server in memory, on which every setting exists: 4 CPUs (two cores with two
// threads, one on each of two nodes), one NIC, one NVMe drive, a few interrupts.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/memory_host.hpp"
#include "profiles/profile.hpp"
#include "tuner/check.hpp"

namespace assay::tuner::testing {

inline constexpr const char* kNicPci = "0000:03:00.0";
inline constexpr const char* kDrivePci = "0000:01:00.0";

std::unique_ptr<MemoryHost> make_machine();

// A profile with one wanted setting.
profiles::Profile wanting(std::string_view id, std::string_view value,
                          profiles::Match match = profiles::Match::equal);

// Probes the host and checks it on a fixed day (2026-06-15). Fails the test when check() does.
CheckReport check_now(const Host& host, const profiles::Profile& profile);

// The only row, or the one of a target; fails the test when there is none.
CheckRow row_of(const CheckReport& report, std::string_view target = {});

}  // namespace assay::tuner::testing
