// Puts back what a journal says was there before: after a tune, after a tune that was killed at any
// point, and after a reboot.
//
// Only what still holds our value is touched. What holds the old value already counts as restored
// (a reboot does that); anything else was changed by somebody since, and is a conflict that is
// reported and left alone unless forced. Things are found by their stable names, so a journal
// outlives a reboot that numbers drives and interrupts anew. Every restored value is read again.
//
// A transaction that was killed in the middle of a write may have left a value that is neither the
// old nor the asked one, because the kernel rounds. The last value that differs from its old one is
// therefore taken for ours while the journal says "planned".
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/host.hpp"
#include "tuner/journal.hpp"

namespace assay::tuner {

enum class UndoOutcome : std::uint8_t {
  restored,   // was put back, and reads as before
  unchanged,  // held the old value already
  gone,       // its device or file is no longer there
  conflict,   // holds neither our value nor the old one: left alone
  failed      // could not be read or put back
};
std::string_view to_string(UndoOutcome outcome);  // "restored", ...

struct UndoRow {
  std::string id, target;
  std::string subject;             // the file, request or command line
  std::string before, after, now;  // the old value, ours, and what was found
  UndoOutcome outcome = UndoOutcome::unchanged;
  std::string note = {};  // why
};

struct RollbackReport {
  std::string journal, profile, created;
  std::vector<UndoRow> rows;  // in the order in which they were undone
  // Everything is as it was, or gone.
  bool complete() const;
  // 0 everything is as it was; 1 conflicts are left; 4 something could not be put back.
  int exit_code() const;
  std::string exit_reason() const;
};

struct RollbackOptions {
  bool force = false;  // conflicts are overwritten too
};

// Undoes one journal, and marks it rolled-back when nothing is left. Doing it twice is harmless.
// Needs root, and the lock. Errors: only when nothing was touched.
Expected<RollbackReport> rollback(Host& host, JournalFolder& folder, Journal journal,
                                  const RollbackOptions& options);

// Puts back the changes of a part of a transaction that goes on: nothing is saved, and the
// transaction's own journal must be open with `undo_begun`, so that a process that dies in between
// leaves it to be finished. `part` is that journal with these changes alone.
std::vector<UndoRow> undo_changes(Host& host, const Journal& part);

// {"schema":"assay.rollback",...}; described by docs/schemas/rollback.schema.json.
nlohmann::ordered_json to_json(const RollbackReport& report);
std::string render_rollback(const RollbackReport& report);
// The list of `assay rollback --list`.
nlohmann::ordered_json to_json(const std::vector<JournalEntry>& entries);
std::string render_journals(const std::vector<JournalEntry>& entries);

}  // namespace assay::tuner
