// Compares a host with a profile, setting by setting, target by target. Read-only.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/host.hpp"
#include "probes/inventory.hpp"
#include "profiles/profile.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner {

enum class Outcome : std::uint8_t {
  ok,
  differs,
  not_applicable,  // this kernel or host lacks it; never a failure
  kernel_managed,  // the kernel alone decides; never a failure
  pending_reboot,  // a file asks for it, and the next boot will bring it
  denied,          // it is there, and this user may not read it
  waived           // it would fail, and somebody answers for that until a day
};
std::string_view to_string(Outcome outcome);  // "ok", "differs", "not-applicable", ...

// One setting on one target.
struct CheckRow {
  std::string id, target;
  std::string local = {};       // what people call the target on this boot, "" for the host
  std::string wanted = {};      // "performance", "≥ 10s", ...
  std::string configured = {};  // "" when it could not be read
  std::string effective = {};   // "" when there is no separate effect
  Outcome outcome = Outcome::ok;
  bool required = true;
  std::string reason = {};  // why this outcome: errno's words, the waiver, what disagrees
};

// How often each outcome occurs, in the order of the enumeration.
struct CheckCounts {
  unsigned rows = 0;
  unsigned of[7] = {};
};

struct CheckReport {
  std::string profile;
  std::vector<CheckRow> rows = {};      // in the order of the settings table
  std::vector<std::string> notes = {};  // coherence findings
  // 0 all as wanted; 1 a required row differs or is pending; 3 a required row is denied.
  int exit_code() const;
  // Why, in one sentence: "3 required settings differ".
  std::string exit_reason() const;
  CheckCounts counts() const;
};

// `today` decides whether waivers still hold. Errors: invalid when a role cannot be resolved, the
// profile names a setting that does not exist, or a wanted value is none of its setting's kind;
// the message names the place in the profile.
Expected<CheckReport> check(const Host& host, const probes::Inventory& inventory,
                            const profiles::Profile& profile, std::chrono::sys_days today);

// Keeps only the named settings of a profile: areas ("cpu") and ids ("cpu.governor"). Errors:
// invalid for a name that is neither, with "did you mean"; or when nothing is left to check.
Expected<void> keep_only(std::span<const std::string> names, profiles::Profile& profile);

// {"schema":"assay.check","version":1,"profile":..,
//  "settings":[{id,target,wanted,configured,effective,outcome,..}],"notes":[..],"exit_code":..};
// described by docs/schemas/check.schema.json.
nlohmann::ordered_json to_json(const CheckReport& report);

}  // namespace assay::tuner
