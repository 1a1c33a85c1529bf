#include "tuner/apply.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "core/units.hpp"
#include "probes/probe.hpp"
#include "tuner/evaluate.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

using Value = std::optional<std::string>;

std::string shown(const Value& value) { return value ? *value : "(absent)"; }

// What a refused write says about the row.
RowState state_of(const Change& change, const Error& error) {
  // The kernel answers EIO to whoever would move an interrupt that it manages itself.
  if (change.setting_id == "irq.affinity" && error.sys_errno == EIO) {
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

bool wants_more_pages(const Change& change, const Value& now) {
  if (change.kind != ChangeKind::write_file || !change.path.ends_with("/nr_hugepages"))
    return false;
  const auto wanted = parse_uint(change.after);
  const auto given = parse_uint(now.value_or(""));
  return wanted && given && *given < *wanted;
}

// One run of the transaction.
class Transaction {
 public:
  Transaction(Host& host, Plan& plan, JournalFolder& folder, Journal journal,
              const ApplyOptions& options)
      : host_(host),
        plan_(plan),
        folder_(folder),
        journal_(std::move(journal)),
        options_(options) {}

  // Makes every change; false when the transaction must be undone, and why() then says for what.
  bool make();
  const std::string& why() const { return why_; }
  bool interrupted() const { return interrupted_; }
  bool changed_something() const { return !made_.empty(); }
  Journal& journal() { return journal_; }

 private:
  enum class Made : std::uint8_t { yes, no, stop };
  Made make_one(PlanRow* row, std::size_t at);
  Made give_up(PlanRow* row, const Change& change, const Error& error);
  bool is_moved_by_us(const Change& change) const;
  // The kernel rounded it: what it holds is what an undo must know as ours.
  bool keep_value(std::size_t at, const Value& now);

  Host& host_;
  Plan& plan_;
  JournalFolder& folder_;
  Journal journal_;
  const ApplyOptions& options_;
  std::vector<const Change*> made_;
  std::string why_;
  bool interrupted_ = false;
};

bool Transaction::is_moved_by_us(const Change& change) const {
  if (change.follows.empty()) return false;
  const Setting* own = find_setting(change.setting_id);
  return std::ranges::any_of(made_, [&](const Change* made) {
    if (made->setting_id != change.follows) return false;
    return made->target == change.target || find_setting(made->setting_id)->set_on != own->set_on;
  });
}

bool Transaction::keep_value(std::size_t at, const Value& now) {
  if (!now) return true;
  journal_.changes[at].after = *now;
  auto saved = folder_.save(journal_);
  if (saved) return true;
  why_ = saved.error().message();
  return false;
}

Transaction::Made Transaction::give_up(PlanRow* row, const Change& change, const Error& error) {
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

Transaction::Made Transaction::make_one(PlanRow* row, std::size_t at) {
  const Change& change = journal_.changes[at];
  if (change.restore_only) return Made::yes;
  if (options_.stop != nullptr && options_.stop->load()) {
    interrupted_ = true;
    why_ = "it was stopped";
    return Made::stop;
  }
  const auto old = read_now(host_, change);
  // A thread that has ended disturbs nobody.
  if (!old && is_thread(change) && old.error().code == ErrorCode::absent) return Made::yes;
  if (!old) return give_up(row, change, old.error());
  if (!is_before(change, *old)) {
    if (!is_moved_by_us(change)) {
      why_ =
          fmt::format("{} changed from {} to {} while the host was being tuned", subject_of(change),
                      change.absent_before ? "(absent)" : change.before, shown(*old));
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
    // A call may fail after it acted: only a value that reads as before was not changed.
    const auto left = read_now(host_, change);
    if (!left || !is_before(change, *left)) made_.push_back(&change);
    return give_up(row, change, done.error());
  }
  made_.push_back(&change);
  auto now = read_now(host_, change);
  for (int again = 0; again < kHugePageTries && now && wants_more_pages(change, *now); ++again) {
    if (auto done = perform(host_, change); !done) return give_up(row, change, done.error());
    now = read_now(host_, change);
  }
  if (!now) return give_up(row, change, now.error());
  if (is_after(change, *now)) return Made::yes;
  return keep_value(at, *now) ? Made::yes : Made::stop;
}

bool Transaction::make() {
  std::size_t at = 0;
  for (PlanRow& row : plan_.rows) {
    bool whole = true;
    for (std::size_t i = 0; i < row.changes.size(); ++i, ++at) {
      // The row failed; its other files stay as they are. Of threads each one counts for itself.
      if (!whole && !is_thread(row.changes[i])) continue;
      const Made made = make_one(&row, at);
      if (made == Made::stop) return false;
      whole = whole && made == Made::yes;
    }
    if (whole && row.state == RowState::to_change) row.state = RowState::changed;
  }
  for (std::size_t i = 0; i < plan_.lasting.size(); ++i, ++at) {
    if (make_one(nullptr, at) == Made::stop) return false;
  }
  return true;
}

// The check's own words on what was written: reading back one file is not the whole effect.
Expected<void> check_again(const Host& host, const profiles::Profile& profile,
                           std::chrono::sys_seconds now, Plan& plan) {
  const auto today = std::chrono::floor<std::chrono::days>(now);
  const auto report = check(host, probes::probe(host), profile, today);
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

Expected<void> put_all_back(Host& host, JournalFolder& folder, Journal journal,
                            ApplyReport& report) {
  auto undone = rollback(host, folder, std::move(journal), {});
  if (!undone) return Failure(undone.error());
  for (PlanRow& row : report.plan.rows) {
    if (row.state == RowState::changed) row.state = RowState::put_back;
    if (row.state == RowState::to_change) row.state = RowState::left_out;
  }
  report.rollback = *std::move(undone);
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
                  .changes = {}};
  for (const PlanRow& row : plan.rows) {
    journal.changes.insert(journal.changes.end(), row.changes.begin(), row.changes.end());
  }
  journal.changes.insert(journal.changes.end(), plan.lasting.begin(), plan.lasting.end());
  return journal;
}

// On the disk, and readable as it was meant: an old value that JSON cannot hold would come back
// as another one.
Expected<void> keep_journal(JournalFolder& folder, const Journal& journal) {
  if (auto ready = folder.prepare(); !ready) return ready;
  if (auto saved = folder.save(journal); !saved) return saved;
  const auto back = folder.load(journal.id);
  if (!back) return Failure(back.error());
  if (back->changes == journal.changes) return {};
  return fail(ErrorCode::invalid, "write journal", journal.id,
              "an old value does not survive being written down; nothing was changed");
}

}  // namespace

Expected<ApplyReport> apply(Host& host, Plan plan, const profiles::Profile& profile,
                            JournalFolder& folder, const ApplyOptions& options) {
  ApplyReport report{.plan = std::move(plan), .journal = {}, .undone = {}, .rollback = {}};
  if (report.plan.empty()) return report;
  Journal journal = journal_of(report.plan, folder, options);
  if (auto kept = keep_journal(folder, journal); !kept) return Failure(kept.error());
  report.journal = journal.id;

  Transaction transaction(host, report.plan, folder, std::move(journal), options);
  bool good = transaction.make();
  report.undone = transaction.why();
  report.interrupted = transaction.interrupted();
  if (good) {
    if (auto checked = check_again(host, profile, options.now, report.plan); !checked) {
      good = false;
      report.undone = checked.error().message();
    }
  }
  if (good && !options.keep_going) {
    report.undone = first_failure(report.plan);
    good = report.undone.empty();
  }
  if (good) {
    // A journal of nothing must not stand before the one that somebody wants to undo.
    const bool nothing = !transaction.changed_something();
    if (nothing) report.journal.clear();
    transaction.journal().state = nothing ? JournalState::rolled_back : JournalState::applied;
    if (auto saved = folder.save(transaction.journal()); !saved) {
      good = false;
      report.undone = saved.error().message();
    }
  }
  if (good) return report;
  auto undone = put_all_back(host, folder, std::move(transaction.journal()), report);
  if (!undone) report.undone += "; and it could not be undone: " + undone.error().message();
  return report;
}

}  // namespace assay::tuner
