#include "engine/copy_sockets.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>

#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr std::string_view kLoopbackAdvice = "bring the loopback interface up: ip link set lo up";

sockaddr* generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

Expected<StreamPair> open_unix_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "make a pair of AF_UNIX sockets");
  }
  return StreamPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A listening socket on a port of 127.0.0.1 that the kernel chose.
Expected<UniqueFd> listen_on_loopback(sockaddr_in& address) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener) return fail_errno(errno, "open a TCP socket");
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(listener.get(), generic(address), length) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), generic(address), &length) != 0) {
    return fail_errno(errno, "listen on TCP", "127.0.0.1", kLoopbackAdvice);
  }
  return listener;
}

Expected<StreamPair> open_tcp_pair() {
  sockaddr_in address{}, ours{}, caller{};
  auto listener = listen_on_loopback(address);
  if (!listener) return std::unexpected(listener.error());
  StreamPair pair;
  pair.near = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!pair.near) return fail_errno(errno, "open a TCP socket");
  if (::connect(pair.near.get(), generic(address), sizeof address) != 0) {
    return fail_errno(errno, "connect TCP", "127.0.0.1", kLoopbackAdvice);
  }
  socklen_t length = sizeof caller;
  pair.far = UniqueFd(::accept4(listener->get(), generic(caller), &length, SOCK_CLOEXEC));
  if (!pair.far) return fail_errno(errno, "accept TCP", "127.0.0.1");
  length = sizeof ours;
  ::getsockname(pair.near.get(), generic(ours), &length);
  if (ours.sin_port != caller.sin_port) {
    return fail(ErrorCode::busy, "accept TCP", "127.0.0.1", "another program connected first");
  }
  const int on = 1;
  const linger at_once{1, 0};  // close resets: no TIME_WAIT left on the host
  for (const UniqueFd* end : {&pair.near, &pair.far}) {
    ::setsockopt(end->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(end->get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  return pair;
}

}  // namespace

Expected<StreamPair> open_stream_pair(std::string_view kind) {
  if (!kind.empty() && kind != "unix" && kind != "tcp") {
    return fail(ErrorCode::invalid, "parameter variant", kind, "expected unix or tcp");
  }
  auto pair = kind == "tcp" ? open_tcp_pair() : open_unix_pair();
  if (!pair) return pair;
  timeval limit{};
  limit.tv_usec = static_cast<suseconds_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(kPeerTimeout).count());
  for (const UniqueFd* end : {&pair->near, &pair->far}) {
    for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO}) {
      if (::setsockopt(end->get(), SOL_SOCKET, direction, &limit, sizeof limit) != 0) {
        return fail_errno(errno, "limit the waiting time of a socket");
      }
    }
  }
  return pair;
}

}  // namespace assay::engine
