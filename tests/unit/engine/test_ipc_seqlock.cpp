#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "engine/ipc_shm_seqlock.hpp"
#include "engine/peer_thread.hpp"
#include "engine/seqlock.hpp"
#include "tests/unit/engine/technique_fixture.hpp"

namespace assay::engine {
namespace {

struct Memory {
  alignas(Seqlock::kLine) std::array<std::uint64_t, 64> words{};
};

TEST(Seqlock, StartsEmptyAndGivesTheLatestValue) {
  Memory memory;
  Seqlock lock(memory.words.data(), 3);
  EXPECT_EQ(lock.published(), 0U);
  std::vector<std::uint64_t> seen(3);
  lock.publish(std::vector<std::uint64_t>{1, 2, 3});
  lock.publish(std::vector<std::uint64_t>{4, 5, 6});
  EXPECT_EQ(lock.published(), 2U);
  ASSERT_TRUE(lock.try_read(seen));
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{4, 5, 6}));
}

TEST(Seqlock, AReaderInTheMiddleOfAWriteIsTurnedAway) {
  Memory memory;
  Seqlock writer(memory.words.data(), 2), reader(memory.words.data(), 2);
  std::vector<std::uint64_t> seen(2);
  unsigned turned_away = 0;
  writer.publish(std::vector<std::uint64_t>{1, 1});
  writer.publish(std::vector<std::uint64_t>{2, 2}, [&](std::size_t i) {
    if (!reader.try_read(seen)) ++turned_away;
    reader.read_unguarded(seen);
    if (i == 0) {
      EXPECT_EQ(seen, (std::vector<std::uint64_t>{2, 1})) << "torn, as it must be";
    }
  });
  EXPECT_EQ(turned_away, 2U);
}

TEST(Seqlock, TakesWholeLines) {
  EXPECT_EQ(Seqlock::bytes_for(1), 64U);
  EXPECT_EQ(Seqlock::bytes_for(7), 64U);
  EXPECT_EQ(Seqlock::bytes_for(8), 128U);
}

TEST(Seqlock, NoReaderSeesHalfAValueWhileAnotherThreadWrites) {
  Memory memory;
  constexpr std::size_t kWords = 20;
  PeerThread writer;
  ASSERT_TRUE(writer.start(std::nullopt, [&](const std::atomic<bool>& stop) {
    Seqlock lock(memory.words.data(), kWords);
    std::vector<std::uint64_t> value(kWords);
    for (std::uint64_t n = 1; !stop.load(); ++n) {
      std::ranges::fill(value, n);
      lock.publish(value);
    }
  }));
  const Seqlock lock(memory.words.data(), kWords);
  std::vector<std::uint64_t> seen(kWords);
  for (unsigned good = 0; good < 2000;) {
    if (lock.published() == 0 || !lock.try_read(seen)) continue;
    ++good;
    for (const std::uint64_t word : seen) ASSERT_EQ(word, seen.front());
  }
}

class SeqlockBlockTest : public TechniqueTest {
 protected:
  Expected<std::unique_ptr<Block>> make(SeqlockFault fault = SeqlockFault::none) {
    return make_seqlock_block(context_, fault);
  }
};

TEST_F(SeqlockBlockTest, ValuesGoThereAndBackUntorn) {
  for (const std::uint64_t size : {8U, 16U, 64U, 4096U}) {
    SCOPED_TRACE(size);
    parameters_.message = Bytes{size};
    const Outcome outcome = run_block(make());
    expect_clean(outcome);
    EXPECT_TRUE(outcome.verification.applies);
    EXPECT_EQ(outcome.recorder.bytes, 2 * size * outcome.recorder.operations);
  }
}

TEST_F(SeqlockBlockTest, TakesNoSystemCallsOnTwoCpus) {
  if (two_cpus().count() < 2) GTEST_SKIP() << "one CPU: both sides yield";
  EXPECT_EQ(run_block(make()).recorder.enters, 0U);
}

TEST_F(SeqlockBlockTest, WorksOnOneCpuByYielding) {
  context_.cpus = one_cpu();
  const Outcome outcome = run_block(make());
  expect_clean(outcome);
  EXPECT_GT(outcome.recorder.enters, 0U);
}

TEST_F(SeqlockBlockTest, TornValuesUnderLoadAreFoundAndNotEngaged) {
  for (const CpuSet& cpus : {two_cpus(), one_cpu()}) {
    context_.cpus = cpus;
    const Outcome outcome = run_block(make(SeqlockFault::unguarded_reader));
    EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
    EXPECT_FALSE(outcome.verification.verified);
  }
}

TEST_F(SeqlockBlockTest, ADeadPeerIsAnErrorAndNotAHang) {
  const auto warm = make(SeqlockFault::dies).value()->warm_up();
  ASSERT_FALSE(warm);
  EXPECT_NE(warm.error().cause.find("ended"), std::string::npos);
}

TEST_F(SeqlockBlockTest, RefusesWhatIsNotWholeWords) {
  for (const std::uint64_t size : {0U, 4U, 12U, 4104U}) {
    parameters_.message = Bytes{size};
    const auto block = make();
    ASSERT_FALSE(block) << size;
    EXPECT_EQ(block.error().code, ErrorCode::invalid);
  }
}

}  // namespace
}  // namespace assay::engine
