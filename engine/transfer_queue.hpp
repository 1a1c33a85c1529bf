// Reads and writes of whole chunks, several at once: through io_uring, or one by one where that is
// not to be had. Internal to the engine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/fd.hpp"
#include "engine/ring.hpp"

namespace assay::engine {

// One transfer of bytes, as a slot of the pipeline asks for it.
struct QueuedIo {
  unsigned slot = 0;
  bool write = false;
  int fd = -1;
  std::byte* data = nullptr;
  std::size_t size = 0;
  std::uint64_t offset = 0;
};

struct FinishedIo {
  unsigned slot = 0;
  std::int64_t result = 0;  // bytes, or -errno
};

// One user at a time. At most one transfer of a slot is under way; its memory stays until it is
// finished.
class TransferQueue {
 public:
  virtual ~TransferQueue() = default;
  virtual void add(const QueuedIo& io) = 0;
  // Waits until at least one is finished and appends all that are. Error: the ring broke.
  virtual Expected<void> wait(std::vector<FinishedIo>& finished) = 0;
  virtual std::uint64_t calls() const = 0;
};

// `buffers`: the slots' memory, registered with the ring where the limits allow it.
Expected<std::unique_ptr<TransferQueue>> make_ring_queue(const Host& host, unsigned depth,
                                                         std::span<const iovec> buffers);
std::unique_ptr<TransferQueue> make_plain_queue();

}  // namespace assay::engine
