#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "engine/copy_sockets.hpp"
#include "engine/ipc_echo.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

Expected<void> limit_receive(const UniqueFd& socket) {
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  timeval limit{};
  limit.tv_usec = static_cast<suseconds_t>(duration_cast<microseconds>(kPeerTimeout).count());
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) {
    return fail_errno(errno, "set SO_RCVTIMEO");
  }
  return {};
}

Expected<EchoChannel> with_limits(EchoChannel channel) {
  for (const UniqueFd* socket : {&channel.near, &channel.far}) {
    if (auto limited = limit_receive(*socket); !limited) return std::unexpected(limited.error());
  }
  return channel;
}

// A UDP socket on a port that the kernel chose; `bound` receives its address.
Expected<UniqueFd> bind_udp(const char* address, sockaddr_in& bound) {
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno(errno, "open a UDP socket");
  bound = {};
  bound.sin_family = AF_INET;
  if (::inet_pton(AF_INET, address, &bound.sin_addr) != 1) {
    return fail(ErrorCode::invalid, "open a UDP socket", address, "not an IPv4 address");
  }
  socklen_t length = sizeof bound;
  auto* generic = reinterpret_cast<sockaddr*>(&bound);
  if (::bind(socket.get(), generic, length) != 0) {
    return fail_errno(errno, "bind a UDP socket", address, "bring the interface up");
  }
  if (::getsockname(socket.get(), generic, &length) != 0) return fail_errno(errno, "getsockname");
  return socket;
}

Expected<void> connect_udp(const UniqueFd& socket, const sockaddr_in& to, const char* address) {
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    return fail_errno(errno, "connect a UDP socket", address, "bring the interface up");
  }
  return {};
}

}  // namespace

Expected<EchoChannel> open_pipe_channel() {
  std::array<int, 2> there{}, back{};
  if (::pipe2(there.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  EchoChannel channel;
  channel.far = UniqueFd(there[0]);
  channel.near_out = UniqueFd(there[1]);
  if (::pipe2(back.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  channel.near = UniqueFd(back[0]);
  channel.far_out = UniqueFd(back[1]);
  return channel;
}

Expected<EchoChannel> open_unix_channel() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "make a pair of AF_UNIX sockets");
  }
  EchoChannel channel;
  channel.near = UniqueFd(ends[0]);
  channel.far = UniqueFd(ends[1]);
  return with_limits(std::move(channel));
}

Expected<EchoChannel> open_tcp_channel() {
  auto pair = open_stream_pair("tcp");
  if (!pair) return std::unexpected(pair.error());
  EchoChannel channel;
  channel.near = std::move(pair->near);
  channel.far = std::move(pair->far);
  channel.is_stream = true;
  return channel;
}

Expected<EchoChannel> open_udp_channel(const char* address) {
  sockaddr_in near_address{}, far_address{};
  auto near = bind_udp(address, near_address);
  if (!near) return std::unexpected(near.error());
  auto far = bind_udp(address, far_address);
  if (!far) return std::unexpected(far.error());
  // Connected on both sides: no route look-up per message, and nobody else's packets get in.
  auto connected = connect_udp(*near, far_address, address);
  if (connected) connected = connect_udp(*far, near_address, address);
  if (!connected) return std::unexpected(connected.error());
  EchoChannel channel;
  channel.near = std::move(*near);
  channel.far = std::move(*far);
  return with_limits(std::move(channel));
}

Expected<void> check_message_size(Bytes message, Bytes largest) {
  if (message >= kEchoMessageMin && message <= largest) return {};
  return fail(
      ErrorCode::invalid, "message size", format_bytes(message),
      fmt::format("expected {} to {}", format_bytes(kEchoMessageMin), format_bytes(largest)));
}

}  // namespace assay::engine
