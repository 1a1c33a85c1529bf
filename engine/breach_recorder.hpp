// The flight recorder: the last records before an operation that took too long, and those behind
// it.
//
// Every record goes round in a ring. The first one over the threshold marks a breach; when as many
// again have followed as are wanted behind it, the ring's content is set aside. All memory is taken
// at construction; adding never allocates, locks, logs or throws. One writer; the breaches are read
// when it has stopped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace assay::engine {

// One operation as the ring keeps it.
struct BreachRecord {
  std::uint64_t at_ns = 0;        // its end, on the run's clock
  std::uint64_t service_ns = 0;   // from its real start
  std::uint64_t response_ns = 0;  // from its intended start; closed loop: 0
};

// What is set aside: `records` in the order in which they ended; records[breach] is the first that
// was over the threshold.
struct Breach {
  std::vector<BreachRecord> records;
  std::size_t breach = 0;
  unsigned round = 0;  // of the block
};

struct BreachOptions {
  std::uint64_t threshold_ns = 0;  // a record above it is a breach
  bool open_loop = false;          // judged by the response instead of the service
  // Default: 512 records before it and 128 behind it.
  std::size_t before = 512, behind = 128;
  std::size_t kept_max = 8;  // breaches that are set aside; later ones are counted only
};

class BreachRecorder {
 public:
  explicit BreachRecorder(const BreachOptions& options);

  void service(std::uint64_t at_ns, std::uint64_t latency_ns) {
    if (left_ > 0 && --left_ == 0) set_aside();
    ring_[next_] = {at_ns, latency_ns, 0};
    latest_ = next_;
    next_ = next_ + 1 == ring_.size() ? 0 : next_ + 1;
    if (filled_ < ring_.size()) ++filled_;
    if (!options_.open_loop && latency_ns > options_.threshold_ns) breached();
  }
  // Of the operation whose service was told last.
  void response(std::uint64_t latency_ns) {
    ring_[latest_].response_ns = latency_ns;
    if (options_.open_loop && latency_ns > options_.threshold_ns) breached();
  }

  // Ends the block: a breach that still waited for records behind it is set aside with those there
  // are. The ring starts empty again.
  void finish();
  // The breaches of the block since take() was last called.
  std::vector<Breach> take();
  std::uint64_t seen() const { return seen_; }  // records over the threshold, in all blocks

 private:
  void breached() {
    ++seen_;
    if (left_ == 0 && kept_count_ < kept_.size()) {
      left_ = options_.behind + 1;  // the record that finds it at 0 comes after the last wanted
      breach_at_ = latest_;
    }
  }
  void set_aside();

  BreachOptions options_;
  std::vector<BreachRecord> ring_;
  std::vector<Breach> kept_;  // each with room for a whole ring
  std::size_t kept_count_ = 0, next_ = 0, latest_ = 0, filled_ = 0, left_ = 0, breach_at_ = 0;
  std::uint64_t seen_ = 0;
};

}  // namespace assay::engine
