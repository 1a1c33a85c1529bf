// What a transaction was going to change, with every old value: all that an undo needs.
//
// Written before the first change and kept afterwards, one file a transaction, in a folder that is
// root's alone. Whoever reads a journal trusts nothing in it: see tuner/allowed.hpp.
//
//   planned      on the disk before the first write; some of it, or all, may have been done
//   applied      all of it was done, or failed and was reported
//   rolled-back  every value is as it was, or its thing is gone
//
// Plain values; the folder's calls are thread-safe as the Host's are. Two transactions at once are
// kept apart by the lock (core/host_lock.hpp), which the caller holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/host.hpp"
#include "tuner/change.hpp"

namespace assay::tuner {

enum class JournalState : std::uint8_t { planned, applied, rolled_back };
std::string_view to_string(JournalState state);  // "planned", "applied", "rolled-back"

struct Journal {
  std::string id;  // "20261121T113301Z"
  JournalState state = JournalState::planned;
  bool undo_begun = false;  // an undo started; until it is rolled-back, it was not finished
  std::string created;      // "2026-11-21T11:33:01Z"
  std::string boot_id;      // of the boot that it was made on
  std::string tool;         // version and build
  std::string profile, profile_digest;
  // Applied again what an earlier transaction made last, at a boot or for a device that came: it is
  // undone with that one.
  bool reapplied = false;
  std::vector<Change> changes;  // in the order in which they are made
};

// {"schema":"assay.journal","version":1,...}; docs/schemas/journal.schema.json.
std::string journal_text(const Journal& journal);
// Errors: invalid, for anything that journal_text() does not write; denied, for a change that no
// setting makes (the first one is named).
Expected<Journal> parse_journal(std::string_view text, std::string_view path);

// One line of `assay rollback --list`.
struct JournalEntry {
  std::string id;
  Expected<Journal> journal;  // or why it cannot be used
};

class JournalFolder {
 public:
  static constexpr std::string_view kDefault = "/var/lib/assay/journal";
  // A host with 2,048 CPUs needs some 4 MiB.
  static constexpr Bytes kSizeMax{32ULL << 20};

  // `host` must outlive the folder. `path` is absolute.
  explicit JournalFolder(Host& host, std::string path = std::string(kDefault));

  const std::string& path() const { return path_; }
  // Makes the folder, mode 0700, with those above it. Errors: denied, with what to do, when it is
  // not root's alone; the host's own.
  Expected<void> prepare();
  // Writes the journal whole and durably: after success it outlives a power failure. Mode 0600.
  Expected<void> save(const Journal& journal);
  // Errors: absent; denied when the file or the folder is not root's alone, or is a link; those of
  // parse_journal().
  Expected<Journal> load(std::string_view id) const;
  // Every journal, oldest first; empty without a folder. Error: the host's own.
  Expected<std::vector<JournalEntry>> list() const;
  // The newest journal that is not rolled back. Error: absent, when there is none.
  Expected<Journal> newest() const;
  // What undoing this transaction takes, in the order in which it is undone: those that applied it
  // again, the newest first, and then itself. An empty id: the newest that is not rolled back.
  // Errors: those of load() and newest().
  Expected<std::vector<Journal>> to_undo(std::string_view id) const;
  // Removes those that applied something again at an earlier boot, where all that they changed
  // went with that boot. Errors: the host's own.
  Expected<void> forget_earlier_boots(std::string_view boot_id);
  // An id that no file has yet, for a time like "20261121T113301Z".
  std::string free_id(std::string_view time) const;

 private:
  Expected<void> check_folder() const;
  std::string file_of(std::string_view id) const;

  Host& host_;
  std::string path_;
};

}  // namespace assay::tuner
