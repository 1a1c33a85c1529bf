#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

#include "core/real_host.hpp"
#include "machine.hpp"
#include "probes/inventory_json.hpp"
#include "probes/inventory_table.hpp"
#include "probes/text_page.hpp"
#include "probes/yaml_text.hpp"

namespace assay::probes {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST(TextPage, AlignsColumnsAndDropsEmptyOnes) {
  TextPage page;
  page.section("THINGS");
  page.table({"NAME", "SIZE>", "GONE"}, {{"a", "1", ""}, {"long-name", "1000", ""}, {"µ", "", ""}});
  EXPECT_EQ(page.text(),
            "THINGS\n"
            "  NAME       SIZE\n"
            "  a             1\n"
            "  long-name  1000\n"
            "  µ             -\n");
}

TEST(TextPage, SectionsWithoutContentLeaveNothing) {
  TextPage page;
  page.section("EMPTY");
  page.fact("label", "");
  page.table({"A"}, {});
  EXPECT_EQ(page.text(), "");
  page.section("FULL");
  page.fact("label", "value");
  EXPECT_EQ(page.text(), "FULL\n  label           value\n");
}

TEST(TextPage, NothingIsWiderThanThePage) {
  TextPage page;
  page.section("WIDE");
  page.fact("a label that is far too long", std::string(250, 'x') + " " + std::string(150, 'y'));
  page.fact("words",
            "many words that are here to be wrapped " + std::string(95, 'z') + " and go on");
  page.table({"A", "B", "C"}, {{std::string(80, 'a'), std::string(80, 'b'), "µ"}});
  page.line(std::string(130, 'l'));
  for (const std::string& line : lines_of(page.text())) {
    EXPECT_LE(display_width(line), TextPage::kWidth) << line;
  }
  EXPECT_NE(page.text().find("…"), std::string::npos);
}

TEST(Table, ReadsAtAGlance) {
  MemoryHost host;
  put_two_sockets(host);
  host.put("/sys/devices/system/cpu/isolated", "2-3\n");
  host.put("/proc/interrupts", "  CPU0 CPU1\n 24: 5 7 PCI-MSIX-0000:01:00.0 0-edge nvme0q0\n");
  for (unsigned cpu = 0; cpu < 8; ++cpu) {
    host.put(fmt::format("/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor", cpu),
             cpu < 4 ? "performance\n" : "powersave\n");
  }
  const std::string text = to_table(probe(host));
  EXPECT_NE(text.find("8 CPUs online, 4 cores, 2 packages, 2 NUMA nodes"), std::string::npos);
  EXPECT_NE(text.find("performance on CPUs 0-3; powersave on CPUs 4-7"), std::string::npos);
  EXPECT_NE(text.find("isolated        2-3"), std::string::npos);
  EXPECT_NE(text.find("msix0@pci-0000:01:00.0"), std::string::npos);
  EXPECT_NE(text.find("CPU 1: 7, CPU 0: 5"), std::string::npos);
  EXPECT_TRUE(text.ends_with('\n'));
  for (const std::string& line : lines_of(text)) EXPECT_LE(display_width(line), 100U) << line;
}

// 256 CPUs on 8 nodes, a NIC with 128 queues each way and a drive with 64: what differs is told in
// ranges, and nothing that says where a thing is gets cut.
Inventory large_host() {
  Inventory inventory;
  Topology& topology = inventory.topology;
  for (unsigned id = 0; id < 256; ++id) {
    Cpu cpu;
    cpu.id = CpuId{id};
    cpu.package = id / 128;
    cpu.node = NodeId{id / 32};
    cpu.siblings = CpuSet{id};
    cpu.frequency.emplace().governor = id % 2 == 0 ? "performance" : "powersave";
    cpu.idle_states = {{0, "POLL", std::chrono::microseconds(0), false},
                       {1, "C6", std::chrono::microseconds(133), id > 200}};
    topology.online.add(id);
    topology.cpus.push_back(cpu);
    inventory.interrupts.cpus.push_back(cpu.id);
  }
  for (unsigned id = 0; id < 64; ++id) {
    Node node;
    node.id = NodeId{id};
    for (unsigned cpu = id; cpu < 256; cpu += 64) node.cpus.add(cpu);
    node.distances = std::vector<unsigned>(64, 32);
    node.distances[id] = 10;
    topology.nodes.push_back(node);
  }
  Nic nic;
  nic.name = "enp129s0f0np0";
  nic.target = "pci-0000:81:00.0/0";
  nic.kind = "physical";
  nic.driver = "mlx5_core";
  nic.firmware = "22.36.1010 (MT_0000000359)";
  nic.rx_queues = nic.tx_queues = 128;
  for (unsigned i = 0; i < 128; ++i) {
    nic.queues.push_back({fmt::format("rx-{}", i), CpuSet{}, 0, {}});
    nic.queues.push_back({fmt::format("tx-{}", i), CpuSet{i}, {}, {}});
    Irq irq;
    irq.number = fmt::format("{}", 100 + i);
    irq.target = fmt::format("msix{}@pci-0000:81:00.0", i);
    irq.device = "0000:81:00.0";
    irq.serves = {nic.name};
    irq.queue = fmt::format("comp{}", i);
    irq.asked = CpuSet{i};
    irq.counts.assign(256, i);
    inventory.interrupts.irqs.push_back(irq);
  }
  inventory.nics.push_back(nic);
  return inventory;
}

TEST(Table, StaysShortOnALargeHost) {
  const std::string text = to_table(large_host());
  const auto lines = lines_of(text);
  EXPECT_LE(lines.size(), 150U);
  for (const std::string& line : lines) EXPECT_LE(display_width(line), 100U) << line;
  EXPECT_NE(text.find("XPS: 128 different sets over CPUs 0-127"), std::string::npos) << text;
  EXPECT_NE(text.find("msix127@pci-0000:81:00.0"), std::string::npos);
  EXPECT_NE(text.find("enp129s0f0np0  pci-0000:81:00.0/0"), std::string::npos);
  EXPECT_NE(text.find("10 32\n"), std::string::npos);
}

TEST(Table, OfNothingIsStillAPage) {
  const std::string text = to_table(Inventory{});
  EXPECT_TRUE(text.starts_with("HOST\n"));
}

TEST(Table, OfThisHostFitsThePage) {
  const std::string text = to_table(probe(*make_real_host()));
  for (const std::string& line : lines_of(text)) EXPECT_LE(display_width(line), 100U) << line;
}

// YAML as a reader of ours takes it, back as JSON text of strings.
Json back(const YAML::Node& node) {
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& pair : node) object[pair.first.as<std::string>()] = back(pair.second);
    return object;
  }
  if (node.IsSequence()) {
    Json array = Json::array();
    for (const auto& element : node) array.push_back(back(element));
    return array;
  }
  if (node.IsNull()) return nullptr;
  if (node.Tag() == "!") return node.as<std::string>();  // quoted: a string for certain
  return Json::parse(node.as<std::string>());
}

TEST(Yaml, SaysTheSameAsJson) {
  const Json document = {{"a", 1},
                         {"on", "off"},
                         {"empty list", Json::array()},
                         {"empty", Json::object()},
                         {"none", nullptr},
                         {"list", {1, "2", {{"x", {{"y", {true, false}}}}}, {{1, 2}, {3}}}},
                         {"odd \"key\":", "µ \" \\ \n # : - "},
                         {"0x10", "0x10"},
                         {"double", 0.5}};
  EXPECT_EQ(back(YAML::Load(to_yaml(document))), document) << to_yaml(document);
  EXPECT_EQ(to_yaml(Json("x")), "\"x\"\n");
}

TEST(Yaml, OfThisHostSaysTheSameAsJson) {
  const Json document = to_json(probe(*make_real_host()));
  EXPECT_EQ(back(YAML::Load(to_yaml(document))), document);
}

}  // namespace
}  // namespace assay::probes
