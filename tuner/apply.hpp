// Makes a plan true, as one transaction: every old value is on the disk before the first write,
// each is read once more right before its own write, and each write is read back.
//
// When a required row fails, everything that was changed is put back: a host is tuned, or as it
// was. `keep_going` keeps what succeeded instead. Rows that the profile does not require, and rows
// that the host cannot have or the kernel keeps for itself, are reported and stop nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "core/error.hpp"
#include "core/host.hpp"
#include "core/timed_host.hpp"
#include "profiles/profile.hpp"
#include "tuner/journal.hpp"
#include "tuner/plan.hpp"
#include "tuner/rollback.hpp"

namespace assay::tuner {

struct ApplyOptions {
  bool keep_going = false;
  Disruption max_disruption = Disruption::reboot;  // the one that the plan was made with
  std::chrono::sys_seconds now = {};
  std::string tool = {};   // version and build, for the journal
  bool reapplied = false;  // the profile is the one that was made to last: Journal::reapplied
  const std::atomic<bool>* stop = nullptr;  // looked at between writes; a stop puts all back
};

// Where the time of a tune went. What remains of the total is assay's own: reading the profile and
// the host, planning, reading back, checking again.
struct TuneTimes {
  std::chrono::nanoseconds total{0};  // from the profile's name to the last read-back
  std::chrono::nanoseconds plan{0};   // of it, reading the host and making the plan
  HostTimes host = {};                // of it, changing calls

  std::chrono::nanoseconds own() const { return total - host.total(); }
};

struct ApplyReport {
  Plan plan;            // with the states that its rows ended in
  std::string journal;  // its id; "" when there was nothing to change
  std::string undone;   // why everything was put back; "" when it was kept
  bool interrupted = false;
  std::optional<RollbackReport> rollback;  // when everything was put back
  std::optional<TuneTimes> times = {};     // when the caller held the watch
  // 0 all as wanted; 1 a required row waits for a reboot, or differs and cannot be mended; 3 one is
  // denied; 4 something failed, whether put back or kept; 130 the caller stopped it.
  int exit_code() const;
  std::string exit_reason() const;
};

// `plan` was made for this host and profile, and the caller holds the lock. Needs root. Errors:
// only when nothing was changed: the journal could not be written, or does not read back as it is.
Expected<ApplyReport> apply(Host& host, Plan plan, const profiles::Profile& profile,
                            JournalFolder& folder, const ApplyOptions& options);

// {"schema":"assay.tune",...}; described by docs/schemas/tune.schema.json.
nlohmann::ordered_json to_json(const ApplyReport& report);
std::string render_apply(const ApplyReport& report);

}  // namespace assay::tuner
