#include "tuner/judge.hpp"

#include <fmt/core.h>

#include <cerrno>

#include "tuner/readers.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

using profiles::Match;

// Whether each side of a reading is as wanted.
struct Agreement {
  bool configured = false;
  bool effective = true;  // also when there is no separate effect
  bool now = false;       // what counts
};

// Error: the host's value is none of the row's kind.
Expected<Agreement> compare(const Setting& setting, const Wanted& wanted, const Reading& reading) {
  Agreement agreement;
  auto configured = agrees(setting.kind, wanted.match, wanted.value, reading.configured);
  // Where only the effect counts, an odd text in a file must not hide a good value.
  if (!configured && !(reading.effective && reading.effect_decides)) {
    return Failure(configured.error());
  }
  agreement.configured = configured.value_or(false);
  if (reading.effective) {
    Match match = wanted.match;
    if (reading.effective_within && match == Match::equal) match = Match::at_most;
    const bool any_choice = reading.effective_within && match == Match::at_least;
    if (!any_choice) {
      auto effective = agrees(setting.kind, match, wanted.value, *reading.effective);
      if (!effective) return Failure(effective.error());
      agreement.effective = *effective;
    }
  }
  agreement.now = reading.effective && reading.effect_decides
                      ? agreement.effective
                      : agreement.configured && agreement.effective;
  return agreement;
}

// Two parts of one reason; either may be empty.
std::string join(std::string first, std::string_view second) {
  if (!first.empty() && !second.empty()) first += "; ";
  return first += second;
}

// The file in question. The row's own is named alike for all targets, so that a table can show
// them in one line: "/sys/block/*/queue/wbt_lat_usec".
std::string file_words(const Setting& setting, const Target& target, std::string_view subject) {
  if (subject != path_of(setting, target)) return std::string(subject);
  return path_of(setting, {target.name, "*"});
}

// Which of the two sides is at fault, and what the reader knows about it.
std::string why_differs(const Reading& reading, const Agreement& agreement) {
  std::string why;
  if (reading.effective && !reading.effect_decides) {
    if (agreement.configured && !agreement.effective) why = "asked for, but not in effect";
    if (!agreement.configured && agreement.effective) {
      why = reading.effective_within ? "the kernel may move it to any CPU that was asked for"
                                     : "in effect, but not asked for";
    }
  }
  return join(why, reading.note);
}

}  // namespace

Judgement judge(const Setting& setting, const Wanted& wanted, const Reading& reading) {
  if (wanted.match == Match::keep) return {Outcome::ok, reading.note, {}};
  if (reading.kernel_managed) return {Outcome::kernel_managed, reading.note, {}};
  auto agreement = compare(setting, wanted, reading);
  if (!agreement) {
    return {Outcome::differs, fmt::format("cannot be compared: {}", agreement.error().cause), {}};
  }
  // The next boot may bring what is wanted, or take it away.
  bool later_agrees = false;
  if (reading.later) {
    later_agrees = agrees(setting.kind, wanted.match, wanted.value, *reading.later).value_or(false);
  }
  // As wanted now. That a file will undo it is worth a word, not a failure.
  if (agreement->now) {
    Judgement judgement;
    if (reading.effective && *reading.effective != reading.configured &&
        !reading.effective_within) {
      judgement.reason = reading.note;
    }
    if (reading.later && !later_agrees) {
      judgement.put_back = fmt::format("{} sets it to {} at the next {}", reading.later_source,
                                       *reading.later, reading.later_at_boot ? "boot" : "login");
      judgement.reason = join(judgement.reason, judgement.put_back);
    }
    return judgement;
  }
  // What the running boot asked for already, and did not get, no further boot will bring.
  const bool in_vain = setting.lasting == Lasting::boot_line && agreement->configured;
  const bool at_boot = reading.later_at_boot && !in_vain;
  if (later_agrees && (at_boot || reading.later_at_login)) {
    return {Outcome::pending_reboot,
            fmt::format("{} sets {}, not in force before the next {}", reading.later_source,
                        *reading.later, reading.later_at_login ? "login" : "boot"),
            {}};
  }
  return {Outcome::differs, why_differs(reading, *agreement), {}};
}

std::string why_not_applicable(const Setting& setting, const probes::Environment& environment,
                               std::string_view why) {
  std::string reason(why);
  // Firmware and power belong to the hypervisor; other absences are the kernel's own.
  if (area_of(setting.id) == "cpu" && !environment.hypervisor.empty()) {
    reason = join(reason, fmt::format("a guest of {}, which decides it", environment.hypervisor));
  }
  return reason;
}

Judgement judge_failure(const Setting& setting, const Target& target, const Error& error,
                        const probes::Environment& environment) {
  const bool not_served = error.code == ErrorCode::invalid && error.sys_errno == EINVAL;
  if (error.code == ErrorCode::denied) return {Outcome::denied, error.message(), {}};
  if (error.code != ErrorCode::absent && error.code != ErrorCode::unsupported && !not_served) {
    return {Outcome::differs, fmt::format("could not be read: {}", error.message()), {}};
  }
  std::string why = error.cause;  // a reader's own words, unless a file is behind it
  if (error.sys_errno != 0) {
    why = fmt::format("{} is not {}", file_words(setting, target, error.subject),
                      not_served ? "served by its driver" : "there");
    // A container sees a part of /sys and /proc only: the host may well have the file.
    if (!environment.container.empty()) why += fmt::format(" (inside {})", environment.container);
  }
  return {Outcome::not_applicable, why_not_applicable(setting, environment, why), {}};
}

void apply_waiver(const profiles::Waiver& waiver, std::chrono::sys_days today,
                  Judgement& judgement) {
  const bool fails = judgement.outcome == Outcome::differs ||
                     judgement.outcome == Outcome::pending_reboot ||
                     judgement.outcome == Outcome::denied;
  if (!fails) return;
  const std::chrono::year_month_day last = waiver.expires;
  const std::string date =
      fmt::format("{:04}-{:02}-{:02}", static_cast<int>(last.year()),
                  static_cast<unsigned>(last.month()), static_cast<unsigned>(last.day()));
  if (today > std::chrono::sys_days(last)) {
    judgement.reason =
        join(fmt::format("waiver expired on {} (owner {}: {})", date, waiver.owner, waiver.reason),
             judgement.reason);
    return;
  }
  judgement.reason = fmt::format("waived by {} until {}: {} (otherwise {}{}{})", waiver.owner, date,
                                 waiver.reason, to_string(judgement.outcome),
                                 judgement.reason.empty() ? "" : ": ", judgement.reason);
  judgement.outcome = Outcome::waived;
}

}  // namespace assay::tuner
