// What of an interface can be set: ethtool's structures, read, changed in the named fields, and
// written back, so that fields nobody named keep the driver's own values.
#include <fmt/format.h>
#include <linux/ethtool.h>

#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "core/ethtool_call.hpp"
#include "core/queries_internal.hpp"

namespace assay::queries {
namespace {

template <typename Structure, std::size_t kFields>
using Fields = std::array<std::pair<std::string_view, std::uint32_t Structure::*>, kFields>;

// `get` and `set` are the two commands of one structure.
template <typename Structure, std::size_t kFields>
Expected<void> set_fields(std::string_view target, const Reply& values, std::string_view what,
                          std::pair<std::uint32_t, std::uint32_t> get_set,
                          const Fields<Structure, kFields>& fields) {
  Structure command{};
  command.cmd = get_set.first;
  if (auto asked = ethtool_call(target, &command, what); !asked) return asked;
  for (const auto& [key, field] : fields) {
    const auto value = values.find(key);
    if (value == values.end()) continue;
    const auto number = parse_uint(value->second);
    if (!number || *number > std::numeric_limits<std::uint32_t>::max()) {
      return fail(ErrorCode::invalid, what, target,
                  fmt::format("{}={}: expected a whole number", key, value->second));
    }
    command.*field = static_cast<std::uint32_t>(*number);
  }
  command.cmd = get_set.second;
  return ethtool_call(target, &command, what);
}

}  // namespace

Expected<void> set_ringparam(std::string_view target, const Reply& values) {
  using Rings = ::ethtool_ringparam;
  static constexpr Fields<Rings, 2> kFields{
      {{"rx", &Rings::rx_pending}, {"tx", &Rings::tx_pending}}};
  return set_fields(target, values, "set ethtool ringparam",
                    {ETHTOOL_GRINGPARAM, ETHTOOL_SRINGPARAM}, kFields);
}

Expected<void> set_channels(std::string_view target, const Reply& values) {
  using Channels = ::ethtool_channels;
  static constexpr Fields<Channels, 3> kFields{{{"rx", &Channels::rx_count},
                                                {"tx", &Channels::tx_count},
                                                {"combined", &Channels::combined_count}}};
  return set_fields(target, values, "set ethtool channels", {ETHTOOL_GCHANNELS, ETHTOOL_SCHANNELS},
                    kFields);
}

Expected<void> set_coalesce(std::string_view target, const Reply& values) {
  using Coalesce = ::ethtool_coalesce;
  static constexpr Fields<Coalesce, 6> kFields{
      {{"rx_usecs", &Coalesce::rx_coalesce_usecs},
       {"rx_frames", &Coalesce::rx_max_coalesced_frames},
       {"tx_usecs", &Coalesce::tx_coalesce_usecs},
       {"tx_frames", &Coalesce::tx_max_coalesced_frames},
       {"adaptive_rx", &Coalesce::use_adaptive_rx_coalesce},
       {"adaptive_tx", &Coalesce::use_adaptive_tx_coalesce}}};
  return set_fields(target, values, "set ethtool coalesce", {ETHTOOL_GCOALESCE, ETHTOOL_SCOALESCE},
                    kFields);
}

Expected<void> set_pauseparam(std::string_view target, const Reply& values) {
  using Pause = ::ethtool_pauseparam;
  static constexpr Fields<Pause, 3> kFields{
      {{"autoneg", &Pause::autoneg}, {"rx", &Pause::rx_pause}, {"tx", &Pause::tx_pause}}};
  return set_fields(target, values, "set ethtool pauseparam",
                    {ETHTOOL_GPAUSEPARAM, ETHTOOL_SPAUSEPARAM}, kFields);
}

Expected<void> set_eee(std::string_view target, const Reply& values) {
  using Eee = ::ethtool_eee;
  static constexpr Fields<Eee, 1> kFields{{{"enabled", &Eee::eee_enabled}}};
  return set_fields(target, values, "set ethtool eee", {ETHTOOL_GEEE, ETHTOOL_SEEE}, kFields);
}

}  // namespace assay::queries
