#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <set>
#include <string>

#include "core/netlink_call.hpp"
#include "core/queries_internal.hpp"

namespace assay::queries {
namespace {

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
  alignas(nlmsghdr) std::array<char, 256> room{};
  nlmsghdr* request = ::mnl_nlmsg_put_header(room.data());
  request->nlmsg_type = RTM_GETQDISC;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* message = static_cast<tcmsg*>(::mnl_nlmsg_put_extra_header(request, sizeof(tcmsg)));
  message->tcm_family = AF_UNSPEC;
  message->tcm_ifindex = found.interface;
  if (auto asked =
          netlink_call(NETLINK_ROUTE, request, take_message, &found, "rtnetlink qdisc", target);
      !asked) {
    return Failure(asked.error());
  }
  std::string leaves;
  for (const std::string& kind : found.leaves) leaves += (leaves.empty() ? "" : ",") + kind;
  return Reply{{"root", found.root}, {"leaves", leaves}};
}

}  // namespace assay::queries
