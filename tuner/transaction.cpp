#include "tuner/transaction.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "core/units.hpp"
#include "probes/probe.hpp"
#include "tuner/evaluate.hpp"
#include "tuner/rollback.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

std::string shown_value(const std::optional<std::string>& value) {
  return value ? *value : "(absent)";
}

// What a refused write says about the row.
RowState state_of(const Change& change, const Error& error) {
  // What the kernel answers to whoever would move an interrupt that it manages itself: EIO, and
  // since 6.10 EPERM. (Who may not open the file at all gets another error.)
  const bool kept = error.sys_errno == EIO || error.sys_errno == EPERM;
  if (change.setting_id == "irq.affinity" && kept) {
    return RowState::kernel_managed;
  }
  switch (error.code) {
    case ErrorCode::denied:
      return RowState::denied;
    case ErrorCode::unsupported:
    case ErrorCode::absent:
      return RowState::unsupported;
    default:
      return RowState::failed;
  }
}

bool is_thread(const Change& change) { return change.path == "thread.affinity"; }

// The kernel gives as many huge pages as it finds memory in one piece for, and finds more when it
// is asked again: each request makes it move pages together.
constexpr int kHugePageTries = 4;

bool wants_more_pages(const Change& change, const std::optional<std::string>& now) {
  if (change.kind != ChangeKind::write_file || !change.path.ends_with("/nr_hugepages"))
    return false;
  const auto wanted = parse_uint(change.after);
  const auto given = parse_uint(now.value_or(""));
  return wanted && given && *given < *wanted;
}

// The profile with only those settings that were changed: the other rows stand in the plan as they
// were judged there, and reading them again would take most of a tune's time.
profiles::Profile changed_part(const profiles::Profile& profile, const Plan& plan) {
  std::set<std::string_view> changed;
  for (const PlanRow& row : plan.rows) {
    if (row.state == RowState::changed) changed.insert(row.setting->id);
  }
  profiles::Profile part = profile;
  std::erase_if(part.settings, [&](const profiles::WantedSetting& wanted) {
    return !changed.contains(wanted.id);
  });
  return part;
}

// The check's own words on what was written: reading back one file is not the whole effect.
Expected<void> check_changed_rows(const Host& host, const profiles::Profile& profile,
                                  std::chrono::sys_seconds now, Plan& plan) {
  const auto today = std::chrono::floor<std::chrono::days>(now);
  const profiles::Profile part = changed_part(profile, plan);
  if (part.settings.empty()) return {};
  const auto report = check(host, probes::probe(host), part, today);
  if (!report) return Failure(report.error());
  std::map<std::pair<std::string_view, std::string_view>, const CheckRow*> rows;
  for (const CheckRow& row : report->rows) rows[{row.id, row.target}] = &row;
  for (PlanRow& row : plan.rows) {
    const auto found = rows.find({row.setting->id, row.target});
    if (row.state != RowState::changed || found == rows.end()) continue;
    const CheckRow& after = *found->second;
    row.note = after.reason;
    if (after.outcome == Outcome::ok || after.outcome == Outcome::kernel_managed) continue;
    // An idle device's interrupt moves when it comes next; until then only the wish can be read.
    const bool asked =
        row.setting->set_on == TargetKind::irq &&
        agrees(row.setting->kind, row.want.match, row.want.value, after.configured).value_or(false);
    if (asked) {
      row.note = "takes effect with its next interrupt";
      continue;
    }
    const std::string& value = after.effective.empty() ? after.configured : after.effective;
    row.state =
        after.outcome == Outcome::pending_reboot ? RowState::pending_reboot : RowState::failed;
    if (row.state == RowState::failed) {
      row.note = fmt::format("was written, and reads {}{}{}", value,
                             after.reason.empty() ? "" : ": ", after.reason);
    }
  }
  return {};
}

std::string first_failure(const Plan& plan) {
  for (const PlanRow& row : plan.rows) {
    if (row.required && row.state == RowState::failed) {
      return fmt::format("{} on {}: {}", row.setting->id, row.target, row.note);
    }
  }
  return {};
}

Journal journal_of(const Plan& plan, const JournalFolder& folder, const ApplyOptions& options) {
  Journal journal{.id = folder.free_id(fmt::format("{:%Y%m%dT%H%M%SZ}", options.now)),
                  .state = JournalState::planned,
                  .created = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", options.now),
                  .boot_id = plan.boot_id,
                  .tool = options.tool,
                  .profile = plan.profile,
                  .profile_digest = plan.profile_digest,
                  .reapplied = options.reapplied,
                  .changes = {}};
  for (const PlanRow& row : plan.rows) {
    journal.changes.insert(journal.changes.end(), row.changes.begin(), row.changes.end());
  }
  journal.changes.insert(journal.changes.end(), plan.lasting.begin(), plan.lasting.end());
  return journal;
}

}  // namespace

Transaction::Transaction(Host& host, Plan plan, JournalFolder& folder, const ApplyOptions& options)
    : host_(host),
      plan_(std::move(plan)),
      folder_(folder),
      journal_(journal_of(plan_, folder, options)),
      options_(options),
      on_(journal_.changes.size()),
      dropped_(plan_.rows.size()) {
  std::size_t at = 0;
  for (const PlanRow& row : plan_.rows) {
    first_.push_back(at);
    at += row.changes.size();
  }
  first_.push_back(at);
}

Expected<Transaction> Transaction::begin(Host& host, Plan plan, JournalFolder& folder,
                                         const ApplyOptions& options) {
  Transaction transaction(host, std::move(plan), folder, options);
  if (auto ready = folder.prepare(); !ready) return Failure(ready.error());
  if (auto kept = transaction.save_and_compare(); !kept) return Failure(kept.error());
  return transaction;
}

Expected<void> Transaction::save_and_compare() {
  if (auto saved = folder_.save(journal_); !saved) return saved;
  const auto back = folder_.load(journal_.id);
  if (!back) return Failure(back.error());
  if (back->changes == journal_.changes) return {};
  return fail(ErrorCode::invalid, "write journal", journal_.id,
              "an old value does not survive being written down; nothing was changed");
}

bool Transaction::save() {
  auto saved = folder_.save(journal_);
  if (!saved) why_ = saved.error().message();
  return saved.has_value();
}

void Transaction::stop() {
  interrupted_ = true;
  why_ = "it was stopped";
}

bool Transaction::is_moved_by_us(const Change& change) const {
  if (change.follows.empty()) return false;
  const Setting* own = find_setting(change.setting_id);
  for (std::size_t at = 0; at < journal_.changes.size(); ++at) {
    const Change& made = journal_.changes[at];
    if (!on_[at] || made.setting_id != change.follows) continue;
    if (made.target == change.target || find_setting(made.setting_id)->set_on != own->set_on) {
      return true;
    }
  }
  return false;
}

bool Transaction::keep_value(std::size_t at, const std::optional<std::string>& now) {
  if (!now || journal_.changes[at].after == *now) return true;
  journal_.changes[at].after = *now;
  return save();
}

Transaction::Made Transaction::refused(PlanRow* row, const Change& change, const Error& error) {
  const RowState state = row != nullptr ? state_of(change, error) : RowState::failed;
  if (row != nullptr) {
    row->state = state;
    row->note = error.message();
  }
  const bool fatal = state == RowState::failed || state == RowState::denied;
  if (!fatal || options_.keep_going || (row != nullptr && !row->required)) return Made::no;
  why_ = error.message();
  return Made::stop;
}

// `change` is the plan's own: the journal's may hold what the kernel made of it.
Transaction::Made Transaction::make_one(PlanRow* row, std::size_t at, const Change& change) {
  if (change.restore_only) return Made::yes;
  if (options_.stop != nullptr && options_.stop->load()) {
    stop();
    return Made::stop;
  }
  const auto old = read_now(host_, change);
  // A thread that has ended disturbs nobody.
  if (!old && is_thread(change) && old.error().code == ErrorCode::absent) return Made::yes;
  if (!old) return refused(row, change, old.error());
  if (!is_before(change, *old)) {
    if (!is_moved_by_us(change)) {
      why_ =
          fmt::format("{} changed from {} to {} while the host was being tuned", subject_of(change),
                      change.absent_before ? "(absent)" : change.before, shown_value(*old));
      if (row != nullptr) row->state = RowState::failed, row->note = why_;
      return Made::stop;
    }
    // Another of our changes moved it: it may be as wanted by now.
    const Setting& setting = *find_setting(change.setting_id);
    const bool good = row != nullptr && *old && change.form == ValueForm::text &&
                      change.kind == ChangeKind::write_file &&
                      agrees(setting.kind, row->want.match, row->want.value,
                             with_unit(setting.kind, setting.unit, **old))
                          .value_or(false);
    if (good || is_after(change, *old)) return keep_value(at, *old) ? Made::yes : Made::stop;
  }
  if (auto done = perform(host_, change); !done) {
    // A call may fail after it acted: only a value that reads as before was not changed, and any
    // other is ours to undo.
    const auto left = read_now(host_, change);
    on_[at] = !left || !is_before(change, *left);
    if (on_[at] && left && *left) journal_.changes[at].after = **left;
    return refused(row, change, done.error());
  }
  on_[at] = true;
  auto now = read_now(host_, change);
  for (int again = 0; again < kHugePageTries && now && wants_more_pages(change, *now); ++again) {
    if (auto done = perform(host_, change); !done) return refused(row, change, done.error());
    now = read_now(host_, change);
  }
  if (!now) return refused(row, change, now.error());
  return keep_value(at, *now) ? Made::yes : Made::stop;
}

bool Transaction::make(std::span<const std::size_t> rows) {
  for (const std::size_t index : rows) {
    PlanRow& row = plan_.rows[index];
    if (row.state != RowState::to_change) continue;
    bool whole = true;
    for (std::size_t i = 0; i < row.changes.size(); ++i) {
      // The row failed; its other files stay as they are. Of threads each one counts for itself.
      if (!whole && !is_thread(row.changes[i])) continue;
      const Made made = make_one(&row, first_[index] + i, row.changes[i]);
      if (made == Made::stop) return false;
      whole = whole && made == Made::yes;
    }
    if (whole) row.state = RowState::changed;
  }
  return true;
}

bool Transaction::take_back(std::span<const std::size_t> rows) {
  // An undo that is killed half-way has to be finished by whoever finds the journal.
  if (!std::exchange(journal_.undo_begun, true) && !save()) return false;
  Journal part = journal_;
  part.state = JournalState::applied;
  part.changes.clear();
  for (const std::size_t index : rows) {
    const auto begin = journal_.changes.begin();
    part.changes.insert(part.changes.end(), begin + static_cast<std::ptrdiff_t>(first_[index]),
                        begin + static_cast<std::ptrdiff_t>(first_[index + 1]));
  }
  for (const UndoRow& undone : undo_changes(host_, part)) {
    if (undone.outcome != UndoOutcome::conflict && undone.outcome != UndoOutcome::failed) continue;
    why_ = undone.outcome == UndoOutcome::conflict
               ? fmt::format("{} changed from {} to {} while the host was being tuned",
                             undone.subject, undone.after, undone.now)
               : fmt::format("{} on {}: {}", undone.id, undone.target, undone.note);
    return false;
  }
  for (const std::size_t index : rows) {
    for (std::size_t at = first_[index]; at < first_[index + 1]; ++at) on_[at] = false;
    PlanRow& row = plan_.rows[index];
    if (row.state == RowState::changed) row.state = RowState::to_change, row.note.clear();
  }
  return true;
}

void Transaction::give_up(std::span<const std::size_t> rows, const std::string& note) {
  for (const std::size_t index : rows) {
    dropped_[index] = true;
    PlanRow& row = plan_.rows[index];
    if (row.state != RowState::to_change) continue;
    row.state = RowState::put_back;
    row.note = note;
  }
}

bool Transaction::make_lasting() {
  for (std::size_t i = 0; i < plan_.lasting.size(); ++i) {
    if (make_one(nullptr, changes_of_rows() + i, plan_.lasting[i]) == Made::stop) return false;
  }
  return true;
}

bool Transaction::make_lasting(std::vector<Change> changes) {
  plan_.lasting = std::move(changes);
  journal_.changes.resize(changes_of_rows());
  journal_.changes.insert(journal_.changes.end(), plan_.lasting.begin(), plan_.lasting.end());
  on_.assign(on_.begin(), on_.begin() + static_cast<std::ptrdiff_t>(changes_of_rows()));
  on_.resize(journal_.changes.size());
  if (auto kept = save_and_compare(); !kept) {
    why_ = kept.error().message();
    return false;
  }
  return make_lasting();
}

bool Transaction::check_again(const profiles::Profile& profile) {
  auto checked = check_changed_rows(host_, profile, options_.now, plan_);
  if (!checked) why_ = checked.error().message();
  return checked.has_value();
}

bool Transaction::required_rows_hold() {
  if (!options_.keep_going) why_ = first_failure(plan_);
  return why_.empty();
}

bool Transaction::commit() {
  const bool nothing = std::ranges::none_of(on_, [](bool on) { return on; });
  std::vector<Change> kept;
  for (std::size_t at = 0; at < journal_.changes.size(); ++at) {
    const auto row = std::upper_bound(first_.begin(), first_.end(), at) - first_.begin() - 1;
    const bool is_lasting = at >= changes_of_rows();
    if (is_lasting || !dropped_[static_cast<std::size_t>(row)]) {
      kept.push_back(journal_.changes[at]);
    }
  }
  Journal closed = journal_;
  // A journal of nothing must not stand before the one that somebody wants to undo.
  closed.state = nothing ? JournalState::rolled_back : JournalState::applied;
  if (!nothing) closed.changes = std::move(kept), closed.undo_begun = false;
  if (auto saved = folder_.save(closed); !saved) {
    why_ = saved.error().message();
    return false;
  }
  journal_ = std::move(closed);
  // One for each boot would pile up; one that cannot be removed is in nobody's way.
  if (journal_.reapplied) (void)folder_.forget_earlier_boots(journal_.boot_id);
  return true;
}

ApplyReport Transaction::put_back(const std::string& why) && {
  ApplyReport report{.plan = std::move(plan_),
                     .journal = journal_.id,
                     .undone = why_.empty() ? why : why_,
                     .interrupted = interrupted_,
                     .rollback = {}};
  // Unlike whoever finds the journal of a process that died, we know each value that we wrote: what
  // reads otherwise was changed by somebody else, and is theirs.
  journal_.state = JournalState::applied;
  auto undone = rollback(host_, folder_, std::move(journal_), {});
  if (!undone) {
    report.undone += "; and it could not be undone: " + undone.error().message();
    return report;
  }
  for (PlanRow& row : report.plan.rows) {
    if (row.state == RowState::changed) row.state = RowState::put_back;
    if (row.state == RowState::to_change) row.state = RowState::left_out;
  }
  report.rollback = *std::move(undone);
  return report;
}

ApplyReport Transaction::report() && {
  return {.plan = std::move(plan_),
          .journal = journal_.state == JournalState::rolled_back ? std::string() : journal_.id,
          .undone = {},
          .rollback = {}};
}

}  // namespace assay::tuner
