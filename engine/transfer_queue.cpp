#include "engine/transfer_queue.hpp"

#include <unistd.h>

#include <cerrno>

namespace assay::engine {
namespace {

class RingQueue final : public TransferQueue {
 public:
  RingQueue(Ring ring, bool fixed) : ring_(std::move(ring)), fixed_(fixed) {}

  void add(const QueuedIo& io) override {
    // There are as many entries as slots, and a slot has one transfer at most.
    io_uring_sqe* sqe = io_uring_get_sqe(ring_.get());
    const auto size = static_cast<unsigned>(io.size);
    const auto index = static_cast<int>(io.slot);
    if (fixed_ && io.write) {
      io_uring_prep_write_fixed(sqe, io.fd, io.data, size, io.offset, index);
    } else if (fixed_) {
      io_uring_prep_read_fixed(sqe, io.fd, io.data, size, io.offset, index);
    } else if (io.write) {
      io_uring_prep_write(sqe, io.fd, io.data, size, io.offset);
    } else {
      io_uring_prep_read(sqe, io.fd, io.data, size, io.offset);
    }
    io_uring_sqe_set_data64(sqe, io.slot);
  }

  Expected<void> wait(std::vector<FinishedIo>& finished) override {
    ++calls_;
    const int entered = ring_.submit_and_wait(1);
    if (entered < 0 && entered != -EINTR) return fail_errno(-entered, "io_uring_enter");
    unsigned head = 0, seen = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(ring_.get(), head, cqe) {
      finished.push_back({static_cast<unsigned>(io_uring_cqe_get_data64(cqe)), cqe->res});
      ++seen;
    }
    io_uring_cq_advance(ring_.get(), seen);
    return {};
  }

  std::uint64_t calls() const override { return calls_; }

 private:
  Ring ring_;
  bool fixed_;
  std::uint64_t calls_ = 0;
};

class PlainQueue final : public TransferQueue {
 public:
  void add(const QueuedIo& io) override {
    ++calls_;
    const auto offset = static_cast<off_t>(io.offset);
    const ssize_t moved = io.write ? ::pwrite(io.fd, io.data, io.size, offset)
                                   : ::pread(io.fd, io.data, io.size, offset);
    done_.push_back({io.slot, moved < 0 ? -errno : moved});
  }
  Expected<void> wait(std::vector<FinishedIo>& finished) override {
    finished.insert(finished.end(), done_.begin(), done_.end());
    done_.clear();
    return {};
  }
  std::uint64_t calls() const override { return calls_; }

 private:
  std::vector<FinishedIo> done_;
  std::uint64_t calls_ = 0;
};

}  // namespace

Expected<std::unique_ptr<TransferQueue>> make_ring_queue(const Host& host, unsigned depth,
                                                         std::span<const iovec> buffers) {
  auto ring = Ring::create(host, {.entries = depth});
  if (!ring) return std::unexpected(ring.error());
  const bool fixed = ring->register_buffers(buffers).has_value();
  return std::make_unique<RingQueue>(std::move(*ring), fixed);
}

std::unique_ptr<TransferQueue> make_plain_queue() { return std::make_unique<PlainQueue>(); }

}  // namespace assay::engine
