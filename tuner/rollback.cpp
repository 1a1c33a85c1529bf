#include "tuner/rollback.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "probes/probe.hpp"
#include "tuner/persisted.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner {
namespace {

using Value = std::optional<std::string>;

// One change on its way back.
struct Step {
  Change change;
  UndoRow row;
  Expected<Value> found = Value();  // before anything was undone
  bool ours = false;                // to be put back
  bool done = false;                // was put back, or held the old value
};

bool is_reload(const Change& change) {
  return change.kind == ChangeKind::run && change.path.empty();
}

std::string shown(const Value& value) { return value ? *value : "(absent)"; }

class Rollback {
 public:
  Rollback(Host& host, const Journal& journal, const RollbackOptions& options)
      : host_(host),
        options_(options),
        interrupted_(journal.state == JournalState::planned),
        resumed_(journal.undo_begun) {
    const probes::Inventory inventory = probes::probe(host);
    const Persisted persisted;
    const profiles::Roles roles;
    const HostView view{host, inventory, persisted, roles};
    same_boot_ = !journal.boot_id.empty() && journal.boot_id == inventory.kernel.boot_id;
    for (const Change& change : journal.changes) add(view, change);
  }

  std::vector<UndoRow> run();

 private:
  void add(const HostView& view, const Change& change);
  void classify(Step& step);
  void mark_write_under_way();
  // The step that moves this one; null when the journal has none.
  const Step* leader_of(const Step& step) const;
  void put_back(Step& step);
  void put_back_follower(Step& step);
  void reload(Step& step);
  void verify(Step& step);

  Host& host_;
  const RollbackOptions options_;
  const bool interrupted_;
  const bool resumed_;
  bool same_boot_ = false;
  std::vector<Step> steps_;
};

void fail_step(Step& step, const Error& error) {
  step.row.outcome = UndoOutcome::failed;
  step.row.note = error.message();
}

// Finds the target by its stable name: "sda" may be another drive on this boot.
void Rollback::add(const HostView& view, const Change& change) {
  Step step{.change = change, .row = {}, .found = Value()};
  const Setting& setting = *find_setting(change.setting_id);
  bool there = change.local.empty();
  if (!there) {
    for (const Target& target : setting.targets(view)) {
      if (target.name != change.target) continue;
      step.change.local = target.local;
      there = true;
    }
  }
  step.row = {.id = change.setting_id,
              .target = change.target,
              .subject = subject_of(step.change),
              .before = change.absent_before ? "(absent)" : change.before,
              .after = change.kind == ChangeKind::remove_file ? "(absent)" : change.after,
              .now = {}};
  if (!there) {
    step.row.outcome = UndoOutcome::gone;
    step.row.note = "this host has no such target now";
  } else if (!is_reload(change)) {
    step.found = read_now(host_, step.change);
    classify(step);
  }
  steps_.push_back(std::move(step));
}

void Rollback::classify(Step& step) {
  if (!step.found) {
    const bool absent = step.found.error().code == ErrorCode::absent;
    step.row.outcome = absent ? UndoOutcome::gone : UndoOutcome::failed;
    step.row.note = step.found.error().message();
    return;
  }
  step.row.now = shown(*step.found);
  if (is_before(step.change, *step.found)) {
    step.done = true;
    step.row.outcome = UndoOutcome::unchanged;
  } else if (is_after(step.change, *step.found) || options_.force) {
    step.ours = true;
  } else {
    step.row.outcome = UndoOutcome::conflict;
    step.row.note = "somebody changed it since; --force puts the old value back all the same";
  }
}

// See the header: the kernel may have rounded the value that was being written.
void Rollback::mark_write_under_way() {
  if (!interrupted_) return;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    const bool written =
        step->change.kind == ChangeKind::write_file || step->change.kind == ChangeKind::ethtool;
    if (!written || step->change.restore_only || step->done || !step->found) continue;
    // A follower that differs may only have been moved, and is put back after its leader anyway.
    if (step->row.outcome == UndoOutcome::gone || leader_of(*step) != nullptr) continue;
    if (step->row.outcome == UndoOutcome::conflict) {
      step->ours = true;
      step->row.note = "its write was under way when the transaction ended";
    }
    return;
  }
}

const Step* Rollback::leader_of(const Step& step) const {
  const Setting* own = find_setting(step.change.setting_id);
  for (const Step& other : steps_) {
    if (step.change.follows.empty() || other.change.setting_id != step.change.follows) continue;
    if (other.change.restore_only) continue;
    const Setting* leader = find_setting(other.change.setting_id);
    if (other.change.target == step.change.target || leader->set_on != own->set_on) return &other;
  }
  return nullptr;
}

void Rollback::put_back(Step& step) {
  if (!step.ours) return;
  if (auto done = undo(host_, step.change); !done) return fail_step(step, done.error());
  step.row.outcome = UndoOutcome::restored;
  step.row.note.clear();
  step.done = true;
}

// What the undo of another setting moves is put back after it, whatever it reads by then. An undo
// that was killed between the two is taken up again.
void Rollback::put_back_follower(Step& step) {
  const Step* leader = leader_of(step);
  const bool moved = leader != nullptr && leader->done &&
                     (leader->row.outcome == UndoOutcome::restored || (resumed_ && same_boot_));
  if (!moved) {
    if (step.change.restore_only) step.ours = false;
    return put_back(step);
  }
  const auto now = read_now(host_, step.change);
  if (!now) return;  // classify() said why
  if (is_before(step.change, *now)) {
    if (step.ours) step.row.outcome = UndoOutcome::restored;
    if (!step.done) step.row.note.clear();
    if (step.row.outcome == UndoOutcome::conflict) step.row.outcome = UndoOutcome::restored;
    step.done = true;
    return;
  }
  step.ours = true;
  put_back(step);
}

// Programs that read the files that were put back (update-grub, systemctl daemon-reload).
void Rollback::reload(Step& step) {
  if (auto ran = undo(host_, step.change); !ran) return fail_step(step, ran.error());
  step.row.outcome = UndoOutcome::restored;
  step.done = true;
}

void Rollback::verify(Step& step) {
  if (step.row.outcome != UndoOutcome::restored || is_reload(step.change)) return;
  const auto now = read_now(host_, step.change);
  if (!now) return fail_step(step, now.error());
  if (is_before(step.change, *now)) return;
  step.row.outcome = UndoOutcome::failed;
  step.row.note = fmt::format("was written, and reads {}", shown(*now));
}

std::vector<UndoRow> Rollback::run() {
  mark_write_under_way();
  const auto follows = [&](const Step& step) { return leader_of(step) != nullptr; };
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    if (!is_reload(step->change) && !follows(*step)) put_back(*step);
  }
  for (Step& step : steps_) {
    if (follows(step)) put_back_follower(step);
  }
  for (Step& step : steps_) {
    if (is_reload(step.change)) reload(step);
  }
  std::vector<UndoRow> rows;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    verify(*step);
    // A value that was only kept for the case is no row of its own unless it was needed.
    if (step->change.restore_only && step->row.outcome != UndoOutcome::restored &&
        step->row.outcome != UndoOutcome::failed) {
      continue;
    }
    rows.push_back(std::move(step->row));
  }
  return rows;
}

}  // namespace

std::vector<UndoRow> undo_changes(Host& host, const Journal& part) {
  return Rollback(host, part, {}).run();
}

Expected<RollbackReport> rollback(Host& host, JournalFolder& folder, Journal journal,
                                  const RollbackOptions& options) {
  Rollback undo(host, journal, options);
  if (!journal.undo_begun) {
    journal.undo_begun = true;
    // A full disk must not keep anybody from undoing: what is lost is only that a second undo, of
    // one that is killed, calls a value a conflict that the first one moved.
    (void)folder.save(journal);
  }
  RollbackReport report{.journal = journal.id,
                        .profile = journal.profile,
                        .created = journal.created,
                        .rows = undo.run()};
  if (!report.complete() || journal.state == JournalState::rolled_back) return report;
  journal.state = JournalState::rolled_back;
  if (auto saved = folder.save(journal); !saved) {
    // The host is as it was; only the note of it is missing, and a second rollback finds no work.
    report.rows.push_back({.id = "journal",
                           .target = "host",
                           .subject = journal.id,
                           .before = {},
                           .after = {},
                           .now = {},
                           .outcome = UndoOutcome::failed,
                           .note = saved.error().message()});
  }
  return report;
}

}  // namespace assay::tuner
