// What an interface's driver can do with XDP: the kernel's "netdev" family of generic netlink
// (Documentation/netlink/specs/netdev.yaml, since 6.3).
#include <fmt/format.h>
#include <linux/genetlink.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/netlink_call.hpp"
#include "core/queries_internal.hpp"

namespace assay::queries {
namespace {

// <linux/netdev.h>, which Debian 12's headers lack.
constexpr std::uint8_t kDeviceGet = 1;      // NETDEV_CMD_DEV_GET
constexpr std::uint16_t kInterface = 1;     // NETDEV_A_DEV_IFINDEX
constexpr std::uint16_t kFeatures = 3;      // NETDEV_A_DEV_XDP_FEATURES
constexpr std::uint16_t kZeroSegments = 4;  // NETDEV_A_DEV_XDP_ZC_MAX_SEGS
constexpr std::array<std::pair<std::uint64_t, const char*>, 7> kBits{{{1U << 0, "basic"},
                                                                      {1U << 1, "redirect"},
                                                                      {1U << 2, "xmit"},
                                                                      {1U << 3, "zero_copy"},
                                                                      {1U << 4, "offload"},
                                                                      {1U << 5, "rx_segments"},
                                                                      {1U << 6, "tx_segments"}}};

struct Answer {
  std::optional<std::uint16_t> family;
  std::optional<std::uint64_t> features;
  std::optional<std::uint32_t> segments;
};

int take_family(const nlattr* attribute, void* data) {
  const bool good = ::mnl_attr_validate(attribute, MNL_TYPE_U16) >= 0;
  if (::mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID && good) {
    static_cast<Answer*>(data)->family = ::mnl_attr_get_u16(attribute);
  }
  return MNL_CB_OK;
}

int take_feature(const nlattr* attribute, void* data) {
  auto& answer = *static_cast<Answer*>(data);
  const std::uint16_t type = ::mnl_attr_get_type(attribute);
  if (type == kFeatures && ::mnl_attr_validate(attribute, MNL_TYPE_U64) >= 0) {
    answer.features = ::mnl_attr_get_u64(attribute);
  }
  if (type == kZeroSegments && ::mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0) {
    answer.segments = ::mnl_attr_get_u32(attribute);
  }
  return MNL_CB_OK;
}

int take_family_message(const nlmsghdr* header, void* data) {
  ::mnl_attr_parse(header, sizeof(genlmsghdr), take_family, data);
  return MNL_CB_STOP;
}

int take_device_message(const nlmsghdr* header, void* data) {
  ::mnl_attr_parse(header, sizeof(genlmsghdr), take_feature, data);
  return MNL_CB_STOP;
}

nlmsghdr* request_in(std::array<char, 256>& room, std::uint16_t family, std::uint8_t command) {
  nlmsghdr* request = ::mnl_nlmsg_put_header(room.data());
  request->nlmsg_type = family;
  request->nlmsg_flags = NLM_F_REQUEST;
  auto* generic =
      static_cast<genlmsghdr*>(::mnl_nlmsg_put_extra_header(request, sizeof(genlmsghdr)));
  generic->cmd = command;
  generic->version = 1;
  return request;
}

}  // namespace

Expected<Reply> net_xdp(std::string_view target) {
  const unsigned interface = ::if_nametoindex(std::string(target).c_str());
  if (interface == 0) return fail_errno(errno, "netdev xdp", target);
  Answer answer;
  alignas(nlmsghdr) std::array<char, 256> room{};
  nlmsghdr* request = request_in(room, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
  ::mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, "netdev");
  if (!netlink_call(NETLINK_GENERIC, request, take_family_message, &answer, "netdev xdp", target) ||
      !answer.family) {
    return fail(ErrorCode::unsupported, "netdev xdp", target,
                "kernels before 6.3 do not tell what a driver can do with XDP");
  }
  request = request_in(room, *answer.family, kDeviceGet);
  ::mnl_attr_put_u32(request, kInterface, interface);
  if (auto asked = netlink_call(NETLINK_GENERIC, request, take_device_message, &answer,
                                "netdev xdp", target);
      !asked) {
    return Failure(asked.error());
  }
  std::string features;
  for (const auto& [bit, name] : kBits) {
    if ((answer.features.value_or(0) & bit) == 0) continue;
    if (!features.empty()) features += ',';
    features += name;
  }
  return Reply{{"features", features},
               {"zero_copy_segments", fmt::format("{}", answer.segments.value_or(0))}};
}

}  // namespace assay::queries
