#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "core/real_host.hpp"
#include "machine.hpp"
#include "probes/inventory_json.hpp"
#include "probes/json_parts.hpp"

namespace assay::probes {
namespace {

Nic nic(const std::string& name, const std::string& target, const std::string& kind) {
  Nic made;
  made.name = name;
  made.target = target;
  made.kind = kind;
  return made;
}

BlockDevice block(const std::string& name, const std::string& target, const std::string& kind) {
  BlockDevice made;
  made.name = name;
  made.target = target;
  made.kind = kind;
  made.physical = kind == "virtio";
  return made;
}

// A host with something in every section.
Inventory full_inventory() {
  MemoryHost host;
  put_two_sockets(host);
  put_pci(host, "0000:01:00.0", "pci0000:00/0000:01:00.0", "10802", "nvme");
  Inventory inventory = probe(host);
  inventory.nics.push_back(nic("eth0", "pci-0000:02:00.0/0", "physical"));
  inventory.block.push_back(block("vda", "pci-0000:00:02.0", "virtio"));
  inventory.nvme.emplace_back().model = "Fast";
  Mount root;
  root.point = "/";
  root.drive = "vda";
  inventory.mounts.push_back(root);
  Irq irq;
  irq.number = "24";
  irq.target = "msix0@pci-0000:01:00.0";
  irq.counts = {1, 2};
  inventory.interrupts.irqs.push_back(irq);
  inventory.kernel.release = "6.1";
  return inventory;
}

InventoryDigests of(const Inventory& inventory) { return digests(inventory); }

TEST(Document, HasTheNamesThatOthersRelyOn) {
  const auto document = to_json(full_inventory());
  EXPECT_EQ(document["schema"], "assay.probe");
  EXPECT_EQ(document["version"], 1);
  EXPECT_EQ(document["topology"]["counts"]["cpus"], 8);
  EXPECT_EQ(document["topology"]["counts"]["cores"], 4);
  EXPECT_EQ(document["topology"]["counts"]["packages"], 2);
  EXPECT_EQ(document["topology"]["counts"]["nodes"], 2);
  EXPECT_EQ(document["topology"]["nodes"].size(), 2U);
  EXPECT_EQ(document["net"][0]["name"], "eth0");
  EXPECT_EQ(document["block"][0]["target"], "pci-0000:00:02.0");
  for (const char* part : {"identity", "configuration", "state"}) {
    EXPECT_TRUE(document["digests"][part].get<std::string>().starts_with("sha256:"));
  }
}

TEST(Document, AbsentNumbersAreNull) {
  const auto document = to_json(Inventory{});
  EXPECT_TRUE(document["memory"]["swappiness"].is_null());
  EXPECT_TRUE(document["net"].is_array());
  EXPECT_TRUE(document["net"].empty());
}

TEST(Digests, StateLeavesTheOthersAlone) {
  const Inventory before = full_inventory();
  Inventory after = before;
  after.load_1m = 7;
  after.memory.free = 1_MiB;
  after.interrupts.irqs[0].counts = {100, 200};
  after.interrupts.irqs[0].number = "99";
  after.nvme[0].temperature_celsius = 55;
  after.kernel.boot_id = "another";
  after.block[0].name = "vdb";
  after.topology.allowed = CpuSet{0};
  after.environment.steal_percent = 3;
  EXPECT_EQ(of(before).identity, of(after).identity);
  EXPECT_EQ(of(before).configuration, of(after).configuration);
  EXPECT_NE(of(before).state, of(after).state);
}

TEST(Digests, TuningLeavesTheIdentityAlone) {
  const Inventory before = full_inventory();
  const auto changed = [&](auto change) {
    Inventory after = before;
    change(after);
    EXPECT_EQ(of(before).identity, of(after).identity);
    EXPECT_NE(of(before).configuration, of(after).configuration);
  };
  changed([](Inventory& i) { i.kernel.release = "6.2"; });
  changed([](Inventory& i) { i.kernel.command_line = "isolcpus=1"; });
  changed([](Inventory& i) { i.memory.thp_enabled = "never"; });
  changed([](Inventory& i) { i.block[0].scheduler = "none"; });
  changed([](Inventory& i) { i.interrupts.irqs[0].asked = CpuSet{1}; });
  changed([](Inventory& i) { i.topology.cpus[0].frequency.emplace().governor = "x"; });
  changed([](Inventory& i) { i.topology.counts.cpus = 4; });  // SMT switched off
  changed([](Inventory& i) { i.nics.push_back(nic("bond0", "virtual-bond0", "bond")); });
}

TEST(Digests, AnotherMachineIsAnotherIdentity) {
  const Inventory before = full_inventory();
  const auto changed = [&](auto change) {
    Inventory after = before;
    change(after);
    EXPECT_NE(of(before).identity, of(after).identity);
  };
  changed([](Inventory& i) { i.topology.model_name = "other"; });
  changed([](Inventory& i) { i.topology.microcode = "0x2"; });
  changed([](Inventory& i) { i.topology.present = CpuSet{0}; });
  changed([](Inventory& i) { i.block[0].serial_hash = "sha256:1"; });
  changed([](Inventory& i) { i.nvme[0].firmware = "2"; });
  changed([](Inventory& i) { i.environment.bios_version = "2"; });
  changed([](Inventory& i) { i.pci.pop_back(); });
  changed([](Inventory& i) { i.memory.total = 64_GiB; });
}

TEST(Digests, PassingDevicesAreStateOnly) {
  const Inventory before = full_inventory();
  Inventory after = before;
  after.nics.push_back(nic("veth12", "virtual-veth12", "veth"));
  after.block.push_back(block("loop0", "virtual-loop0", "loop"));
  after.mounts.emplace_back().point = "/run/x";
  EXPECT_EQ(of(before).identity, of(after).identity);
  EXPECT_EQ(of(before).configuration, of(after).configuration);
  EXPECT_NE(of(before).state, of(after).state);
}

TEST(Digests, WhatOnlyRootSeesIsInNone) {
  const Inventory before = full_inventory();
  Inventory after = before;
  after.environment.privileged = true;
  after.kernel.preempt_mode = "full";
  after.interrupts.irqs[0].managed = true;
  after.unreadable = {"/sys/x: Permission denied"};
  EXPECT_EQ(of(before).identity, of(after).identity);
  EXPECT_EQ(of(before).configuration, of(after).configuration);
  EXPECT_EQ(of(before).state, of(after).state);
}

TEST(Digests, TheOrderOfDevicesDoesNotMatter) {
  Inventory one = full_inventory();
  one.block.push_back(block("vdb", "pci-0000:00:03.0", "virtio"));
  Inventory two = one;
  std::swap(two.block[0], two.block[1]);
  two.block[0].name = "vda";
  two.block[1].name = "vdb";
  EXPECT_EQ(of(one).identity, of(two).identity);
  EXPECT_EQ(of(one).configuration, of(two).configuration);
}

// Every fact belongs to exactly one part, but those that belong to none.
TEST(Digests, PartsCoverTheDocumentWithoutOverlap) {
  const Json document = document_json(full_inventory());
  const auto leaves = [](const Json& json) {
    std::multiset<std::string> names;
    const Json flat = json.flatten();
    for (const auto& [path, value] : flat.items()) names.insert(path);
    return names;
  };
  std::size_t sum = 0;
  for (const Part part : {Part::identity, Part::configuration, Part::state, Part::none}) {
    const auto names = leaves(Json::parse(part_text(document, part)));
    EXPECT_GT(names.size(), 2U);
    sum += names.size();
  }
  EXPECT_NEAR(static_cast<double>(sum), static_cast<double>(document.flatten().size()), 8);
}

TEST(Digests, TwoProbesOfThisHostAgree) {
  const auto host = make_real_host();
  const Inventory one = probe(*host);
  const Inventory two = probe(*host);
  EXPECT_EQ(part_text(document_json(one), Part::identity),
            part_text(document_json(two), Part::identity));
  EXPECT_EQ(part_text(document_json(one), Part::configuration),
            part_text(document_json(two), Part::configuration));
  EXPECT_EQ(of(one).identity, of(two).identity);
  EXPECT_EQ(of(one).configuration, of(two).configuration);
}

}  // namespace
}  // namespace assay::probes
