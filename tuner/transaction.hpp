// A plan made true step by step, under one journal: what `apply()` does in one go, and what a
// caller that looks at the host between the steps (certify/prove.hpp) does row by row.
//
// Every old value is on the disk before the first write. From then on the journal describes the
// host at any moment, whichever rows are on or off: a process that is killed leaves one that
// rollback() can use. Used by one thread, which holds the lock; what it is given outlives it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/host.hpp"
#include "tuner/apply.hpp"
#include "tuner/journal.hpp"
#include "tuner/plan.hpp"

namespace assay::tuner {

class Transaction {
 public:
  // Writes the journal of everything that the plan may change, and reads it back. Errors: only when
  // nothing was changed: the journal could not be written, or does not read back as it is.
  static Expected<Transaction> begin(Host& host, Plan plan, JournalFolder& folder,
                                     const ApplyOptions& options);

  // Each of these returns false when the transaction cannot go on: why() says for what, and the
  // caller ends it with put_back().

  // Makes the changes of these rows (indices into plan().rows), in this order. What became of a row
  // is its state. Rows that are made already, or have no change, are left alone.
  bool make(std::span<const std::size_t> rows);
  // Takes back what make() did, by the rules of a rollback: their state is to_change again. False
  // when somebody changed a value in between, or it cannot be put back.
  bool take_back(std::span<const std::size_t> rows);
  // Rows that shall stay as they were: after take_back(), they leave the journal with commit().
  void give_up(std::span<const std::size_t> rows, const std::string& note);
  // Makes the whole files of the plan, or others in their place (which the journal learns first).
  bool make_lasting();
  bool make_lasting(std::vector<Change> changes);
  // The check's own words on the rows that are changed: reading back one file is not the whole
  // effect. A row that is not as wanted becomes failed or pending_reboot.
  bool check_again(const profiles::Profile& profile);
  // False when a required row failed, unless the caller keeps going.
  bool required_rows_hold();
  // Closes the journal: it holds what was kept, and rollback() undoes it.
  bool commit();

  // Undoes everything, and says so in the report. `why` stands in it when the transaction itself
  // knows no reason.
  ApplyReport put_back(const std::string& why) &&;
  // The report of a transaction that was kept.
  ApplyReport report() &&;

  const Plan& plan() const { return plan_; }
  const std::string& why() const { return why_; }
  // The caller's stop flag was seen, here or by stop().
  bool interrupted() const { return interrupted_; }
  // Ends it as a stop by the user would.
  void stop();

 private:
  enum class Made : std::uint8_t { yes, no, stop };

  Transaction(Host& host, Plan plan, JournalFolder& folder, const ApplyOptions& options);
  std::size_t changes_of_rows() const { return first_.empty() ? 0 : first_.back(); }
  Made make_one(PlanRow* row, std::size_t at, const Change& wanted);
  Made refused(PlanRow* row, const Change& change, const Error& error);
  bool is_moved_by_us(const Change& change) const;
  // The kernel rounded it: what it holds is what an undo must know as ours.
  bool keep_value(std::size_t at, const std::optional<std::string>& now);
  bool save();
  // On the disk, and readable as it was meant: an old value that JSON cannot hold would come back
  // as another one.
  Expected<void> save_and_compare();

  Host& host_;
  Plan plan_;
  JournalFolder& folder_;
  Journal journal_;
  ApplyOptions options_;
  std::vector<std::size_t> first_;  // where each row's changes begin in the journal; and their end
  std::vector<bool> on_;            // which changes of the journal were made
  std::vector<bool> dropped_;       // which rows were given up
  std::string why_;
  bool interrupted_ = false;
};

}  // namespace assay::tuner
