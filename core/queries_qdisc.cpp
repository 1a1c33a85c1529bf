#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <memory>
#include <set>
#include <string>

#include "core/queries_internal.hpp"

namespace assay::queries {
namespace {

struct CloseSocket {
  void operator()(mnl_socket* socket) const { ::mnl_socket_close(socket); }
};

struct Disciplines {
  int interface = 0;
  std::string root;
  std::set<std::string> leaves;
};

int take_kind(const nlattr* attribute, void* data) {
  const bool is_text = ::mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0;
  if (::mnl_attr_get_type(attribute) == TCA_KIND && is_text) {
    *static_cast<std::string*>(data) = ::mnl_attr_get_str(attribute);
  }
  return MNL_CB_OK;
}

// One RTM_NEWQDISC message. The dump holds every interface's, whatever was asked for.
int take_message(const nlmsghdr* header, void* data) {
  auto& found = *static_cast<Disciplines*>(data);
  if (header->nlmsg_type != RTM_NEWQDISC) return MNL_CB_OK;
  const auto* message = static_cast<const tcmsg*>(::mnl_nlmsg_get_payload(header));
  if (message->tcm_ifindex != found.interface) return MNL_CB_OK;
  std::string kind;
  if (::mnl_attr_parse(header, sizeof(tcmsg), take_kind, &kind) < 0) return MNL_CB_ERROR;
  if (message->tcm_parent == TC_H_ROOT) {
    found.root = kind;
  } else if (message->tcm_parent != TC_H_INGRESS && !kind.empty()) {
    found.leaves.insert(kind);
  }
  return MNL_CB_OK;
}

}  // namespace

Expected<Reply> net_qdisc(std::string_view target) {
  Disciplines found;
  found.interface = static_cast<int>(::if_nametoindex(std::string(target).c_str()));
  if (found.interface == 0) return fail_errno(errno, "rtnetlink qdisc", target);
  const std::unique_ptr<mnl_socket, CloseSocket> socket(
      ::mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (!socket || ::mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return fail_errno(errno, "rtnetlink qdisc", target);
  }
  alignas(nlmsghdr) std::array<char, 32768> room{};
  nlmsghdr* request = ::mnl_nlmsg_put_header(room.data());
  request->nlmsg_type = RTM_GETQDISC;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request->nlmsg_seq = 1;
  auto* message = static_cast<tcmsg*>(::mnl_nlmsg_put_extra_header(request, sizeof(tcmsg)));
  message->tcm_family = AF_UNSPEC;
  message->tcm_ifindex = found.interface;
  if (::mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) {
    return fail_errno(errno, "rtnetlink qdisc", target);
  }
  const unsigned port = ::mnl_socket_get_portid(socket.get());
  while (true) {
    const ssize_t length = ::mnl_socket_recvfrom(socket.get(), room.data(), room.size());
    if (length < 0) return fail_errno(errno, "rtnetlink qdisc", target);
    const int state =
        ::mnl_cb_run(room.data(), static_cast<std::size_t>(length), 1, port, take_message, &found);
    if (state < 0) return fail_errno(errno, "rtnetlink qdisc", target);
    if (state == MNL_CB_STOP) break;
  }
  std::string leaves;
  for (const std::string& kind : found.leaves) leaves += (leaves.empty() ? "" : ",") + kind;
  return Reply{{"root", found.root}, {"leaves", leaves}};
}

}  // namespace assay::queries
