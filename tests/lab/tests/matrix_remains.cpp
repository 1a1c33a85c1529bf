#include "tests/lab/tests/matrix_remains.hpp"

#include <fnmatch.h>

#include <array>

namespace lab {
namespace {

using nlohmann::json;

// Globs of fnmatch(3) for the profile, the kind and the row's target.
struct Remains {
  const char* profiles;
  const char* kinds;
  const char* id;
  const char* target;
  const char* outcome;
  bool always;        // else it may be there or not, as `reason` tells
  bool until_reboot;  // only on the boot that was tuned
  const char* reason;
};

constexpr std::array kRemains{
    Remains{"*", "*", "time.tsc-flags", "host", "differs", true, false,
            "an emulated CPU has neither constant_tsc nor nonstop_tsc"},
    Remains{"nvme-throughput", "*", "net.coalesce-adaptive-rx", "*", "differs", true, false,
            "e1000e has one fixed time between interrupts; tune says that the driver refuses"},
    Remains{"realtime", "@(numa2|single)", "scheduler.realtime-kernel", "host", "differs", true,
            false, "only rt boots the realtime kernel"},
    Remains{"@(low-latency|realtime)", "@(numa2|rt)", "irq.affinity", "*", "differs", false, true,
            "an idle device's interrupt moves when it comes next"},
    Remains{"@(low-latency|realtime)", "@(numa2|rt)", "scheduler.kernel-threads", "host", "differs",
            false, true, "not required; the boot line is what keeps the kernel's threads away"},
};

bool fits(const char* pattern, const std::string& text) {
  return fnmatch(pattern, text.c_str(), FNM_EXTMATCH) == 0;
}

bool is_as_wanted(const std::string& outcome) {
  return outcome == "ok" || outcome == "not-applicable" || outcome == "kernel-managed";
}

}  // namespace

std::vector<std::string> unexplained(const json& check, const std::string& profile,
                                     const std::string& kind, When when) {
  std::vector<std::string> found;
  std::array<unsigned, kRemains.size()> used{};
  for (const json& row : check.at("settings")) {
    const std::string outcome = row.at("outcome");
    if (is_as_wanted(outcome) || (outcome == "pending-reboot" && when == When::tuned)) continue;
    bool explained = false;
    for (std::size_t i = 0; i < kRemains.size(); ++i) {
      const Remains& one = kRemains[i];
      if (one.until_reboot && when != When::tuned) continue;
      if (!fits(one.profiles, profile) || !fits(one.kinds, kind) || one.outcome != outcome)
        continue;
      if (one.id != row.at("id") || !fits(one.target, row.at("target"))) continue;
      ++used[i];
      explained = true;
    }
    if (!explained) found.push_back(row.dump());
  }
  for (std::size_t i = 0; i < kRemains.size(); ++i) {
    const Remains& one = kRemains[i];
    if (!one.always || used[i] > 0) continue;
    if (fits(one.profiles, profile) && fits(one.kinds, kind)) {
      found.push_back(std::string("no longer there: ") + one.id + " " + one.outcome);
    }
  }
  return found;
}

}  // namespace lab
