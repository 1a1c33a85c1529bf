// The rings in shared memory: nothing lost, nothing out of order, whoever comes and goes.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <thread>
#include <vector>

#include "core/fd.hpp"
#include "engine/broadcast_ring.hpp"
#include "engine/ipc_shm_ring.hpp"
#include "engine/peer_thread.hpp"
#include "engine/spsc_ring.hpp"
#include "tests/unit/engine/technique_fixture.hpp"

namespace assay::engine {
namespace {

// Memory for any ring of a test, zeroed.
class RingMemory {
 public:
  RingMemory() : mapping_(Mapping::anonymous(1_MiB, MAP_SHARED).value()) {}
  std::span<std::byte> bytes() const { return {mapping_.as<std::byte>(), mapping_.size().count}; }

 private:
  Mapping mapping_;
};

std::span<const std::byte> bytes_of(const std::uint64_t& number) {
  return std::as_bytes(std::span(&number, 1));
}

std::uint64_t number_in(std::span<const std::byte> message) {
  std::uint64_t number = 0;
  std::memcpy(&number, message.data(), std::min(sizeof number, message.size()));
  return number;
}

TEST(SpscRing, KeepsOrderAndRefusesWhatDoesNotFit) {
  const RingMemory memory;
  const SpscRing ring = SpscRing::create(memory.bytes(), {.slots = 4, .slot_bytes = 8}).value();
  SpscRing::Producer producer(ring);
  SpscRing::Consumer consumer(ring);
  EXPECT_TRUE(consumer.peek().empty());
  std::uint64_t next_in = 0, next_out = 0;
  for (int lap = 0; lap < 5; ++lap) {
    while (producer.push(bytes_of(next_in))) ++next_in;
    EXPECT_EQ(next_in - next_out, 4U);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(number_in(consumer.peek()), next_out++);
      consumer.release();
    }
  }
  EXPECT_EQ(producer.published(), next_in);
  EXPECT_EQ(consumer.consumed(), next_out);
}

TEST(SpscRing, ANewProducerAndANewConsumerGoOnWhereTheOthersStopped) {
  const RingMemory memory;
  {
    const SpscRing ring = SpscRing::create(memory.bytes(), {.slots = 2, .slot_bytes = 8}).value();
    SpscRing::Producer first(ring);
    for (const std::uint64_t n : {1U, 2U}) ASSERT_TRUE(first.push(bytes_of(n)));
    SpscRing::Consumer consumer(ring);
    consumer.release();
    ASSERT_TRUE(first.push(bytes_of(std::uint64_t{3})));
  }
  const SpscRing ring = SpscRing::attach(memory.bytes()).value();
  SpscRing::Producer producer(ring);
  EXPECT_FALSE(producer.push(bytes_of(std::uint64_t{4}))) << "it is full, and stays so";
  SpscRing::Consumer consumer(ring);
  EXPECT_EQ(number_in(consumer.peek()), 2U);
}

TEST(SpscRing, MessagesKeepTheirLength) {
  const RingMemory memory;
  const SpscRing ring = SpscRing::create(memory.bytes(), {.slots = 2, .slot_bytes = 100}).value();
  SpscRing::Producer producer(ring);
  SpscRing::Consumer consumer(ring);
  for (const std::size_t length : {1U, 7U, 100U}) {
    ASSERT_TRUE(producer.push(std::vector<std::byte>(length, std::byte{9})));
    EXPECT_EQ(consumer.peek().size(), length);
    consumer.release();
  }
  // Another process wrote nonsense: the reader stays inside the slot.
  ASSERT_EQ(producer.claim().size(), 100U);
  producer.publish(1U << 30);
  EXPECT_EQ(consumer.peek().size(), 100U);
}

TEST(SharedRing, SaysWhatIsWrong) {
  const RingMemory memory;
  const auto code = [](const auto& made) { return made ? ErrorCode::io : made.error().code; };
  EXPECT_EQ(code(SpscRing::attach(memory.bytes())), ErrorCode::absent);
  for (const std::uint64_t slots : {0U, 1U, 3U, 1U << 21}) {
    EXPECT_EQ(code(SpscRing::create(memory.bytes(), {slots, 8})), ErrorCode::invalid) << slots;
  }
  for (const std::uint64_t size : {0U, (1U << 20) + 1}) {
    EXPECT_EQ(code(SpscRing::create(memory.bytes(), {2, size})), ErrorCode::invalid) << size;
  }
  EXPECT_EQ(code(SpscRing::create(memory.bytes(), {1U << 20, 64})), ErrorCode::invalid) << "large";
  EXPECT_EQ(code(SpscRing::create(memory.bytes().subspan(8), {2, 8})), ErrorCode::invalid);
  ASSERT_TRUE(SpscRing::create(memory.bytes(), {64, 64}));
  EXPECT_EQ(code(BroadcastRing::attach(memory.bytes())), ErrorCode::absent) << "another kind";
  EXPECT_EQ(code(SpscRing::attach(memory.bytes().first(256))), ErrorCode::invalid) << "cut short";
}

TEST(BroadcastRing, EveryConsumerSeesWhatIsPublishedAfterItJoined) {
  const RingMemory memory;
  const BroadcastRing ring = BroadcastRing::create(memory.bytes(), {4, 8}).value();
  BroadcastRing::Producer producer(ring);
  for (std::uint64_t n = 0; n < 10; ++n) ASSERT_TRUE(producer.push(bytes_of(n))) << "alone";
  auto early = BroadcastRing::Consumer::join(ring).value();
  EXPECT_TRUE(early.peek().empty());
  EXPECT_EQ(early.next(), 10U);
  ASSERT_TRUE(producer.push(bytes_of(std::uint64_t{10})));
  auto late = BroadcastRing::Consumer::join(ring).value();
  ASSERT_TRUE(producer.push(bytes_of(std::uint64_t{11})));
  EXPECT_EQ(number_in(early.peek()), 10U);
  EXPECT_EQ(number_in(late.peek()), 11U);
  EXPECT_NE(early.number(), late.number());
}

TEST(BroadcastRing, TheSlowestHoldsTheProducerUpUntilItReadsLeavesOrIsEvicted) {
  const RingMemory memory;
  const BroadcastRing ring = BroadcastRing::create(memory.bytes(), {2, 8}).value();
  BroadcastRing::Producer producer(ring);
  EXPECT_FALSE(producer.slowest());
  auto fast = BroadcastRing::Consumer::join(ring).value();
  auto slow =
      std::make_unique<BroadcastRing::Consumer>(BroadcastRing::Consumer::join(ring).value());
  const auto push = [&](std::uint64_t n) {
    const bool pushed = producer.push(bytes_of(n));
    if (pushed) fast.release();
    return pushed;
  };
  EXPECT_TRUE(push(0) && push(1));
  EXPECT_FALSE(push(2));
  ASSERT_TRUE(producer.slowest());
  EXPECT_EQ(producer.slowest()->consumer, slow->number());
  EXPECT_EQ(producer.slowest()->behind, 2U);
  slow->release();
  EXPECT_TRUE(push(2));
  EXPECT_FALSE(push(3));
  slow.reset();
  EXPECT_TRUE(push(3) && push(4) && push(5));
  auto dead = BroadcastRing::Consumer::join(ring).value();
  EXPECT_TRUE(push(6) && push(7));
  EXPECT_FALSE(push(8));
  producer.evict(dead.number());
  EXPECT_TRUE(push(8));
}

TEST(BroadcastRing, HasRoomForSixtyFour) {
  const RingMemory memory;
  const BroadcastRing ring = BroadcastRing::create(memory.bytes(), {2, 8}).value();
  std::vector<BroadcastRing::Consumer> all;
  for (std::size_t i = 0; i < BroadcastRing::kConsumersMax; ++i) {
    all.push_back(BroadcastRing::Consumer::join(ring).value());
  }
  EXPECT_FALSE(BroadcastRing::Consumer::join(ring));
  all.pop_back();
  EXPECT_TRUE(BroadcastRing::Consumer::join(ring));
}

// One mapping for all threads, so that ThreadSanitizer sees both sides of every access.
TEST(SpscRing, TwoThreadsLoseNothing) {
  const RingMemory memory;
  const SpscRing ring = SpscRing::create(memory.bytes(), {.slots = 8, .slot_bytes = 64}).value();
  constexpr std::uint64_t kMessages = 50'000;
  PeerThread producer;
  ASSERT_TRUE(producer.start(std::nullopt, [&](const std::atomic<bool>& stop) {
    SpscRing::Producer side(ring);
    for (std::uint64_t n = 0; n < kMessages && !stop.load();) {
      if (side.push(bytes_of(n))) {
        ++n;
      } else {
        std::this_thread::yield();
      }
    }
  }));
  SpscRing::Consumer consumer(ring);
  for (std::uint64_t n = 0; n < kMessages;) {
    const auto message = consumer.peek();
    if (message.empty()) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(number_in(message), n++);
    consumer.release();
  }
}

TEST(BroadcastRing, ConsumersThatComeAndGoSeeAnUnbrokenRun) {
  const RingMemory memory;
  const BroadcastRing ring = BroadcastRing::create(memory.bytes(), {4, 8}).value();
  std::atomic<bool> stop{false};
  std::atomic<unsigned> broken{0}, joined{0};
  const auto consume = [&] {
    while (!stop.load()) {
      auto consumer = BroadcastRing::Consumer::join(ring).value();
      ++joined;
      for (int i = 0; i < 100 && !stop.load();) {
        const auto message = consumer.peek();
        if (message.empty()) {
          std::this_thread::yield();
          continue;
        }
        if (number_in(message) != consumer.next()) ++broken;
        consumer.release();
        ++i;
      }
    }
  };
  std::thread first(consume), second(consume);
  BroadcastRing::Producer producer(ring);
  for (std::uint64_t n = 0; n < 20'000;) {
    if (producer.push(bytes_of(n))) {
      ++n;
    } else {
      std::this_thread::yield();
    }
  }
  stop = true;
  first.join();
  second.join();
  EXPECT_EQ(broken.load(), 0U);
  EXPECT_GE(joined.load(), 2U);
}

class RingBlockTest : public TechniqueTest {
 protected:
  Expected<std::unique_ptr<Block>> make(const char* variant, RingFault fault = RingFault::none) {
    parameters_.variant = variant;
    return make_shm_ring_block(context_, fault);
  }
};

TEST_F(RingBlockTest, EverySequenceNumberIsSeen) {
  for (const char* variant : {"spsc", "one-to-many"}) {
    for (const std::uint64_t size : {8U, 16U, 64U, 4096U}) {
      SCOPED_TRACE(testing::Message() << variant << " " << size);
      parameters_.message = Bytes{size};
      const Outcome outcome = run_block(make(variant));
      expect_clean(outcome);
      EXPECT_TRUE(outcome.verification.applies);
      EXPECT_GT(outcome.verification.checked, outcome.recorder.operations);
    }
  }
}

TEST_F(RingBlockTest, WorksOnOneCpuByYielding) {
  context_.cpus = one_cpu();
  for (const char* variant : {"spsc", "one-to-many"}) {
    const Outcome outcome = run_block(make(variant));
    expect_clean(outcome);
    EXPECT_GT(outcome.recorder.enters, 0U);
    EXPECT_NE(outcome.engagement.evidence.find("yields"), std::string::npos);
  }
}

TEST_F(RingBlockTest, TakesNoSystemCallsOnTwoCpus) {
  if (two_cpus().count() < 2) GTEST_SKIP() << "one CPU: both sides yield";
  EXPECT_EQ(run_block(make("spsc")).recorder.enters, 0U);
}

TEST_F(RingBlockTest, LostMessagesAreFoundAndNotEngaged) {
  for (const char* variant : {"spsc", "one-to-many"}) {
    const Outcome outcome = run_block(make(variant, RingFault::overruns));
    EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
    EXPECT_EQ(outcome.engagement.evidence.find(" 0 lost"), std::string::npos);
  }
}

TEST_F(RingBlockTest, AChangedByteIsSeen) {
  for (const char* variant : {"spsc", "one-to-many"}) {
    const Outcome outcome = run_block(make(variant, RingFault::corrupts));
    EXPECT_FALSE(outcome.verification.verified);
    EXPECT_TRUE(outcome.engagement.engaged) << "every message was seen all the same";
  }
}

TEST_F(RingBlockTest, ADeadSubscriberIsAnErrorAndNotAHang) {
  const auto warm = make("one-to-many", RingFault::dies).value()->warm_up();
  ASSERT_FALSE(warm);
  EXPECT_NE(warm.error().cause.find("ended"), std::string::npos);
}

TEST_F(RingBlockTest, RefusesWhatMakesNoSense) {
  const Technique& row = *find_technique("ipc.shm-ring");
  EXPECT_EQ(row.variants(inventory_), (std::vector<std::string>{"spsc", "one-to-many"}));
  parameters_.variant = "many-to-many";
  EXPECT_FALSE(row.available(host(), inventory_, parameters_).available);
  for (const std::uint64_t size : {0U, 4U, 12U, 4104U}) {
    parameters_.message = Bytes{size};
    EXPECT_FALSE(make("spsc")) << size;
  }
}

}  // namespace
}  // namespace assay::engine
