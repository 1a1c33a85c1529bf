#include "probes/pci_config.hpp"

#include <gtest/gtest.h>

#include <string>

namespace assay::probes {
namespace {

// 256 bytes with a power management capability at 0x40 and a PCI Express one at 0x60.
std::string config_space() {
  std::string bytes(256, '\0');
  const auto put = [&](std::size_t at, unsigned value) { bytes[at] = static_cast<char>(value); };
  put(0x06, 0x10);  // there is a list
  put(0x34, 0x40);
  put(0x40, 0x01);
  put(0x41, 0x60);
  put(0x60, 0x10);
  put(0x6c, 0x83);  // 8 GT/s, 8 lanes: 0x083 = 8 << 4 | 3
  put(0x72, 0x42);  // 5 GT/s, 4 lanes
  return bytes;
}

TEST(PciConfig, ReadsTheLinkRegisters) {
  const auto link = link_in_config(config_space());
  ASSERT_TRUE(link.has_value());
  EXPECT_DOUBLE_EQ(link->speed_max_gts, 8);
  EXPECT_EQ(link->width_max, 8U);
  EXPECT_DOUBLE_EQ(link->speed_gts, 5);
  EXPECT_EQ(link->width, 4U);
  EXPECT_TRUE(link->degraded());
}

TEST(PciConfig, AnOrdinaryUserSeesTooLittle) {
  EXPECT_FALSE(link_in_config(config_space().substr(0, 64)).has_value());
  EXPECT_FALSE(link_in_config("").has_value());
}

TEST(PciConfig, LiesEnd) {
  std::string cycle = config_space();
  cycle[0x41] = 0x40;  // points at itself
  EXPECT_FALSE(link_in_config(cycle).has_value());
  std::string no_list = config_space();
  no_list[0x06] = 0;
  EXPECT_FALSE(link_in_config(no_list).has_value());
  std::string at_the_end = config_space();
  at_the_end[0x41] = static_cast<char>(0xfc);
  at_the_end[0xfc] = 0x10;
  EXPECT_FALSE(link_in_config(at_the_end).has_value());
  std::string no_such_speed = config_space();
  no_such_speed[0x6c] = static_cast<char>(0x8f);
  EXPECT_FALSE(link_in_config(no_such_speed).has_value());
  EXPECT_FALSE(link_in_config(std::string(256, '\xff')).has_value());
}

}  // namespace
}  // namespace assay::probes
