#include "engine/techniques_net.hpp"

#include <array>

#include "engine/ipc_echo.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr const char* kLoopbackAddress = "127.0.0.1";

Availability udp_available(const Host& host, const probes::Inventory&,
                           const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  auto outcome = check_message_size(parameters.message, kUdpMessageMax);
  if (!outcome) return availability_of(outcome);
  // Trying is the surest answer: a network namespace may have no loopback address.
  auto channel = open_udp_channel(kLoopbackAddress);
  if (!channel) outcome = std::unexpected(channel.error());
  return availability_of(outcome);
}

Expected<std::unique_ptr<Block>> make_udp(const BlockContext& context) {
  auto channel = open_udp_channel(kLoopbackAddress);
  if (!channel) return std::unexpected(channel.error());
  return make_echo_block(context, std::move(*channel));
}

constexpr std::array kNetRows{
    Technique{
        .id = "net.udp",
        .summary = "A datagram to another thread and back over the loopback interface, between "
                   "connected UDP sockets; a lost one counts as an error",
        .baseline = "",
        .claim = {.text = "10-500 µs there and back",
                  .latency_ratio_max = {},
                  .throughput_ratio_min = {},
                  .latency_ns_max = 500'000},
        .proof = "every reply carries the mark of the peer thread and equals what was sent",
        .moves_data = true,
        .threads = 2,
        .parameters = "message",
        .available = udp_available,
        .make = make_udp,
    },
};

}  // namespace

std::span<const Technique> net_techniques() { return kNetRows; }

}  // namespace assay::engine
