// What one reading means beside what is wanted: the outcome, and its reason in words.
//
// Pure functions, thread-safe: everything that check() decides can be tested from here.
#pragma once

#include <chrono>
#include <string>

#include "core/error.hpp"
#include "profiles/profile.hpp"
#include "tuner/check.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner {

struct Judgement {
  Outcome outcome = Outcome::ok;
  std::string reason;    // "" when there is nothing to add
  std::string put_back;  // "/etc/sysctl.d/x.conf sets 60 at the next boot"; "" when nothing will
};

// A reading that succeeded. `wanted.value` must have passed check_value(); a value of the host that
// cannot be compared counts as differs.
Judgement judge(const Setting& setting, const Wanted& wanted, const Reading& reading);

// A reading that failed: absent, unsupported and EINVAL (a file that the driver does not serve) are
// not-applicable, denied is denied, everything else differs, since it was not seen to be as wanted.
Judgement judge_failure(const Setting& setting, const Target& target, const Error& error,
                        const probes::Environment& environment);

// Why a setting without targets does not exist here, with the hypervisor or container that hides
// it.
std::string why_not_applicable(const Setting& setting, const probes::Environment& environment,
                               std::string_view why);

// Applies a waiver to a judgement that would fail: waived until it expires, and after that the
// outcome stands, with the waiver's end as part of the reason.
void apply_waiver(const profiles::Waiver& waiver, std::chrono::sys_days today,
                  Judgement& judgement);

}  // namespace assay::tuner
