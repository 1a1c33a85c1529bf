#include "core/netlink_call.hpp"

#include <array>
#include <cerrno>
#include <memory>

namespace assay::queries {
namespace {

struct CloseSocket {
  void operator()(mnl_socket* socket) const { ::mnl_socket_close(socket); }
};

}  // namespace

Expected<void> netlink_call(int bus, nlmsghdr* request, mnl_cb_t take, void* data,
                            std::string_view what, std::string_view target) {
  const std::unique_ptr<mnl_socket, CloseSocket> socket(::mnl_socket_open2(bus, SOCK_CLOEXEC));
  if (!socket || ::mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return fail_errno(errno, what, target);
  }
  request->nlmsg_seq = 1;
  if (::mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) {
    return fail_errno(errno, what, target);
  }
  const unsigned port = ::mnl_socket_get_portid(socket.get());
  alignas(nlmsghdr) std::array<char, 32768> room{};
  while (true) {
    const ssize_t length = ::mnl_socket_recvfrom(socket.get(), room.data(), room.size());
    if (length < 0) return fail_errno(errno, what, target);
    const int state =
        ::mnl_cb_run(room.data(), static_cast<std::size_t>(length), 1, port, take, data);
    if (state < 0) return fail_errno(errno, what, target);
    if (state == MNL_CB_STOP) return {};
  }
}

}  // namespace assay::queries
