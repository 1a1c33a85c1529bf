// What would be changed on a host so that it is as a profile wants: only differences, in the order
// in which they are made, each with its old value, its disruption and its reason.
//
// A plan is made from the readings and judgements of the check (tuner/evaluate.hpp), so that the
// two never disagree. Making one changes nothing and needs no privilege beyond that of the reads.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/host.hpp"
#include "probes/inventory.hpp"
#include "profiles/profile.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner {

// What a row of a plan is going to be, and what it became.
enum class RowState : std::uint8_t {
  to_change,       // differs, and will be changed
  changed,         // was changed, and reads as wanted
  already_ok,      // was as wanted already
  unsupported,     // differs, and this kernel, host or assay cannot mend it
  not_applicable,  // this kernel or host lacks it; never a failure
  kernel_managed,  // the kernel alone decides
  pending_reboot,  // only a boot or a login brings it
  denied,          // the kernel does not let us
  failed,          // tried, and not as wanted afterwards
  left_out,        // not tried: waived, or more disruptive than was allowed
  put_back         // was changed, and undone because something required failed
};
std::string_view to_string(RowState state);  // "to-change", "already-ok", ...

// One setting on one target.
struct PlanRow {
  const Setting* setting = nullptr;      // lives for the whole program
  std::string target = {}, local = {};   // as in CheckRow
  std::string before = {}, wanted = {};  // for people: "powersave", "≥ 10s"
  Wanted want = {};                      // concrete for this target; `from` points into the profile
  RowState state = RowState::to_change;
  bool required = true;
  std::string note = {};  // why this state
  std::vector<Change> changes = {};
};

struct Plan {
  std::string profile, profile_digest;
  std::string boot_id;
  std::vector<PlanRow> rows;       // those to change in their order, the others in the table's
  std::vector<Change> lasting;     // whole files that make it last; made after the rows
  std::vector<std::string> notes;  // what does not fit together, and who will put values back

  bool empty() const;  // nothing to change
  // The worst of the rows that will be changed.
  Disruption disruption() const;
  // 0 nothing to do; 1 a required row is to be changed or waits for a reboot, or differs and
  // cannot be mended; 3 a required row is denied.
  int exit_code() const;
  std::string exit_reason() const;
};

struct PlanOptions {
  Disruption max_disruption = Disruption::reboot;
  std::chrono::sys_days today = {};  // decides whether waivers still hold
  // Also write the files that make it last (tuner/persist.hpp); `program` is the assay that the
  // start-up unit runs.
  bool persist = false;
  std::string program = "/usr/bin/assay";
};

// `profile` must outlive the plan. Errors: those of check(); invalid when the profile contradicts
// itself on this host, with the two places in it.
Expected<Plan> make_plan(const Host& host, const probes::Inventory& inventory,
                         const profiles::Profile& profile, const PlanOptions& options);

// "link-reset" → Disruption::link_reset. Error: invalid, with the words that there are.
Expected<Disruption> parse_disruption(std::string_view word);

// {"schema":"assay.plan",...}; described by docs/schemas/plan.schema.json.
nlohmann::ordered_json to_json(const Plan& plan);
// As a table for people; ends with a newline. Pure.
std::string render_plan(const Plan& plan);
// "- old" and "+ new" of each file and request, in the form of diff(1). Pure.
std::string render_diff(const Plan& plan);
// A POSIX shell script with the same effect, for people to read and run by hand. It stops at the
// first value that is no longer the old one. Runs below $ROOT when that is set. Pure.
std::string render_script(const Plan& plan);

}  // namespace assay::tuner
