// The engine's loop beside a bare ring loop that records nothing, with no device in the way: NOP,
// reads of /dev/zero and writes to /dev/null with registered memory, 32 in flight in batches of 32.
// Interleaved rounds; prints operations per CPU-second of both and their ratio.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/fd.hpp"
#include "core/real_host.hpp"
#include "engine/clock.hpp"
#include "engine/recorder.hpp"
#include "engine/ring.hpp"
#include "engine/uring_loop.hpp"

namespace assay::engine {
namespace {

constexpr unsigned kBatch = 32;
constexpr unsigned kRounds = 9;
constexpr std::uint64_t kBlockBytes = 4096;
constexpr Nanoseconds kSlice{std::chrono::milliseconds(150)};

enum class Work : std::uint8_t { nop, read_zero, write_null };

// What both loops submit.
struct Operation {
  Work work = Work::nop;
  int fd = -1;
  std::byte* memory = nullptr;

  std::uint64_t unit_bytes() const { return work == Work::nop ? 0 : kBlockBytes; }
  void prepare(io_uring_sqe* sqe, unsigned slot, std::uint64_t) const {
    std::byte* const buffer = memory + slot * kBlockBytes;
    if (work == Work::nop) io_uring_prep_nop(sqe);
    if (work == Work::read_zero) io_uring_prep_read_fixed(sqe, fd, buffer, kBlockBytes, 0, 0);
    if (work == Work::write_null) io_uring_prep_write_fixed(sqe, fd, buffer, kBlockBytes, 0, 0);
  }
};

struct SameOffset {
  std::uint64_t next() { return 0; }
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// As little as a loop can do: submit, wait, look at each result.
double bare(Ring& ring, const Operation& operation) {
  const auto end = std::chrono::steady_clock::now() + kSlice;
  const double before = cpu_seconds();
  std::uint64_t done = 0;
  while (std::chrono::steady_clock::now() < end) {
    for (unsigned slot = 0; slot < kBatch; ++slot) {
      operation.prepare(io_uring_get_sqe(ring.get()), slot, 0);
    }
    io_uring_submit_and_wait(ring.get(), kBatch);
    io_uring_cqe* cqe = nullptr;
    unsigned head = 0, seen = 0;
    io_uring_for_each_cqe(ring.get(), head, cqe) {
      if (cqe->res < 0) return 0;
      ++seen;
    }
    io_uring_cq_advance(ring.get(), seen);
    done += seen;
  }
  return static_cast<double>(done) / (cpu_seconds() - before);
}

double engine_loop(Ring& ring, const Clock& clock, Operation operation) {
  Recorder recorder;
  UringSlots slots(kBatch);
  SameOffset offsets;
  const double before = cpu_seconds();
  const bool ran = with_ticks(clock, [&]<typename Ticks>(Ticks) {
    UringLoop<Ticks, Operation> loop(ring, operation, slots, kBatch, clock, recorder);
    return loop.closed(offsets, kSlice).has_value();
  });
  if (!ran || recorder.errors > 0 || recorder.service.count() != recorder.operations) return 0;
  return static_cast<double>(recorder.operations) / (cpu_seconds() - before);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

int compare(const Host& host, std::string_view name, const Clock& clock, Work work,
            const char* path, int flags) {
  auto ring = Ring::create(host, {.entries = kBatch});
  auto memory = Mapping::anonymous(Bytes{kBatch * kBlockBytes});
  if (!ring || !memory) return 1;
  const iovec whole{memory->data(), memory->size().count};
  if (io_uring_register_buffers(ring->get(), &whole, 1) != 0) return 1;
  const UniqueFd fd(path == nullptr ? -1 : ::open(path, flags | O_CLOEXEC));
  const Operation operation{work, fd.get(), memory->as<std::byte>()};
  std::vector<double> bare_rates, engine_rates, ratios;
  for (unsigned round = 0; round < kRounds; ++round) {
    bare_rates.push_back(bare(*ring, operation));
    engine_rates.push_back(engine_loop(*ring, clock, operation));
    ratios.push_back(bare_rates.back() > 0 ? engine_rates.back() / bare_rates.back() : 0);
  }
  fmt::print("{:<22} engine {:>6.2f} M/CPU-s   bare {:>6.2f} M/CPU-s   engine / bare {:.2f}\n",
             name, median(engine_rates) / 1e6, median(bare_rates) / 1e6, median(ratios));
  return 0;
}

}  // namespace
}  // namespace assay::engine

int main() {
  using namespace assay::engine;
  const auto host = assay::make_real_host();
  const auto clock = Clock::calibrate(*host);
  if (!clock) return 1;
  return compare(*host, "NOP", *clock, Work::nop, nullptr, 0) |
         compare(*host, "/dev/zero read_fixed", *clock, Work::read_zero, "/dev/zero", O_RDONLY) |
         compare(*host, "/dev/null write_fixed", *clock, Work::write_null, "/dev/null", O_WRONLY);
}
