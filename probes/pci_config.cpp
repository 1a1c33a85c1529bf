#include "probes/pci_config.hpp"

#include <array>

namespace assay::probes {
namespace {

constexpr std::size_t kStatus = 0x06;
constexpr unsigned kHasCapabilities = 0x10;
constexpr std::size_t kFirstCapability = 0x34;
constexpr unsigned kPcieCapability = 0x10;
constexpr std::size_t kLinkCapabilities = 0x0c;  // from the start of the PCI Express capability
constexpr std::size_t kLinkStatus = 0x12;
// Supported link speeds are numbered by generation.
constexpr std::array<double, 7> kSpeedsGts{0, 2.5, 5, 8, 16, 32, 64};

unsigned byte(std::string_view config, std::size_t at) {
  return at < config.size() ? static_cast<unsigned char>(config[at]) : 0;
}

unsigned word(std::string_view config, std::size_t at) {
  return byte(config, at) | byte(config, at + 1) << 8U;
}

double speed(unsigned reg) {
  const unsigned generation = reg & 0xfU;
  return generation < kSpeedsGts.size() ? kSpeedsGts[generation] : 0;
}

unsigned width(unsigned reg) {
  const unsigned lanes = reg >> 4U & 0x3fU;
  return lanes <= 32 ? lanes : 0;
}

}  // namespace

std::optional<PcieLink> link_in_config(std::string_view config) {
  if ((word(config, kStatus) & kHasCapabilities) == 0) return std::nullopt;
  std::size_t at = byte(config, kFirstCapability) & 0xfcU;
  // 48 capabilities fill the 192 bytes: more hops are a cycle.
  for (unsigned hops = 0; at >= 0x40 && hops < 48; ++hops) {
    if (byte(config, at) != kPcieCapability) {
      at = byte(config, at + 1) & 0xfcU;
      continue;
    }
    if (at + kLinkStatus + 2 > config.size()) return std::nullopt;
    PcieLink link;
    link.speed_max_gts = speed(word(config, at + kLinkCapabilities));
    link.width_max = width(word(config, at + kLinkCapabilities));
    link.speed_gts = speed(word(config, at + kLinkStatus));
    link.width = width(word(config, at + kLinkStatus));
    // Devices inside the chip have the capability without a link.
    if (link.speed_max_gts == 0 || link.width_max == 0) return std::nullopt;
    return link;
  }
  return std::nullopt;
}

}  // namespace assay::probes
