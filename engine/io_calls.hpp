// What an IoQueue does where there is no io_uring: the same operations by preadv2(2), pwritev2(2)
// and fdatasync(2), in order, when they are handed over. Internal to the engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/io_queue.hpp"

namespace assay::engine {

enum class IoKind : std::uint8_t { read, write, sync };

// One operation, as both back ends take it.
struct IoOperation {
  IoKind kind = IoKind::read;
  IoOrder order;
  FileId file;
  MemoryId memory;
  std::byte* data = nullptr;
  std::size_t size = 0;
  std::uint64_t offset = 0;
  std::uint64_t tag = 0;
};

// Carries one out. Bytes moved, or -errno; EINTR is retried.
int call_once(const IoOperation& operation, int descriptor);

// Operations that were prepared, and the results of those that were carried out, by slot. Every
// list has its full capacity from the start. One user at a time.
class IoCalls {
 public:
  explicit IoCalls(unsigned depth) : prepared_(depth), done_(depth), results_(depth) {}

  void prepare(unsigned slot, const IoOperation& operation, int descriptor) {
    prepared_.push({slot, descriptor, false, operation});
  }
  // Carries everything out. Order, links and barriers come by themselves.
  void run();
  // Gives up what has this tag and was not carried out. How many.
  unsigned cancel(std::uint64_t tag);
  // The next result, in order. False: there is none.
  bool next(unsigned& slot, int& result);

 private:
  struct Prepared {
    unsigned slot = 0;
    int descriptor = -1;
    bool cancelled = false;
    IoOperation operation;
  };
  // First in, first out; as many as there are slots.
  template <typename T>
  struct Ring {
    explicit Ring(unsigned depth) : items(depth) {}
    void push(T item) { items[(head + count++) % items.size()] = item; }
    T pop() {
      T item = items[head];
      head = (head + 1) % items.size();
      --count;
      return item;
    }
    T& at(std::size_t i) { return items[(head + i) % items.size()]; }
    std::vector<T> items;
    std::size_t head = 0, count = 0;
  };

  Ring<Prepared> prepared_;
  Ring<unsigned> done_;
  std::vector<int> results_;  // by slot
};

}  // namespace assay::engine
