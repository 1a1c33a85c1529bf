#include "engine/techniques_ipc.hpp"

#include <array>

#include "engine/ipc_echo.hpp"
#include "engine/ipc_shm_ring.hpp"
#include "engine/ipc_shm_seqlock.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

Availability channel_available(const Host& host, const probes::Inventory&,
                               const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  return availability_of(check_message_size(parameters.message, kPipeMessageMax));
}

constexpr const char* kIpcLoopback = "127.0.0.1";

Expected<EchoChannel> open_loopback_udp_channel() { return open_udp_channel(kIpcLoopback); }

// Trying is the surest answer: a network namespace may have no loopback address.
template <Expected<EchoChannel> (*kOpen)()>
Availability loopback_available(const Host& host, const probes::Inventory&,
                                const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  const Bytes largest = kOpen == open_tcp_channel ? kPipeMessageMax : kUdpMessageMax;
  auto outcome = check_message_size(parameters.message, largest);
  if (!outcome) return availability_of(outcome);
  auto channel = kOpen();
  if (!channel) outcome = std::unexpected(channel.error());
  return availability_of(outcome);
}

Availability ring_available(const Host& host, const probes::Inventory&,
                            const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  return availability_of(check_ring_parameters(parameters));
}

Expected<std::unique_ptr<Block>> make_ring(const BlockContext& context) {
  return make_shm_ring_block(context);
}

std::vector<std::string> ring_variants(const probes::Inventory&) { return {"spsc", "one-to-many"}; }

// A socket has no kinds of ring.
Parameters socket_parameters(const Parameters& parameters) {
  Parameters plain = parameters;
  plain.variant.clear();
  return plain;
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
        .id = "ipc.tcp",
        .summary = "A message to another thread and back through a TCP connection over the "
                   "loopback interface, without Nagle's delay",
        .baseline = "",
        .claim = {.text = "1-5 µs a message one way: at most 10 µs there and back",
                  .latency_ratio_max = {},
                  .throughput_ratio_min = {},
                  .latency_ns_max = 10'000},
        .proof = kEchoProof,
        .moves_data = true,
        .threads = 2,
        .parameters = "message",
        .available = loopback_available<open_tcp_channel>,
        .make = make_echo<open_tcp_channel>,
    },
    Technique{
        .id = "ipc.udp",
        .summary = "A datagram to another thread and back over the loopback interface, between "
                   "connected UDP sockets; a lost one counts as an error",
        .baseline = "",
        .claim = {.text = "1-5 µs a message one way: at most 10 µs there and back",
                  .latency_ratio_max = {},
                  .throughput_ratio_min = {},
                  .latency_ns_max = 10'000},
        .proof = kEchoProof,
        .moves_data = true,
        .threads = 2,
        .parameters = "message",
        .available = loopback_available<open_loopback_udp_channel>,
        .make = make_echo<open_loopback_udp_channel>,
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
    Technique{
        .id = "ipc.shm-ring",
        .summary = "Every message through a lock-free ring in shared memory, to one subscriber "
                   "(spsc) or to two (one-to-many), and an answer from each",
        .baseline = "ipc.unix",
        .claim = {.text = "faster than a socket", .latency_ratio_max = 1.0},
        .proof = "every subscriber, through a mapping of its own, counts every sequence number "
                 "from the first to the last, none missing, while the publisher streams and while "
                 "it waits for answers",
        .moves_data = true,
        .threads = 3,
        .parameters = "message,variant",
        .variants = ring_variants,
        .baseline_parameters = socket_parameters,
        .available = ring_available,
        .make = make_ring,
    },
};

}  // namespace

std::span<const Technique> ipc_techniques() { return kIpcRows; }

}  // namespace assay::engine
