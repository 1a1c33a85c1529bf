// The ethtool questions about the wire and about flow rules, and a VLAN's number.
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/ethtool_call.hpp"
#include "core/fd.hpp"
#include "core/queries_internal.hpp"

namespace assay::queries {
namespace {

using Names = std::array<std::pair<std::uint32_t, const char*>, 6>;

constexpr Names kPorts{{{PORT_TP, "twisted pair"},
                        {PORT_FIBRE, "fibre"},
                        {PORT_DA, "direct attach copper"},
                        {PORT_NONE, "none"},
                        {PORT_OTHER, "other"},
                        {PORT_MII, "MII"}}};

constexpr Names kFecModes{{{ETHTOOL_FEC_NONE, "none"},
                           {ETHTOOL_FEC_AUTO, "auto"},
                           {ETHTOOL_FEC_OFF, "off"},
                           {ETHTOOL_FEC_RS, "rs"},
                           {ETHTOOL_FEC_BASER, "baser"},
                           {ETHTOOL_FEC_LLRS, "llrs"}}};

std::string fec_modes(std::uint32_t bits) {
  std::string text;
  for (const auto& [bit, name] : kFecModes) {
    if ((bits & bit) == 0) continue;
    if (!text.empty()) text += ',';
    text += name;
  }
  return text;
}

std::string port_name(std::uint8_t port) {
  for (const auto& [number, name] : kPorts) {
    if (number == port) return name;
  }
  return "other";
}

}  // namespace

Expected<Reply> ethtool_link(std::string_view target) {
  // The kernel answers a first call with the size of its masks as a negative number; the second
  // call gives that size back. The masks (supported modes) are not used, but must have room.
  constexpr std::size_t kMasksMax = 3 * 127 * sizeof(std::uint32_t);  // the size has 8 bits
  std::array<std::uint64_t, (sizeof(::ethtool_link_settings) + kMasksMax) / 8 + 1> room{};
  auto* settings = reinterpret_cast<::ethtool_link_settings*>(room.data());
  settings->cmd = ETHTOOL_GLINKSETTINGS;
  if (auto asked = ethtool_call(target, room.data(), "ethtool link"); !asked) {
    return Failure(asked.error());
  }
  if (settings->link_mode_masks_nwords >= 0) {
    return fail(ErrorCode::unsupported, "ethtool link", target, "the kernel's answer has no size");
  }
  const auto words = static_cast<std::int8_t>(-settings->link_mode_masks_nwords);
  room = {};
  settings->cmd = ETHTOOL_GLINKSETTINGS;
  settings->link_mode_masks_nwords = words;
  if (auto asked = ethtool_call(target, room.data(), "ethtool link"); !asked) {
    return Failure(asked.error());
  }
  const ::ethtool_link_settings& link = *settings;
  const bool has_speed = link.speed != 0 && link.speed != static_cast<std::uint32_t>(SPEED_UNKNOWN);
  return Reply{{"speed_mbps", has_speed ? fmt::format("{}", link.speed) : ""},
               {"duplex", link.duplex == DUPLEX_FULL   ? "full"
                          : link.duplex == DUPLEX_HALF ? "half"
                                                       : ""},
               {"autoneg", link.autoneg == AUTONEG_ENABLE ? "1" : "0"},
               {"port", port_name(link.port)}};
}

Expected<Reply> ethtool_fec(std::string_view target) {
  ::ethtool_fecparam fec{};
  fec.cmd = ETHTOOL_GFECPARAM;
  if (auto asked = ethtool_call(target, &fec, "ethtool fec"); !asked) return Failure(asked.error());
  return Reply{{"configured", fec_modes(fec.fec)}, {"active", fec_modes(fec.active_fec)}};
}

Expected<Reply> ethtool_rxnfc(std::string_view target) {
  ::ethtool_rxnfc rings{};
  rings.cmd = ETHTOOL_GRXRINGS;
  if (auto asked = ethtool_call(target, &rings, "ethtool rxnfc"); !asked) {
    return Failure(asked.error());
  }
  Reply reply{{"rings", fmt::format("{}", rings.data)}, {"rules", ""}, {"table_size", ""}};
  // Drivers with several rings but no flow steering answer the first question only.
  ::ethtool_rxnfc rules{};
  rules.cmd = ETHTOOL_GRXCLSRLCNT;
  if (ethtool_call(target, &rules, "ethtool rxnfc")) {
    reply["rules"] = fmt::format("{}", rules.rule_cnt);
    // The top bit tells that the driver chooses places itself.
    const auto size = static_cast<std::uint32_t>(rules.data & ~std::uint64_t{RX_CLS_LOC_SPECIAL});
    reply["table_size"] = fmt::format("{}", size);
  }
  return reply;
}

Expected<Reply> vlan_info(std::string_view target) {
  const UniqueFd channel(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!channel) return fail_errno(errno, "vlan info", target);
  const auto ask = [&](int command, vlan_ioctl_args& request) {
    request = {};
    request.cmd = command;
    target.copy(request.device1, sizeof request.device1 - 1);
    return ::ioctl(channel.get(), SIOCGIFVLAN, &request) == 0;
  };
  vlan_ioctl_args number{};
  vlan_ioctl_args lower{};
  // EINVAL is the kernel's word for "this is no VLAN".
  if (!ask(GET_VLAN_VID_CMD, number) || !ask(GET_VLAN_REALDEV_NAME_CMD, lower)) {
    return fail_errno(errno, "vlan info", target);
  }
  return Reply{
      {"id", fmt::format("{}", number.u.VID)},
      {"lower", std::string(lower.u.device2, ::strnlen(lower.u.device2, sizeof lower.u.device2))}};
}

}  // namespace assay::queries
