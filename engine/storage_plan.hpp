// What a storage block is going to do, checked: parameters resolved against the file, its part of
// the page cache prepared, and the data verified afterwards. Shared by every storage technique, so
// that candidate and baseline mean the same by "cached", "device" and "verified".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/fd.hpp"
#include "engine/memory_mapping.hpp"
#include "engine/technique.hpp"

namespace assay::engine {

// What sets one storage technique apart from another before its first operation.
struct StorageNeeds {
  bool direct_default = false;   // O_DIRECT unless told otherwise
  bool direct_required = false;  // is O_DIRECT's own technique
  unsigned batch_default = 1;
  unsigned depth_min = 1;        // with less depth it would not be the technique
  unsigned depth_default = 1;    // taken instead then
  bool batch_is_record = false;  // one operation is `batch` blocks that lie side by side
  bool sequential_only = false;  // knows no other order
  bool write_only = false;       // it is about writing, whatever `op` says
  // How completions are awaited unless told otherwise; absent: asleep, which needs no name.
  std::optional<Completion> completion_default = std::nullopt;
};

// Fills in direct, regime, batch and depth. Idempotent; /dev/zero and /dev/null stay without
// O_DIRECT and regime.
Parameters resolve_storage(const Parameters& parameters, const StorageNeeds& needs);

// The checked plan of one block. Values only.
struct StoragePlan {
  // `write`: it writes, at least some of the time; `mixed`: reads and writes, `read_share` percent
  // reads.
  bool mixed = false;
  unsigned read_share = 100;
  bool write = false, direct = false, sequential = false;
  Regime regime = Regime::cached;
  std::uint64_t block_bytes = 4096;
  std::uint64_t unit_bytes = 4096;  // one operation: a block, or `batch` of them
  // Its part of the file: the whole, unless several threads share it.
  std::uint64_t first_unit = 0, units = 0;
  unsigned lanes = 1;  // threads that share it
  unsigned depth = 1, batch = 1;
  Completion completion = Completion::block;
  double rate_per_s = 0;  // 0: closed loop
  Arrival arrival = Arrival::poisson;
  std::uint64_t seed = 0;        // of the order of offsets: the same for both sides
  std::uint64_t generation = 0;  // of what this block writes; never used twice by a process
};

// Errors: invalid (no file, a block that O_DIRECT's alignment forbids, a file smaller than one
// operation, direct together with cached), each with what to change.
Expected<StoragePlan> plan_storage(const BlockContext& context, const StorageNeeds& needs);

// The page cache side of a block: brings the regime about before it, and says after it whether the
// regime held. Outlived by context and file.
class RegimeKeeper {
 public:
  RegimeKeeper(const StoragePlan& plan, TestFile& file) : plan_(plan), file_(file) {}
  // Warms or evicts, and verifies that. Errors: those of TestFile::warm() and evict(). Warmed pages
  // stay locked as long as this object lives where the memlock limit allows it, since a kernel may
  // reclaim cold ones at any time (DAMON, a cgroup's limit) and the block would not count.
  Expected<void> prepare();
  // After `operations` of the block: engaged says that the regime held to the end.
  Engagement check(std::uint64_t operations) const;

 private:
  const StoragePlan& plan_;
  TestFile& file_;
  std::uint64_t pages_before_ = 0;
  Mapping locked_;  // the file's pages, or nothing
};

// Memory for operations in flight: `slots` times `unit_bytes`, page-aligned and prefaulted, and for
// writes filled with sectors that only need stamping. Locked where the limit allows. Blocks of
// several pages lie on transparent huge pages where the kernel gives them: it then tells the device
// one piece instead of a page after the other.
class SlotBuffers {
 public:
  static Expected<SlotBuffers> make(const StoragePlan& plan, unsigned slots, std::uint64_t seed);
  std::byte* at(unsigned slot) const { return memory_->data() + slot * stride_; }
  std::span<std::byte> span(unsigned slot) const { return {at(slot), unit_bytes_}; }
  std::span<std::byte> memory() const { return {memory_->data(), memory_->size().count}; }
  // How much of it lies on huge pages; 0 too where the kernel does not tell.
  Bytes on_huge_pages(const Host& host) const;

 private:
  std::optional<PageMapping> memory_;
  std::uint64_t stride_ = 0, unit_bytes_ = 0;
};

// Compares what a technique read, or wrote, with the file as plain pread(2) sees it, and the file's
// sectors with their checksums. Used outside the timed part.
class DataChecker {
 public:
  // Error: the file cannot be opened for reading.
  static Expected<DataChecker> make(const StoragePlan& plan, TestFile& file);
  // One unit at `offset` that the technique left in `data`.
  void check(std::span<const std::byte> data, std::uint64_t offset);
  Verification result() const { return result_; }

 private:
  DataChecker(const StoragePlan& plan, TestFile& file) : plan_(&plan), file_(&file) {}
  void check_mixed(std::span<const std::byte> data, std::uint64_t offset, bool same);
  void wrong(std::uint64_t offset, std::string_view what);

  const StoragePlan* plan_;
  TestFile* file_;
  UniqueFd fd_;
  std::span<std::byte> there() const { return {memory_.as<std::byte>(), memory_.size().count}; }
  Mapping memory_;  // one unit
  Verification result_;
};

// Units that a block reads again through its own path after the timed part, to be checked.
inline constexpr unsigned kVerifiedUnits = 32;

}  // namespace assay::engine
