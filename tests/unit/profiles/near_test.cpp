// CPUs near a NIC or drive, on made-up machines and on every captured host that has devices.
#include "profiles/near.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <memory>

#include "assay_test_paths.hpp"
#include "core/capture_archive.hpp"
#include "probes/probe.hpp"
#include "profiles/selectors.hpp"
#include "tests/unit/profiles/topologies.hpp"

namespace assay::profiles {
namespace {

// eth1 hangs on node 1, nvme0n1 on node 0, and eth0's firmware tells nothing.
probes::Inventory make_machine_with_devices() {
  probes::Inventory inventory;
  inventory.topology = make_topology(2, 4, 2);
  for (probes::Node& node : inventory.topology.nodes) {
    node.cpus = {};
    for (const probes::Cpu& cpu : inventory.topology.cpus) {
      if (cpu.node == node.id) node.cpus.add(cpu.id.value);
    }
    node.distances =
        node.id.value == 0 ? std::vector<unsigned>{10, 21} : std::vector<unsigned>{21, 10};
  }
  const auto nic = [&](const char* name, const char* kind, const char* pci) -> probes::Nic& {
    probes::Nic one;
    one.name = name;
    one.kind = kind;
    one.pci_address = pci;
    inventory.nics.push_back(one);
    return inventory.nics.back();
  };
  nic("lo", "loopback", "");
  nic("eth0", "physical", "0000:01:00.0");
  probes::Nic& card = nic("eth1", "physical", "0000:81:00.0");
  card.target = "pci-0000:81:00.0/0";
  card.node = NodeId{1};
  probes::BlockDevice drive;
  drive.name = "nvme0n1";
  drive.target = "pci-0000:02:00.0/ns1";
  drive.physical = true;
  drive.node = NodeId{0};
  drive.pci_address = "0000:02:00.0";
  inventory.block.push_back(drive);
  return inventory;
}

std::string select(std::string_view selector, const probes::Inventory& inventory) {
  const auto cpus = select_cpus(selector, inventory, {});
  return cpus ? cpus->to_list() : cpus.error().cause;
}

TEST(Near, TakesTheNodeOfTheDevice) {
  const auto machine = make_machine_with_devices();
  for (const char* selector : {"near(nic:eth1)", "near(eth1)", "near(pci-0000:81:00.0/0)",
                               "near(0000:81:00.0)", "near( nic:eth1 )"}) {
    EXPECT_EQ(select(selector, machine), "4-7,12-15") << selector;
  }
  EXPECT_EQ(select("near(drive:nvme0n1)", machine), "0-3,8-11");
  EXPECT_EQ(select("near(drive:/dev/nvme0n1)", machine), "0-3,8-11");
  EXPECT_EQ(select("near(drive:nvme*) + near(nic:eth1)", machine), "0-15");
}

TEST(Near, GoesWithTheOtherSelectors) {
  const auto machine = make_machine_with_devices();
  EXPECT_EQ(select("near(nic:eth1) - one-core-per-node", machine), "5-7,13-15");
  EXPECT_EQ(select("cores-of(at-most(2, near(nic:eth1) & 4-7))", machine), "4,6,12,14");
  EXPECT_EQ(select("whole-cores(near(nic:eth1) - 5)", machine), "4,6-7,12,14-15");
  EXPECT_EQ(select("near(nic:eth1) & near(drive:nvme0n1)", machine), "");
}

TEST(Near, SaysWhatIsNotThere) {
  const auto machine = make_machine_with_devices();
  EXPECT_EQ(select("all - near(nic:eth2)", machine),
            "column 7: this host has no NIC \"eth2\"; did you mean \"eth0\"?; it has eth0, eth1");
  EXPECT_EQ(select("near(nic:nvme0n1)", machine),
            "column 1: this host has no NIC \"nvme0n1\"; it has eth0, eth1");
  EXPECT_EQ(select("near(nic:eth0)", machine),
            "column 1: the firmware does not tell the node of eth0; name it with node(N)");
  EXPECT_EQ(select("near()", machine).find("column 6: expected a device"), 0U);
  EXPECT_EQ(select("near(nic:)", machine).find("column 10: expected a device"), 0U);
  EXPECT_EQ(select("near(nic:eth1", machine), "column 14: expected ), found the end");
  const auto blind = select_cpus("near(nic:eth1)", machine.topology, {});
  ASSERT_FALSE(blind);
}

TEST(Near, ErrorsOfARoleNameItsPlace) {
  Profile profile;
  profile.cpu_roles = {{"isolated", "near(nic:eth9)"}};
  profile.cpu_role_locations["isolated"] = {"mine.yaml", 5, 13};
  const auto roles = resolve_roles(profile, make_machine_with_devices());
  ASSERT_FALSE(roles);
  EXPECT_NE(roles.error().message().find("isolated (mine.yaml:5:13)"), std::string::npos)
      << roles.error().message();
}

TEST(Near, OneNodeIsNearEverything) {
  auto machine = make_machine_with_devices();
  machine.topology = make_topology(1, 4, 1);
  EXPECT_EQ(select("near(nic:eth0)", machine), "0-3");
}

TEST(Near, ANodeOfMemoryIsServedByTheNearest) {
  auto machine = make_machine_with_devices();
  probes::Node memory;
  memory.id = NodeId{2};
  memory.distances = {30, 20, 10};
  machine.topology.nodes[0].distances.push_back(30);
  machine.topology.nodes[1].distances.push_back(20);
  machine.topology.nodes.push_back(memory);
  machine.block.front().node = NodeId{2};
  EXPECT_EQ(select("near(drive:nvme0n1)", machine), "4-7,12-15");
  // Only online CPUs count, for the choice of the node too.
  take_offline(machine.topology, CpuSet::parse_list("4-7,12-15").value());
  EXPECT_EQ(select("near(drive:nvme0n1)", machine), "0-3,8-11");
}

// Every capture in a folder; those beside the repository may be missing.
std::vector<std::string> captures_in(const std::filesystem::path& folder) {
  std::vector<std::string> paths;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    if (entry.path().string().find(".tar.") != std::string::npos) {
      paths.push_back(entry.path().string());
    }
  }
  return paths;
}

// Each device of each captured host: its CPUs are online, whole cores, and those of its node.
TEST(Near, HoldsOnEveryCapturedHost) {
  unsigned devices = 0;
  for (const std::string& path :
       captures_in(std::filesystem::path(ASSAY_SOURCE_DIR) / "tests/captures")) {
    const auto host = open_capture(path);
    ASSERT_TRUE(host) << path;
    const auto inventory =
        probes::probe(**host, {.areas = probes::parse_areas({"topology", "net", "block"}).value()});
    const probes::Topology& topology = inventory.topology;
    const auto check = [&](const std::string& which, const std::optional<NodeId>& node) {
      const std::string selector = "near(" + which + ")";
      const auto cpus = select_cpus(selector, inventory, {});
      if (!node && topology.nodes.size() > 1) {
        EXPECT_FALSE(cpus) << path << selector;
        return;
      }
      ASSERT_TRUE(cpus) << path << ": " << selector << ": " << cpus.error().message();
      ++devices;
      EXPECT_TRUE(cpus->is_subset_of(topology.online)) << path << selector;
      EXPECT_FALSE(cpus->empty()) << path << selector;
      EXPECT_EQ(select_cpus("whole-cores(" + selector + ")", inventory, {}).value(), *cpus)
          << path << selector << ": a core lies in one node";
      for (const probes::Node& one : topology.nodes) {
        if (topology.nodes.size() < 2 || one.id != *node || one.cpus.empty()) continue;
        EXPECT_EQ(*cpus, one.cpus & topology.online) << path << selector;
      }
    };
    for (const probes::Nic& nic : inventory.nics) {
      if (!nic.pci_address.empty()) check("nic:" + nic.name, nic.node);
    }
    for (const probes::BlockDevice& drive : inventory.block) {
      if (drive.physical) check("drive:" + drive.name, drive.node);
    }
  }
  EXPECT_GE(devices, 10U) << "the captures in tests/captures have NICs and drives";
}

// Whatever stands between the parentheses is read or refused, and never reaches past them.
RC_GTEST_PROP(NearProperties, AnyNameIsReadOrRefused, ()) {
  const auto name =
      *rc::gen::container<std::string>(rc::gen::elementOf(std::string("nic:drive*eth01-/.@ ()+&")));
  const auto cpus = select_cpus("near(" + name + ")", make_machine_with_devices(), {});
  if (!cpus.has_value()) {
    RC_ASSERT(cpus.error().code == ErrorCode::invalid);
  }
}

}  // namespace
}  // namespace assay::profiles
