#include <gtest/gtest.h>

#include "core/replay_host.hpp"
#include "engine/ipc_echo.hpp"
#include "engine/techniques_ipc.hpp"
#include "engine/techniques_net.hpp"
#include "tests/unit/engine/technique_fixture.hpp"

namespace assay::engine {
namespace {

Expected<EchoChannel> open_udp_on_loopback() { return open_udp_channel("127.0.0.1"); }

struct Kind {
  const char* name;
  Expected<EchoChannel> (*open)();
  std::uint64_t largest;
};

class EchoTest : public TechniqueTest, public testing::WithParamInterface<Kind> {
 protected:
  Expected<std::unique_ptr<Block>> make(const EchoOptions& options = {}) {
    auto channel = GetParam().open();
    if (!channel) return std::unexpected(channel.error());
    return make_echo_block(context_, std::move(*channel), options);
  }
  // Past the warm-up, which is 64 messages.
  static EchoOptions late(EchoFault fault) { return {fault, 70}; }
  // Long enough for a machine with much else to do to get that far.
  static constexpr Nanoseconds kLongBlock{std::chrono::milliseconds(500)};
};

TEST_P(EchoTest, EveryMessageComesBackFromThePeer) {
  for (const std::uint64_t size : {std::uint64_t{8}, std::uint64_t{64}, std::uint64_t{4096},
                                   std::uint64_t{8193}, GetParam().largest}) {
    SCOPED_TRACE(size);
    parameters_.message = Bytes{size};
    const Outcome outcome = run_block(make());
    expect_clean(outcome);
    EXPECT_TRUE(outcome.verification.applies);
    EXPECT_GT(outcome.verification.checked, 0U);
    EXPECT_EQ(outcome.recorder.bytes, 2 * size * outcome.recorder.operations);
    EXPECT_EQ(outcome.recorder.enters, 2 * outcome.recorder.operations);
  }
}

TEST_P(EchoTest, WorksOnOneCpu) {
  context_.cpus = one_cpu();
  expect_clean(run_block(make()));
}

TEST_P(EchoTest, PutsTheAffinityBack) {
  run_block(make());
  EXPECT_EQ(current_affinity().value(), allowed_);
}

TEST_P(EchoTest, AReplyWithoutThePeersMarkIsNotEngaged) {
  const Outcome outcome = run_block(make(late(EchoFault::unmarked)), kLongBlock);
  EXPECT_FALSE(outcome.engagement.engaged) << outcome.engagement.evidence;
}

TEST_P(EchoTest, AChangedByteIsSeen) {
  const Outcome outcome = run_block(make(late(EchoFault::corrupts)), kLongBlock);
  EXPECT_FALSE(outcome.verification.verified);
}

TEST_P(EchoTest, ADeadPeerIsAnErrorAndNotAHang) {
  auto block = make(late(EchoFault::dies)).value();
  ASSERT_TRUE(block->warm_up());
  Recorder recorder;
  const auto ran = block->run(std::chrono::seconds(30), recorder);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::io);
  EXPECT_EQ(recorder.errors, 1U);
  EXPECT_EQ(recorder.service.count() + recorder.errors, recorder.operations);
}

TEST_P(EchoTest, APeerThatIsDeadFromTheStartFailsTheWarmUp) {
  EXPECT_FALSE(make({EchoFault::dies, 0}).value()->warm_up());
}

TEST_P(EchoTest, IsDestroyedWithoutHavingRun) { EXPECT_TRUE(make()); }

TEST_P(EchoTest, RefusesMessagesWithoutRoomForASequenceNumber) {
  parameters_.message = Bytes{7};
  const auto block = make();
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code, ErrorCode::invalid);
}

INSTANTIATE_TEST_SUITE_P(Channels, EchoTest,
                         testing::Values(Kind{"pipe", open_pipe_channel, 65536},
                                         Kind{"unix", open_unix_channel, 65536},
                                         Kind{"tcp", open_tcp_channel, 65536},
                                         Kind{"udp", open_udp_on_loopback, 65507}),
                         [](const auto& kind) { return std::string(kind.param.name); });

// Sockets only: a pipe's reader cannot give up, but it learns of every end of its peer.
class SilentPeerTest : public EchoTest {};

TEST_P(SilentPeerTest, LostMessagesAreCountedAsErrors) {
  auto block = make(late(EchoFault::silent)).value();
  ASSERT_TRUE(block->warm_up());
  Recorder recorder;
  ASSERT_TRUE(block->run(std::chrono::milliseconds(250), recorder));
  EXPECT_GT(recorder.errors, 0U);
  EXPECT_EQ(recorder.first_errno, EAGAIN);
  EXPECT_EQ(recorder.service.count() + recorder.errors, recorder.operations);
}

TEST_P(SilentPeerTest, ASilentPeerFailsTheWarmUp) {
  EXPECT_FALSE(make({EchoFault::silent, 0}).value()->warm_up());
}

INSTANTIATE_TEST_SUITE_P(Channels, SilentPeerTest,
                         testing::Values(Kind{"unix", open_unix_channel, 65536},
                                         Kind{"tcp", open_tcp_channel, 65536},
                                         Kind{"udp", open_udp_on_loopback, 65507}),
                         [](const auto& kind) { return std::string(kind.param.name); });

class ChannelRowsTest : public TechniqueTest {};

TEST_F(ChannelRowsTest, AvailabilityNamesTheMessageSizesThatFit) {
  parameters_.message = Bytes{1 << 20};
  for (const auto rows : {ipc_techniques(), net_techniques()}) {
    for (const Technique& row : rows) {
      const Availability answer = row.available(host(), inventory_, parameters_);
      EXPECT_FALSE(answer.available) << row.id;
      EXPECT_NE(answer.reason.find("expected"), std::string::npos) << answer.reason;
    }
  }
}

TEST_F(ChannelRowsTest, ACapturedHostIsNotMeasured) {
  const auto captured = open_replay_host(testing::TempDir()).value();
  for (const auto rows : {ipc_techniques(), net_techniques()}) {
    for (const Technique& row : rows) {
      const Availability answer = row.available(*captured, inventory_, parameters_);
      EXPECT_FALSE(answer.available) << row.id;
      EXPECT_FALSE(answer.reason.empty() || answer.remedy.empty()) << row.id;
    }
  }
}

TEST_F(ChannelRowsTest, EveryRowIsAvailableHereAndEngages) {
  for (const auto rows : {ipc_techniques(), net_techniques()}) {
    for (const Technique& row : rows) {
      SCOPED_TRACE(row.id);
      const Availability answer = row.available(host(), inventory_, parameters_);
      ASSERT_TRUE(answer.available) << answer.reason;
      expect_clean(run_block(row.make(context_)));
    }
  }
}

TEST(UdpChannel, AnAddressThatIsNotOursIsRefusedWithAdvice) {
  const auto channel = open_udp_channel("192.0.2.1");  // TEST-NET-1 (RFC 5737): nobody's
  ASSERT_FALSE(channel);
  EXPECT_FALSE(channel.error().advice.empty());
  EXPECT_FALSE(open_udp_channel("loopback"));
}

}  // namespace
}  // namespace assay::engine
