#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "core/ethtool_call.hpp"
#include "core/fd.hpp"
#include "core/queries_internal.hpp"

namespace assay::queries {
namespace {

std::string number(std::uint64_t value) { return fmt::format("{}", value); }
std::string flag(bool value) { return value ? "1" : "0"; }

// A text field of the kernel's structures: NUL-padded, perhaps full to the brim.
template <std::size_t kSize>
std::string field(const char (&text)[kSize]) {
  return {text, ::strnlen(text, kSize)};
}

}  // namespace

Expected<void> ethtool_call(std::string_view interface, void* command, std::string_view what) {
  // A socket of any family reaches the device layer. One serves every question of the program:
  // a host with a hundred interfaces is asked a thousand.
  static const UniqueFd channel(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!channel) return fail_errno(EMFILE, what, interface);
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_data = static_cast<char*>(command);
  if (::ioctl(channel.get(), SIOCETHTOOL, &request) < 0) {
    return fail_errno(errno, what, interface);
  }
  return {};
}

Expected<Reply> ethtool_drvinfo(std::string_view target) {
  ::ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  if (auto asked = ethtool_call(target, &info, "ethtool drvinfo"); !asked) {
    return Failure(asked.error());
  }
  return Reply{{"driver", field(info.driver)},
               {"version", field(info.version)},
               {"firmware", field(info.fw_version)},
               {"bus_info", field(info.bus_info)}};
}

Expected<Reply> ethtool_ringparam(std::string_view target) {
  ::ethtool_ringparam rings{};
  rings.cmd = ETHTOOL_GRINGPARAM;
  if (auto asked = ethtool_call(target, &rings, "ethtool ringparam"); !asked) {
    return Failure(asked.error());
  }
  return Reply{{"rx", number(rings.rx_pending)},
               {"tx", number(rings.tx_pending)},
               {"rx_max", number(rings.rx_max_pending)},
               {"tx_max", number(rings.tx_max_pending)}};
}

Expected<Reply> ethtool_channels(std::string_view target) {
  ::ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  if (auto asked = ethtool_call(target, &channels, "ethtool channels"); !asked) {
    return Failure(asked.error());
  }
  return Reply{{"rx", number(channels.rx_count)},
               {"tx", number(channels.tx_count)},
               {"combined", number(channels.combined_count)},
               {"other", number(channels.other_count)},
               {"rx_max", number(channels.max_rx)},
               {"tx_max", number(channels.max_tx)},
               {"combined_max", number(channels.max_combined)},
               {"other_max", number(channels.max_other)}};
}

Expected<Reply> ethtool_coalesce(std::string_view target) {
  ::ethtool_coalesce coalesce{};
  coalesce.cmd = ETHTOOL_GCOALESCE;
  if (auto asked = ethtool_call(target, &coalesce, "ethtool coalesce"); !asked) {
    return Failure(asked.error());
  }
  return Reply{{"rx_usecs", number(coalesce.rx_coalesce_usecs)},
               {"rx_frames", number(coalesce.rx_max_coalesced_frames)},
               {"tx_usecs", number(coalesce.tx_coalesce_usecs)},
               {"tx_frames", number(coalesce.tx_max_coalesced_frames)},
               {"rx_usecs_irq", number(coalesce.rx_coalesce_usecs_irq)},
               {"tx_usecs_irq", number(coalesce.tx_coalesce_usecs_irq)},
               {"adaptive_rx", flag(coalesce.use_adaptive_rx_coalesce != 0)},
               {"adaptive_tx", flag(coalesce.use_adaptive_tx_coalesce != 0)}};
}

Expected<Reply> ethtool_pauseparam(std::string_view target) {
  ::ethtool_pauseparam pause{};
  pause.cmd = ETHTOOL_GPAUSEPARAM;
  if (auto asked = ethtool_call(target, &pause, "ethtool pauseparam"); !asked) {
    return Failure(asked.error());
  }
  return Reply{{"autoneg", flag(pause.autoneg != 0)},
               {"rx", flag(pause.rx_pause != 0)},
               {"tx", flag(pause.tx_pause != 0)}};
}

Expected<Reply> ethtool_eee(std::string_view target) {
  ::ethtool_eee eee{};
  eee.cmd = ETHTOOL_GEEE;
  if (auto asked = ethtool_call(target, &eee, "ethtool eee"); !asked) return Failure(asked.error());
  return Reply{{"enabled", flag(eee.eee_enabled != 0)},
               {"active", flag(eee.eee_active != 0)},
               {"tx_lpi_enabled", flag(eee.tx_lpi_enabled != 0)},
               {"tx_lpi_usecs", number(eee.tx_lpi_timer)}};
}

Expected<Reply> ethtool_ts_info(std::string_view target) {
  ::ethtool_ts_info info{};
  info.cmd = ETHTOOL_GET_TS_INFO;
  if (auto asked = ethtool_call(target, &info, "ethtool ts_info"); !asked) {
    return Failure(asked.error());
  }
  const auto can = [&](unsigned bit) { return flag((info.so_timestamping & bit) != 0); };
  return Reply{{"phc_index", fmt::format("{}", info.phc_index)},
               {"hardware_tx", can(SOF_TIMESTAMPING_TX_HARDWARE)},
               {"hardware_rx", can(SOF_TIMESTAMPING_RX_HARDWARE)},
               {"hardware_clock", can(SOF_TIMESTAMPING_RAW_HARDWARE)},
               {"software_tx", can(SOF_TIMESTAMPING_TX_SOFTWARE)},
               {"software_rx", can(SOF_TIMESTAMPING_RX_SOFTWARE)}};
}

}  // namespace assay::queries
