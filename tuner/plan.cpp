#include "tuner/plan.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "core/queries.hpp"
#include "core/suggest.hpp"
#include "tuner/allowed.hpp"
#include "tuner/contradictions.hpp"
#include "tuner/evaluate.hpp"
#include "tuner/persisted.hpp"
#include "tuner/plan_lasting.hpp"
#include "tuner/planners.hpp"
#include "tuner/text.hpp"
#include "tuner/values.hpp"
#include "tuner/without_siblings.hpp"

namespace assay::tuner {
namespace {

using profiles::Match;

// Every other row's targets disappear with the threads that it switches off, so it goes last; its
// undo then goes first.
constexpr std::string_view kSmt = "cpu.smt";
constexpr std::string_view kPartition = "scheduler.cpuset-partition";
constexpr std::string_view kKernelThreads = "scheduler.kernel-threads";

std::string shown_before(const EvaluatedRow& evaluated) {
  const CheckRow& row = evaluated.row;
  const bool effect = evaluated.reading && evaluated.reading->effect_decides;
  return effect && !row.effective.empty() ? row.effective : row.configured;
}

void set_state(PlanRow& row, RowState state, std::string note) {
  row.state = state;
  row.note = std::move(note);
}

// Only a file that is read at boot, or at login, can bring it.
bool needs_a_start(const Setting& setting) {
  return setting.lasting == Lasting::boot_line || setting.lasting == Lasting::modprobe ||
         setting.lasting == Lasting::limits;
}

// A row that differs and has no way to be changed at run time: which way there is.
void explain_unchangeable(PlanRow& row, const std::string& why) {
  if (needs_a_start(*row.setting)) {
    const bool login = row.setting->lasting == Lasting::limits;
    return set_state(row, RowState::pending_reboot,
                     login ? "only a new session gets it" : "only a boot brings it");
  }
  set_state(row, RowState::unsupported,
            why.empty() ? "assay reads it and does not change it" : why);
}

// The running boot was asked for it, and the kernel did not do it: another boot brings no more.
bool is_asked_in_vain(const EvaluatedRow& evaluated) {
  const Setting& setting = *evaluated.setting;
  if (setting.lasting != Lasting::boot_line || evaluated.row.outcome != Outcome::differs) {
    return false;
  }
  return evaluated.reading && evaluated.reading->effective &&
         agrees(setting.kind, evaluated.wanted.match, evaluated.wanted.value,
                evaluated.reading->configured)
             .value_or(false);
}

// What the row's own changes are. Error words become the row's state: one row that cannot be
// planned is no reason to refuse the others.
void plan_changes(const HostView& view, const EvaluatedRow& evaluated, PlanRow& row) {
  const Setting& setting = *row.setting;
  if (setting.plan == nullptr || !evaluated.reading) {
    if (is_asked_in_vain(evaluated)) {
      return set_state(row, RowState::unsupported, evaluated.row.reason);
    }
    return explain_unchangeable(row, evaluated.row.reason);
  }
  auto changes = setting.plan(view, setting, *evaluated.target, *evaluated.reading, row.want);
  if (!changes) {
    const Error& error = changes.error();
    // The module's parameter counts where the drive has no file of its own.
    if (error.code == ErrorCode::absent && needs_a_start(setting)) {
      return explain_unchangeable(row, {});
    }
    const bool denied = error.code == ErrorCode::denied;
    return set_state(row, denied ? RowState::denied : RowState::unsupported,
                     error.operation == "plan" ? error.cause : error.message());
  }
  if (changes->empty()) {
    return set_state(row, RowState::unsupported,
                     evaluated.row.reason.empty() ? "asked for already, and not in effect"
                                                  : evaluated.row.reason);
  }
  row.changes = *std::move(changes);
  row.note = evaluated.row.reason;
}

PlanRow plan_row(const HostView& view, const EvaluatedRow& evaluated, const PlanOptions& options) {
  PlanRow row{.setting = evaluated.setting,
              .target = evaluated.row.target,
              .local = evaluated.row.local,
              .before = shown_before(evaluated),
              .wanted = evaluated.row.wanted,
              .want = evaluated.wanted,
              .required = evaluated.row.required};
  switch (evaluated.row.outcome) {
    case Outcome::ok:
      set_state(row, RowState::already_ok, evaluated.row.reason);
      break;
    case Outcome::not_applicable:
      set_state(row, RowState::not_applicable, evaluated.row.reason);
      break;
    case Outcome::kernel_managed:
      set_state(row, RowState::kernel_managed, evaluated.row.reason);
      break;
    case Outcome::denied:
      set_state(row, RowState::denied, evaluated.row.reason);
      break;
    case Outcome::waived:
      set_state(row, RowState::left_out, evaluated.row.reason);
      row.required = false;
      break;
    case Outcome::pending_reboot:
    case Outcome::differs:
      plan_changes(view, evaluated, row);
      if (evaluated.row.outcome == Outcome::pending_reboot && row.changes.empty()) {
        set_state(row, RowState::pending_reboot, evaluated.row.reason);
      }
      break;
  }
  if (row.state == RowState::to_change && row.setting->disruption > options.max_disruption) {
    row.changes.clear();
    set_state(row, RowState::left_out,
              fmt::format("a change costs a {}, more than --max-disruption {}",
                          to_string(row.setting->disruption), to_string(options.max_disruption)));
  }
  return row;
}

// Depth in the graph of `after`: a row comes behind everything that must be set first.
unsigned depth_of(const Setting& setting, unsigned guard = 0) {
  constexpr unsigned kOrderDepthMax = 16;  // the table has no cycles; a test sees to that
  unsigned depth = 0;
  if (guard == kOrderDepthMax) return depth;
  for (std::string_view id : setting.after) {
    if (const Setting* first = find_setting(id))
      depth = std::max(depth, depth_of(*first, guard + 1) + 1);
  }
  return depth;
}

bool is_to_change(const PlanRow& row) { return row.state == RowState::to_change; }

void sort_rows(std::vector<PlanRow>& rows) {
  const auto rank = [](const PlanRow& row) {
    if (!is_to_change(row)) return 1000U;
    return row.setting->id == kSmt ? 999U : depth_of(*row.setting);
  };
  std::ranges::stable_sort(rows, std::less<>(), rank);
}

// The setting that moves this one, among those that the plan changes; "" when there is none.
std::string_view leader_of(const std::vector<PlanRow>& rows, const Setting& setting,
                           std::string_view target) {
  for (std::string_view id : setting.moved_by) {
    for (const PlanRow& row : rows) {
      if (!is_to_change(row) || row.setting->id != id) continue;
      if (row.target == target || row.setting->set_on != setting.set_on) return id;
    }
  }
  return {};
}

// A scheduler that is changed resets the queue's depth, whether the profile speaks of it or not:
// the old depth is kept in the journal, to be put back after the old scheduler.
std::vector<Change> kept_values(const HostView& view, const PlanRow& leader,
                                const std::vector<PlanRow>& rows) {
  std::vector<Change> kept;
  for (const Setting& setting : settings()) {
    const bool moved =
        std::ranges::find(setting.moved_by, leader.setting->id) != setting.moved_by.end();
    if (!moved || setting.set_on != leader.setting->set_on || setting.plan != plan_file) continue;
    const bool planned = std::ranges::any_of(rows, [&](const PlanRow& row) {
      return is_to_change(row) && row.setting == &setting && row.target == leader.target;
    });
    if (planned) continue;
    Change keep = leader.changes.front();
    keep.setting_id = setting.id;
    keep.path = setting.where;
    keep.form = ValueForm::text;
    keep.after.clear();
    keep.follows = leader.setting->id;
    keep.restore_only = true;
    const auto now = read_now(view.host, keep);
    if (!now || !*now) continue;  // this queue has none
    keep.before = **now;
    kept.push_back(std::move(keep));
  }
  return kept;
}

// A driver that is given one figure may choose the others of the same request anew: coalescing
// times when adaptive coalescing is switched, one ring's size with the other's.
std::optional<Change> kept_answers(const HostView& view, const PlanRow& row) {
  const Change& leader = row.changes.front();
  const QueryKind* request = find_query_kind(leader.path);
  const auto answer = view.host.ask({leader.path, leader.local});
  const auto own = parse_pairs(leader.after);
  if (request == nullptr || !answer || !own) return std::nullopt;
  Reply others;
  for (std::string_view key : split(request->changeable, ',')) {
    const auto value = answer->find(key);
    if (value != answer->end() && !own->contains(key)) others.insert(*value);
  }
  if (others.empty()) return std::nullopt;
  Change keep = leader;
  keep.before = keep.after = show_pairs(others);
  keep.follows = leader.setting_id;
  keep.restore_only = true;
  return keep;
}

// Threads of the kernel that the plan leaves where they are, and that a partition moves all the
// same.
std::vector<Change> kept_by_partition(const HostView& view, const PlanRow& row,
                                      const std::vector<PlanRow>& rows) {
  const Setting* threads = find_setting(kKernelThreads);
  std::vector<Change> kept = kept_threads(view, *threads, {.name = row.target, .local = {}});
  for (Change& keep : kept) keep.follows = row.setting->id;
  std::erase_if(kept, [&](const Change& keep) {
    return std::ranges::any_of(rows, [&](const PlanRow& other) {
      return other.setting == threads && is_to_change(other) &&
             std::ranges::find(other.changes, keep.local, &Change::local) != other.changes.end();
    });
  });
  return kept;
}

// Two rows may speak of one file: an interrupt's affinity as such and as a queue's, a table that
// the flows of several cards need. The later row, which is set after the other, says what is
// written, and it is written once.
void join_rows(std::vector<PlanRow>& rows) {
  std::map<std::string, Change*> seen;
  for (PlanRow& row : rows) {
    if (!is_to_change(row)) continue;
    std::erase_if(row.changes, [&](Change& change) {
      if (change.kind != ChangeKind::write_file) return false;
      Change*& first = seen[path_of(change)];
      if (first == nullptr) return false;
      first->after = change.after;
      return true;
    });
    for (Change& change : row.changes) {
      if (change.kind == ChangeKind::write_file) seen[path_of(change)] = &change;
    }
  }
}

void couple_rows(const HostView& view, std::vector<PlanRow>& rows) {
  for (PlanRow& row : rows) {
    if (!is_to_change(row) || row.changes.empty()) continue;
    const std::string_view leader = leader_of(rows, *row.setting, row.target);
    for (Change& change : row.changes) {
      if (!change.restore_only) change.follows = leader;
    }
    if (row.changes.front().kind == ChangeKind::ethtool) {
      // Features are wishes, each of its own: the kernel remembers those that others hold back.
      if (row.changes.front().path == "ethtool.requested") continue;
      if (auto keep = kept_answers(view, row)) row.changes.push_back(*std::move(keep));
      if (row.setting->id == kPartition) {
        std::ranges::move(kept_by_partition(view, row, rows), std::back_inserter(row.changes));
      }
      continue;
    }
    if (row.changes.front().kind != ChangeKind::write_file) continue;
    std::ranges::move(kept_values(view, row, rows), std::back_inserter(row.changes));
  }
}

// A planner's mistake must not become a write.
Expected<void> check_rows(const std::vector<PlanRow>& rows) {
  for (const PlanRow& row : rows) {
    for (const Change& change : row.changes) {
      if (auto good = check_allowed(change); !good) return good;
    }
  }
  return {};
}

}  // namespace

Expected<Plan> make_plan(const Host& host, const probes::Inventory& found,
                         const profiles::Profile& profile, const PlanOptions& options) {
  // What the host will be without the threads that the plan switches off is what counts.
  const bool smt_allowed = find_setting(kSmt)->disruption <= options.max_disruption;
  const probes::Inventory inventory =
      smt_allowed && wants_single_threads(profile, found) ? without_siblings(found) : found;
  const auto roles = check_profile(profile, inventory);
  if (!roles) return Failure(roles.error());
  const Persisted persisted = read_persisted(host);
  const HostView view{host, inventory, persisted, *roles};
  if (auto good = check_contradictions(view, profile); !good) return Failure(good.error());
  auto evaluation = evaluate(view, profile, options.today);
  if (!evaluation) return Failure(evaluation.error());

  Plan plan{.profile = profile.name,
            .profile_digest = profile.digest,
            .boot_id = inventory.kernel.boot_id,
            .rows = {},
            .lasting = {},
            .notes = std::move(evaluation->notes)};
  for (const EvaluatedRow& row : evaluation->rows) {
    if (row.wanted.match == Match::keep) continue;  // recorded, never changed
    plan.rows.push_back(plan_row(view, row, options));
  }
  if (options.persist) {
    auto added = add_lasting(view, *evaluation, plan.rows, profile, options, plan);
    if (!added) return Failure(added.error());
  }
  sort_rows(plan.rows);
  join_rows(plan.rows);
  couple_rows(view, plan.rows);
  if (auto good = check_rows(plan.rows); !good) return Failure(good.error());
  return plan;
}

bool Plan::empty() const { return lasting.empty() && std::ranges::none_of(rows, is_to_change); }

Disruption Plan::disruption() const {
  Disruption worst = Disruption::none;
  for (const PlanRow& row : rows) {
    if (is_to_change(row)) worst = std::max(worst, row.setting->disruption);
  }
  return worst;
}

Expected<Disruption> parse_disruption(std::string_view word) {
  static constexpr std::array kAll{Disruption::none, Disruption::stall, Disruption::link_reset,
                                   Disruption::driver_reload, Disruption::reboot};
  std::vector<std::string_view> words;
  for (const Disruption one : kAll) {
    if (to_string(one) == word) return one;
    words.push_back(to_string(one));
  }
  return fail(ErrorCode::invalid, "tune", "--max-disruption",
              fmt::format("\"{}\" is none of none, stall, link-reset, driver-reload, reboot{}",
                          word, did_you_mean(word, words)));
}

}  // namespace assay::tuner
