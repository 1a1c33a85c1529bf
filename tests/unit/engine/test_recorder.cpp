// The recorder: the slowest events, and counts of failures.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "engine/recorder.hpp"

namespace assay::engine {
namespace {

TEST(SlowEvents, KeepsTheSlowestOfMany) {
  SlowEvents events;
  std::vector<std::uint64_t> latencies(10'000);
  for (std::size_t i = 0; i < latencies.size(); ++i) latencies[i] = i + 1;
  std::mt19937 random(7);
  std::ranges::shuffle(latencies, random);
  for (std::size_t i = 0; i < latencies.size(); ++i) events.offer(i, latencies[i], 3);

  const auto kept = events.sorted();
  ASSERT_EQ(kept.size(), SlowEvents::kKept);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(kept[i].latency_ns, 10'000 - i);
    EXPECT_EQ(latencies[kept[i].at_ns], kept[i].latency_ns);
    EXPECT_EQ(kept[i].cpu, 3U);
  }
}

TEST(SlowEvents, KeepsAllOfFew) {
  SlowEvents events;
  events.offer(1, 10, 0);
  events.offer(2, 30, 0);
  events.offer(3, 20, 0);
  const auto kept = events.sorted();
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept[0].latency_ns, 30U);
  EXPECT_EQ(kept[2].latency_ns, 10U);
}

TEST(SlowEvents, MergeKeepsTheSlowestOfBoth) {
  SlowEvents low, high;
  for (std::uint64_t i = 0; i < 100; ++i) low.offer(i, 1 + i, 0);
  for (std::uint64_t i = 0; i < 100; ++i) high.offer(i, 1000 + i, 1);
  low.merge(high);
  const auto kept = low.sorted();
  ASSERT_EQ(kept.size(), SlowEvents::kKept);
  EXPECT_EQ(kept.front().latency_ns, 1099U);
  EXPECT_EQ(kept.back().latency_ns, 1036U);
}

TEST(Recorder, RecordsEveryOperation) {
  Recorder recorder;
  recorder.cpu = 5;
  for (std::uint64_t i = 1; i <= 1000; ++i) recorder.record_service(i, i);
  EXPECT_EQ(recorder.service.count(), 1000U);
  EXPECT_EQ(recorder.service.min_ns(), 1U);
  EXPECT_EQ(recorder.service.max_ns(), 1000U);
  EXPECT_EQ(recorder.slow.sorted().front().cpu, 5U);
}

TEST(Recorder, RemembersTheFirstErrno) {
  Recorder recorder;
  recorder.count_error(EIO);
  recorder.count_error(ENOSPC);
  EXPECT_EQ(recorder.errors, 2U);
  EXPECT_EQ(recorder.first_errno, EIO);
}

}  // namespace
}  // namespace assay::engine
