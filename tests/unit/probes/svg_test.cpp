#include <gtest/gtest.h>

#include <fmt/format.h>

#include <map>
#include <regex>

#include "machine.hpp"
#include "probes/inventory_svg.hpp"
#include "probes/svg_page.hpp"

namespace assay::probes {
namespace {

// Every id of the document with how often it is there.
std::map<std::string, int> ids(const std::string& svg) {
  std::map<std::string, int> found;
  const std::regex pattern(" id=\"([^\"]*)\"");
  for (std::sregex_iterator at(svg.begin(), svg.end(), pattern), end; at != end; ++at) {
    ++found[(*at)[1]];
  }
  return found;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The part of the document between a group's start and its end.
std::string group(const std::string& svg, const std::string& id) {
  const std::size_t start = svg.find("id=\"" + id + "\"");
  return start == std::string::npos ? "" : svg.substr(start, svg.find("</g>", start) - start);
}

void add_nic(Inventory& inventory, const std::string& name, unsigned node) {
  Nic nic;
  nic.name = name;
  nic.kind = "physical";
  nic.driver = "ixgbe";
  nic.node = NodeId{node};
  nic.link = PcieLink{8, 8, 8, 8, 0, 0};
  inventory.nics.push_back(nic);
}

Inventory drawn_two_sockets() {
  MemoryHost host;
  put_two_sockets(host);
  return probe(host);
}

TEST(Svg, EscapesWhatXmlForbids) {
  EXPECT_EQ(escape_xml("a<b>&\"c\"'"), "a&lt;b&gt;&amp;&quot;c&quot;&#39;");
  EXPECT_EQ(escape_xml(std::string_view("\x00\x01\x1b[31m", 7)), "???[31m");
  EXPECT_EQ(escape_xml("\xff\xfe"), "??");
  EXPECT_EQ(escape_xml("\xef\xbf\xbe\xef\xbf\xbf+"), "??+");
  EXPECT_EQ(escape_xml("größe ✓"), "größe ✓");
  EXPECT_EQ(escape_xml("]]>"), "]]&gt;");
}

TEST(Svg, CutsTextThatDoesNotFit) {
  EXPECT_EQ(fit("eth0", 100, 10), "eth0");
  EXPECT_EQ(fit("a very long name indeed", 57, 10), "a very lo…");
  EXPECT_EQ(fit("ééééééééééééé", 29, 10), "éééé…");
  EXPECT_EQ(fit("long", 5, 10), "");
  EXPECT_EQ(fit("long", -5, 10), "");
}

TEST(Svg, EveryCpuNodeAndDeviceIsDrawnOnce) {
  Inventory inventory = drawn_two_sockets();
  add_nic(inventory, "eth0", 0);
  add_nic(inventory, "eth1", 1);
  add_nic(inventory, "eth2", 7);  // a node that nobody listed
  inventory.nics[1].kind = "virtual";
  inventory.block.resize(2);
  inventory.block[0].name = "nvme0n1";
  inventory.block[0].kind = "nvme";
  inventory.block[0].physical = true;
  inventory.block[1].name = "dm-0";
  inventory.nvme.resize(2);
  inventory.nvme[0].name = "nvme0";
  inventory.nvme[0].namespaces = {"nvme0n1"};
  inventory.nvme[1].name = "nvme1";
  const std::string svg = to_svg(inventory);
  std::map<std::string, int> wanted{{"nic-0", 1},  {"nic-2", 1},  {"drive-0", 1},
                                    {"nvme-1", 1}, {"node-0", 1}, {"node-1", 1}};
  for (int cpu = 0; cpu < 8; ++cpu) wanted[fmt::format("cpu-{}", cpu)] = 1;
  EXPECT_EQ(ids(svg), wanted);
  EXPECT_TRUE(contains(svg, "Devices of no node"));
}

TEST(Svg, RolesAndOfflineCpusShow) {
  Inventory inventory = drawn_two_sockets();
  Topology& topology = inventory.topology;
  topology.isolated = CpuSet{1};
  topology.cpus[1].isolated = topology.cpus[1].nohz_full = true;
  topology.cpus[2].allowed = false;
  topology.cpus[7].online = false;
  topology.online.remove(7);
  topology.offline.add(7);
  topology.cpus[3].siblings = CpuSet{3};
  topology.nodes[1].cpus.remove(7);
  const std::string svg = to_svg(inventory);
  EXPECT_TRUE(contains(group(svg, "cpu-0"), "role-ordinary"));
  EXPECT_TRUE(contains(group(svg, "cpu-1"), "role-isolated"));
  EXPECT_TRUE(contains(group(svg, "cpu-1"), "tickless"));
  EXPECT_TRUE(contains(group(svg, "cpu-2"), "role-forbidden"));
  EXPECT_TRUE(contains(group(svg, "cpu-7"), "role-offline"));
  EXPECT_TRUE(contains(svg, "Offline CPUs 7"));
  EXPECT_EQ(ids(svg)["cpu-7"], 1);
}

TEST(Svg, ARemoteNicAndADegradedLinkAreMarked) {
  Inventory inventory = drawn_two_sockets();
  add_nic(inventory, "near", 0);
  add_nic(inventory, "far", 1);
  inventory.nics[0].link->speed_gts = 2.5;
  inventory.topology.isolated = CpuSet{0, 4};
  Irq irq;
  irq.number = "24";
  irq.asked = CpuSet{1};
  inventory.interrupts.irqs.push_back(irq);
  inventory.nics[1].irqs = {"24"};
  const std::string svg = to_svg(inventory);
  EXPECT_TRUE(contains(group(svg, "nic-0"), "alarm"));
  EXPECT_TRUE(contains(group(svg, "nic-0"), "link below 8 GT/s x8"));
  EXPECT_FALSE(contains(group(svg, "nic-0"), "REMOTE"));
  EXPECT_TRUE(contains(group(svg, "nic-1"), "REMOTE"));
  EXPECT_TRUE(contains(group(svg, "nic-1"), "interrupts on node 0"));
}

TEST(Svg, HostileNamesStayText) {
  Inventory inventory = drawn_two_sockets();
  add_nic(inventory, "<script>alert(1)</script>", 0);
  inventory.nics[0].driver = "\"/><image href='http://x'/>";
  inventory.topology.model_name = "a]]>b & <c>";
  inventory.host_name = "</svg>\x1b[0m";
  const std::string svg = to_svg(inventory);
  EXPECT_FALSE(contains(svg, "<script"));
  EXPECT_FALSE(contains(svg, "<image"));
  EXPECT_FALSE(contains(svg, "\x1b"));
  EXPECT_EQ(svg.find("</svg>"), svg.size() - 7);
  EXPECT_EQ(svg.find("]]>"), std::string::npos);
}

TEST(Svg, AnEmptyInventoryIsADocumentToo) {
  const std::string svg = to_svg(Inventory{});
  EXPECT_TRUE(svg.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_TRUE(ids(svg).empty());
}

}  // namespace
}  // namespace assay::probes
