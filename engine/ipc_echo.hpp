// Round trips through a kernel channel: the measuring thread sends, a peer thread answers.
//
// One operation is a message there and back. The peer marks what it answers, so that a reply that
// did not come from it (a channel looped onto itself) is told apart; the mark is the proof.
// Blocks are used by one thread at a time; the peer is their own.
#pragma once

#include <cstdint>
#include <memory>

#include "core/fd.hpp"
#include "engine/technique.hpp"

namespace assay::engine {

// Both ends of a two-way channel. Sockets use `near` and `far` alone; pipes are one-way, so the
// second pair carries what each side writes.
struct EchoChannel {
  UniqueFd near, far;          // read (sockets: read and write) ends
  UniqueFd near_out, far_out;  // pipes: write ends
  bool is_stream = false;      // sockets that do not keep the bounds of a message
  bool is_pipe() const { return static_cast<bool>(near_out); }
};

// Two pipes (pipe(7)), a pair of AF_UNIX SOCK_SEQPACKET sockets (unix(7)), a TCP connection over
// 127.0.0.1 without Nagle's delay (tcp(7)), or two UDP sockets on ephemeral ports of an IPv4
// address of this host, connected to each other (udp(7)). Sockets give up a receive after
// kPeerTimeout. Errors: exhausted (no descriptors), absent (no such address).
Expected<EchoChannel> open_pipe_channel();
Expected<EchoChannel> open_unix_channel();
Expected<EchoChannel> open_tcp_channel();
Expected<EchoChannel> open_udp_channel(const char* address);

// Why a message of this size cannot be sent; `largest` is the channel's own limit.
Expected<void> check_message_size(Bytes message, Bytes largest);
inline constexpr Bytes kEchoMessageMin{8};            // the sequence number
inline constexpr Bytes kPipeMessageMax{64ULL << 10};  // the capacity of a pipe
inline constexpr Bytes kUdpMessageMax{65507};         // what an IPv4 datagram holds

// How the peer misbehaves: for the tests of the proof and of the time limits.
enum class EchoFault : std::uint8_t {
  none,
  dies,      // the thread ends and closes its side
  silent,    // takes messages and does not answer
  unmarked,  // answers without its mark, as a channel looped onto itself would
  corrupts,  // changes a byte of what it sends back
};
struct EchoOptions {
  EchoFault fault = EchoFault::none;
  std::uint64_t healthy_messages = 0;  // answered properly before the fault begins
};

// Starts the peer. Errors: invalid (message size), exhausted (no thread).
Expected<std::unique_ptr<Block>> make_echo_block(const BlockContext& context, EchoChannel channel,
                                                 const EchoOptions& options = {});

}  // namespace assay::engine
