#include "engine/techniques_ipc.hpp"

#include <array>

#include "engine/ipc_echo.hpp"
#include "engine/ipc_shm_seqlock.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

Availability channel_available(const Host& host, const probes::Inventory&,
                               const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  return availability_of(check_message_size(parameters.message, kPipeMessageMax));
}

Availability seqlock_available(const Host& host, const probes::Inventory&,
                               const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  return availability_of(check_seqlock_message(parameters.message));
}

template <Expected<EchoChannel> (*kOpen)()>
Expected<std::unique_ptr<Block>> make_echo(const BlockContext& context) {
  auto channel = kOpen();
  if (!channel) return std::unexpected(channel.error());
  return make_echo_block(context, std::move(*channel));
}

Expected<std::unique_ptr<Block>> make_seqlock(const BlockContext& context) {
  return make_seqlock_block(context);
}

constexpr std::string_view kEchoProof =
    "every reply carries the mark of the peer thread and equals what was sent";

constexpr std::array kIpcRows{
    Technique{
        .id = "ipc.pipe",
        .summary = "A message to another thread and back through two pipes",
        .baseline = "",
        .claim = {.text = "1-5 µs a message one way: at most 10 µs there and back",
                  .latency_ratio_max = {},
                  .throughput_ratio_min = {},
                  .latency_ns_max = 10'000},
        .proof = kEchoProof,
        .moves_data = true,
        .threads = 2,
        .parameters = "message",
        .available = channel_available,
        .make = make_echo<open_pipe_channel>,
    },
    Technique{
        .id = "ipc.unix",
        .summary = "A message to another thread and back through a pair of AF_UNIX sockets "
                   "(SOCK_SEQPACKET)",
        .baseline = "",
        .claim = {.text = "1-5 µs a message one way: at most 10 µs there and back",
                  .latency_ratio_max = {},
                  .throughput_ratio_min = {},
                  .latency_ns_max = 10'000},
        .proof = kEchoProof,
        .moves_data = true,
        .threads = 2,
        .parameters = "message",
        .available = channel_available,
        .make = make_echo<open_unix_channel>,
    },
    Technique{
        .id = "ipc.shm-seqlock",
        .summary = "The latest value of a seqlock in shared memory, seen by another thread through "
                   "a mapping of its own, and back",
        .baseline = "ipc.unix",
        .claim = {.text = "50-100 ns a value one way (at most 200 ns there and back), 10-50x "
                          "faster than a socket",
                  .latency_ratio_max = 0.1,
                  .throughput_ratio_min = 10.0,
                  .latency_ns_max = 200},
        .proof = "no torn value among thousands of reads while the publisher writes as fast as it "
                 "can; every value seen through a second mapping",
        .moves_data = true,
        .threads = 2,
        .parameters = "message",
        .available = seqlock_available,
        .make = make_seqlock,
    },
};

}  // namespace

std::span<const Technique> ipc_techniques() { return kIpcRows; }

}  // namespace assay::engine
