// What one record of a latency costs: the histogram's hot path, alone.
//
//   record_cost --benchmark_repetitions=9 --benchmark_report_aggregates_only=true
//
// The values are drawn beforehand; reading them costs the same in every case, and the "read" case
// shows how much of the figure that is. Run it on an otherwise idle machine.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "stats/histogram.hpp"
#include "stats/random.hpp"

namespace assay::stats {
namespace {

constexpr std::size_t kValues = 4096;  // stay in the first-level cache

enum class Values { same, narrow, wide };

std::vector<std::uint64_t> make_values(Values kind) {
  SplitMix64 random(1);
  std::vector<std::uint64_t> values(kValues);
  for (std::uint64_t& value : values) {
    switch (kind) {
      case Values::same:  // every record meets the one before in the same bucket
        value = 1234;
        break;
      case Values::narrow:  // a quiet device: a few dozen buckets
        value = 9'000 + random.below(2'000);
        break;
      case Values::wide:  // four decades, with a tail
        value = static_cast<std::uint64_t>(500.0 * std::pow(random.uniform(), -1.5));
        break;
    }
  }
  return values;
}

void read_only(benchmark::State& state) {
  const auto values = make_values(Values::wide);
  std::size_t next = 0;
  for (auto _ : state) {
    std::uint64_t value = values[next];
    benchmark::DoNotOptimize(value);
    next = (next + 1) % kValues;
  }
}
BENCHMARK(read_only)->Name("read");

void record(benchmark::State& state, Values kind) {
  const auto values = make_values(kind);
  Histogram histogram;
  std::size_t next = 0;
  for (auto _ : state) {
    histogram.record(values[next]);
    // The totals live in memory, as they do between two operations of an engine.
    benchmark::ClobberMemory();
    next = (next + 1) % kValues;
  }
  if (histogram.count() != static_cast<std::uint64_t>(state.iterations())) {
    state.SkipWithError("the histogram lost records");
  }
}
BENCHMARK_CAPTURE(record, same, Values::same);
BENCHMARK_CAPTURE(record, narrow, Values::narrow);
BENCHMARK_CAPTURE(record, wide, Values::wide);

}  // namespace
}  // namespace assay::stats

BENCHMARK_MAIN();
