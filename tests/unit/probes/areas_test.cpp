#include "probes/areas.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "machine.hpp"
#include "probes/inventory_json.hpp"
#include "probes/inventory_table.hpp"

namespace assay::probes {
namespace {

Areas only(Area area) { return Areas().set(static_cast<std::size_t>(area)); }

TEST(Areas, NamesAreTheDocumentsParts) {
  const auto document = to_json(Inventory{});
  for (const AreaRow& row : area_rows()) {
    EXPECT_TRUE(document.contains(std::string(row.name))) << row.name;
    EXPECT_EQ(static_cast<std::size_t>(row.area), static_cast<std::size_t>(&row - &area_rows()[0]));
  }
}

TEST(Areas, AWrongNameGetsASuggestion) {
  EXPECT_EQ(parse_areas({}), all_areas());
  EXPECT_EQ(parse_areas({"net"}), only(Area::net));
  EXPECT_EQ(parse_areas({"net", "net", "time"}), only(Area::net) | only(Area::time));
  const auto wrong = parse_areas({"net", "nmve"});
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code, ErrorCode::invalid);
  EXPECT_NE(wrong.error().message().find("did you mean \"nvme\""), std::string::npos);
}

TEST(Areas, PullInWhatTheyLookAt) {
  EXPECT_TRUE(has(with_needs(only(Area::net)), Area::pci));
  EXPECT_TRUE(has(with_needs(only(Area::storage)), Area::block));
  EXPECT_FALSE(has(with_needs(only(Area::net)), Area::block));
  EXPECT_FALSE(has(with_needs(only(Area::nvme)), Area::net));
  EXPECT_EQ(with_needs(only(Area::limits)), only(Area::limits));
  EXPECT_EQ(with_needs(all_areas()), all_areas());
}

TEST(Areas, OnlyTheseAreReadAndShown) {
  MemoryHost host;
  put_two_sockets(host);
  host.put("/proc/sys/vm/swappiness", "10\n");
  host.fail("/proc/cmdline", EACCES);  // the kernel's area alone reads it
  const Inventory inventory = probe(host, {only(Area::memory), {}, nullptr});
  EXPECT_EQ(inventory.memory.swappiness, 10);
  EXPECT_TRUE(inventory.topology.cpus.empty());
  EXPECT_TRUE(inventory.unreadable.empty());
  const auto document = to_json(inventory, {only(Area::memory), std::nullopt});
  EXPECT_EQ(document["areas"], nlohmann::ordered_json::array({"memory"}));
  EXPECT_TRUE(document.contains("memory"));
  EXPECT_FALSE(document.contains("topology"));
  EXPECT_FALSE(document.contains("digests"));
  const std::string page = to_table(inventory, {only(Area::memory), std::nullopt});
  EXPECT_NE(page.find("MEMORY"), std::string::npos);
  EXPECT_EQ(page.find("KERNEL"), std::string::npos);
}

TEST(Areas, APathStandsInPlaceOfEveryMount) {
  StoragePath path;
  path.path = "/data/x";
  path.mount_point = "/data";
  StorageNode drive;
  drive.name = "nvme0n1";
  drive.what = "nvme";
  StorageNode volume;
  volume.name = "dm-0";
  volume.what = "lvm";
  volume.below.push_back(drive);
  path.tree.push_back(volume);
  const InventoryView view{only(Area::storage), path};
  const auto document = to_json(Inventory{}, view);
  ASSERT_EQ(document["storage"].size(), 1U);
  EXPECT_EQ(document["storage"][0]["tree"][0]["below"][0]["name"], "nvme0n1");
  const std::string page = to_table(Inventory{}, view);
  EXPECT_NE(page.find("  /data/x  on /data\n  └ dm-0  lvm\n    └ nvme0n1  nvme\n"),
            std::string::npos)
      << page;
}

}  // namespace
}  // namespace assay::probes
