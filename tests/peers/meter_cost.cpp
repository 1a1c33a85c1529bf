// What the meter itself costs in a hot loop: one record, a pair of time stamps, and both. Each
// figure is the median of interleaved rounds over a million repetitions, in nanoseconds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "core/real_host.hpp"
#include "engine/clock.hpp"
#include "engine/recorder.hpp"

namespace assay::engine {
namespace {

constexpr unsigned kRepetitions = 1'000'000;
constexpr unsigned kRounds = 9;
constexpr std::size_t kValues = 4096;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

template <typename F>
double ns_each(F&& body) {
  const auto start = std::chrono::steady_clock::now();
  for (unsigned i = 0; i < kRepetitions; ++i) body(i);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  return took.count() / kRepetitions;
}

// Values as latencies are: most in a narrow band, some far out.
std::vector<std::uint64_t> latencies() {
  std::vector<std::uint64_t> values(kValues);
  std::uint64_t state = 88172645463325252ULL;
  for (std::uint64_t& value : values) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    value = 1000 + state % 512 + (state % 97 == 0 ? state % 1'000'000 : 0);
  }
  return values;
}

void measure(const Clock& clock) {
  const auto values = latencies();
  const TickScale scale = clock.scale();
  Recorder recorder;
  std::uint64_t sink = 0;
  std::array<std::vector<double>, 3> rounds;
  with_ticks(clock, [&]<typename Ticks>(Ticks) {
    for (unsigned round = 0; round < kRounds; ++round) {
      rounds[0].push_back(
          ns_each([&](unsigned i) { recorder.record_service(i, values[i % kValues]); }));
      rounds[1].push_back(ns_each([&](unsigned) {
        const std::uint64_t start = Ticks::start();
        sink += Ticks::now() - start;
      }));
      rounds[2].push_back(ns_each([&](unsigned) {
        const std::uint64_t start = Ticks::start();
        const std::uint64_t stop = Ticks::now();
        recorder.record_service(scale.to_ns(stop), scale.to_ns(stop - start));
      }));
    }
  });
  fmt::print("one record                     {:6.2f} ns (wanted ≤ 3)\n", median(rounds[0]));
  fmt::print("pair of time stamps            {:6.2f} ns\n", median(rounds[1]));
  fmt::print("pair of time stamps and record {:6.2f} ns (wanted ≤ 40 on a virtual machine)\n",
             median(rounds[2]));
  if (sink == 0 || recorder.service.empty()) fmt::print("nothing was recorded\n");
}

}  // namespace
}  // namespace assay::engine

int main() {
  const auto host = assay::make_real_host();
  const auto clock = assay::engine::Clock::calibrate(*host);
  if (!clock) return 1;
  assay::engine::measure(*clock);
  return 0;
}
