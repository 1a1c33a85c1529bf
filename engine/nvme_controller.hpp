// An NVMe controller driven from user space: brought up on memory of our own, with one pair of
// queues for reads and writes that is polled; no interrupt is ever enabled (NVM Express base
// specification, "Controller properties", "Queues"; NVM command set, "Read", "Write").
//
// One thread at a time. The device and all memory live as long as the controller.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/vfio_device.hpp"
#include "engine/clock.hpp"
#include "engine/outside_fence.hpp"

namespace assay::engine {

// A submission queue entry: 64 bytes.
struct NvmeCommand {
  std::uint8_t opcode = 0, flags = 0;
  std::uint16_t id = 0;
  std::uint32_t namespace_id = 0;
  std::uint64_t reserved = 0, metadata = 0;
  std::uint64_t data[2] = {};   // PRP 1 and 2: bus addresses of pages, or of a list of them
  std::uint32_t words[6] = {};  // command dwords 10 to 15
};
static_assert(sizeof(NvmeCommand) == 64);

// A completion queue entry: 16 bytes. `status` carries the phase in its lowest bit.
struct NvmeAnswer {
  std::uint32_t result = 0, reserved = 0;
  std::uint16_t queue_head = 0, queue_id = 0, id = 0, status = 0;
};
static_assert(sizeof(NvmeAnswer) == 16);

// One submission queue and its completion queue, in memory that the controller reaches.
class NvmeQueuePair {
 public:
  NvmeQueuePair() = default;
  NvmeQueuePair(const DeviceRegisters& registers, unsigned id, unsigned entries, void* commands,
                void* answers, unsigned stride_shift);

  unsigned entries() const { return entries_; }
  // Places a command; ring() tells the controller. The caller keeps less than entries() in flight.
  void place(const NvmeCommand& command) {
    commands_[tail_] = command;
    tail_ = tail_ + 1 == entries_ ? 0 : tail_ + 1;
  }
  void ring() const {
    outside_fence<__ATOMIC_SEQ_CST>();  // entries before the doorbell
    registers_->write32(doorbell_, tail_);
  }
  // Calls done(id, status without phase) for each answer that is there; how many there were.
  template <typename Done>
  unsigned reap(Done done) {
    unsigned found = 0;
    while (true) {
      const volatile NvmeAnswer& answer = answers_[head_];
      const std::uint16_t status = answer.status;
      if ((status & 1U) != phase_) break;
      outside_fence<__ATOMIC_ACQUIRE>();
      const std::uint16_t id = answer.id;
      if (++head_ == entries_) {
        head_ = 0;
        phase_ ^= 1U;
      }
      ++found;
      done(id, static_cast<std::uint16_t>(status >> 1));
    }
    if (found > 0) registers_->write32(doorbell_ + stride_, head_);
    return found;
  }

 private:
  const DeviceRegisters* registers_ = nullptr;
  NvmeCommand* commands_ = nullptr;
  volatile NvmeAnswer* answers_ = nullptr;
  unsigned entries_ = 0, tail_ = 0, head_ = 0;
  std::uint16_t phase_ = 1;
  std::size_t doorbell_ = 0, stride_ = 0;
};

struct NvmeIdentity {
  std::string serial, model;
  std::uint64_t transfer_bytes_max = 0;         // of one command; 0: no limit
  std::uint64_t block_bytes = 512, blocks = 0;  // of the namespace
};

class NvmeController {
 public:
  // Resets and enables the controller, asks who it is, and makes its pair of queues with room for
  // `depth` commands. Errors: unsupported (page or queue size), io (no answer, a command refused).
  static Expected<std::unique_ptr<NvmeController>> start(const VfioDevice& device,
                                                         unsigned namespace_id, unsigned depth);
  NvmeController(const NvmeController&) = delete;
  NvmeController& operator=(const NvmeController&) = delete;
  // Stops it, so that it reaches no memory any more.
  ~NvmeController();

  const NvmeIdentity& identity() const { return identity_; }
  NvmeQueuePair& queue() { return queue_; }

 private:
  NvmeController() = default;
  Expected<void> bring_up(const VfioDevice& device);
  Expected<void> identify(unsigned namespace_id);
  Expected<void> make_queues(unsigned depth);
  // Runs one administrative command and waits for it.
  Expected<void> ask(NvmeCommand command, const char* what);
  Expected<void> wait_ready(bool ready) const;

  DeviceRegisters registers_;
  Mapping memory_;  // queues and the answer to identify
  NvmeQueuePair admin_, queue_;
  NvmeIdentity identity_;
  std::uint64_t capabilities_ = 0;
};

}  // namespace assay::engine
