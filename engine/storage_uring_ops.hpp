// What io_uring operations of the storage techniques are made of; see uring_loop.hpp for what the
// loop wants of an Op. Internal to engine/storage_uring_block.cpp.
#pragma once

#include <linux/nvme_ioctl.h>

#include <cstring>
#include <vector>

#include "engine/mixed_access.hpp"
#include "engine/storage_uring_state.hpp"
#include "engine/uring_abi.hpp"

namespace assay::engine {

enum class Flow : std::uint8_t { read, write, mixed };

// Reads or writes one unit of the file, or, mixed, throws a coin for each; see uring_loop.hpp for
// what the loop wants of it.
template <Flow kFlow, bool kFixedBuffers, bool kFixedFile>
class FileOp {
 public:
  static constexpr Flow kFlows = kFlow;
  static constexpr int kRead = kFixedBuffers ? IORING_OP_READ_FIXED : IORING_OP_READ;
  static constexpr int kWrite = kFixedBuffers ? IORING_OP_WRITE_FIXED : IORING_OP_WRITE;

  explicit FileOp(const UringState& state)
      : buffers_(state.buffers),
        unit_bytes_(state.plan.unit_bytes),
        generation_(state.plan.generation),
        descriptor_(kFixedFile ? 0 : state.fd.get()),
        coin_(state.plan.read_share, state.plan.seed) {}

  std::uint64_t unit_bytes() const { return unit_bytes_; }

  void prepare(io_uring_sqe* sqe, unsigned slot, std::uint64_t offset) {
    const bool reads = reads_next();
    if (!reads) stamp(buffers_.span(slot), offset, generation_);
    io_uring_prep_rw(reads ? kRead : kWrite, sqe, descriptor_, buffers_.at(slot),
                     static_cast<unsigned>(unit_bytes_), offset);
    sqe->buf_index = 0;
    if constexpr (kFixedFile) sqe->flags |= IOSQE_FIXED_FILE;
  }

  // From here on it only reads: what follows is verification.
  void only_read() { over_ = true; }
  // Mixed: how many of each were prepared.
  Engagement share(unsigned read_share) const { return share_held(reads_, writes_, read_share); }

 private:
  bool reads_next() {
    if constexpr (kFlow != Flow::mixed) return kFlow == Flow::read;
    if (over_) return true;
    const bool reads = coin_.next();
    ++(reads ? reads_ : writes_);
    return reads;
  }

  const SlotBuffers& buffers_;
  std::uint64_t unit_bytes_, generation_;
  int descriptor_;
  ReadCoin coin_;
  bool over_ = false;
  std::uint64_t reads_ = 0, writes_ = 0;
};

// A write, and an fdatasync that the kernel starts when the write is done: one submission.
class LinkedOp {
 public:
  static constexpr Flow kFlows = Flow::write;
  static constexpr unsigned kEntries = 2;

  explicit LinkedOp(UringState& state)
      : buffers_(state.buffers),
        links_(state.links),
        unit_bytes_(state.plan.unit_bytes),
        generation_(state.plan.generation),
        descriptor_(state.fd.get()),
        link_(state.sabotage.unlinked ? 0 : static_cast<unsigned char>(IOSQE_IO_LINK)),
        first_(state.plan.depth, kUnfinished) {}

  std::uint64_t unit_bytes() const { return unit_bytes_; }

  void prepare(io_uring_sqe* sqe, unsigned slot, std::uint64_t offset) {
    stamp(buffers_.span(slot), offset, generation_);
    io_uring_prep_write(sqe, descriptor_, buffers_.at(slot), static_cast<unsigned>(unit_bytes_),
                        offset);
    sqe->flags |= link_;
    first_[slot] = kUnfinished;
  }
  void prepare_second(io_uring_sqe* sqe, unsigned) const {
    io_uring_prep_fsync(sqe, descriptor_, IORING_FSYNC_DATASYNC);
  }
  // A write that must fail, to see whether its fsync is cancelled.
  void prepare_failing(io_uring_sqe* sqe) const {
    io_uring_prep_write(sqe, -1, buffers_.at(0), static_cast<unsigned>(unit_bytes_), 0);
    sqe->flags |= link_;
  }

  // The first of a pair to come is kept; the pair's result is the write's, or the fsync's errno.
  int finish(unsigned slot, unsigned part, int result) {
    if (first_[slot] == kUnfinished) {
      first_[slot] = result;
      ++(part == 0 ? links_.in_order : links_.out_of_order);
      return kUnfinished;
    }
    const int written = part == 0 ? result : first_[slot];
    const int synced = part == 0 ? first_[slot] : result;
    return written < 0 || synced == 0 ? written : synced;
  }

 private:
  const SlotBuffers& buffers_;
  LinkCounts& links_;
  std::uint64_t unit_bytes_, generation_;
  int descriptor_;
  unsigned char link_;
  std::vector<int> first_;  // per slot: the result that came first
};

// An NVMe read or write that the kernel hands to the drive as it is, past block layer and
// filesystem; on registered memory (NVM command set specification, "Read", "Write").
template <bool kWrite>
class CommandOp {
 public:
  static constexpr Flow kFlows = kWrite ? Flow::write : Flow::read;

  explicit CommandOp(const UringState& state)
      : buffers_(state.buffers),
        unit_bytes_(state.plan.unit_bytes),
        generation_(state.plan.generation),
        block_bytes_(state.target.block_bytes),
        descriptor_(state.fd.get()) {
    command_.opcode = kWrite ? 0x01 : 0x02;
    command_.nsid = state.target.namespace_id;
    command_.data_len = static_cast<unsigned>(unit_bytes_);
    command_.cdw12 = static_cast<unsigned>(unit_bytes_ / block_bytes_) - 1;
  }

  std::uint64_t unit_bytes() const { return unit_bytes_; }

  void prepare(io_uring_sqe* sqe, unsigned slot, std::uint64_t offset) {
    if constexpr (kWrite) stamp(buffers_.span(slot), offset, generation_);
    const std::uint64_t block = offset / block_bytes_;
    command_.addr = reinterpret_cast<std::uintptr_t>(buffers_.at(slot));
    command_.cdw10 = static_cast<unsigned>(block);
    command_.cdw11 = static_cast<unsigned>(block >> 32);
    std::memset(sqe, 0, sizeof *sqe);
    sqe->opcode = IORING_OP_URING_CMD;
    sqe->fd = descriptor_;
    sqe->cmd_op = NVME_URING_CMD_IO;
    sqe->uring_cmd_flags = uring_abi::kUringCmdFixed;
    sqe->buf_index = 0;
    // The command lies in the second half of a big entry: bytes 48 to 127.
    std::memcpy(sqe->cmd, &command_, sizeof command_);
  }

  // 0 is success; above it stands the drive's own status.
  int finish(unsigned, unsigned, int result) const {
    if (result == 0) return static_cast<int>(unit_bytes_);
    return result > 0 ? -EIO : result;
  }

 private:
  const SlotBuffers& buffers_;
  std::uint64_t unit_bytes_, generation_, block_bytes_;
  int descriptor_;
  nvme_uring_cmd command_{};
};

}  // namespace assay::engine
