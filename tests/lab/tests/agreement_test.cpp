// `assay probe` beside the tools that an engineer would ask, on hosts that have NVMe drives and
// ports with many queues. What this machine has, tests/cli/test_agreement.py compares.
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/lab/tests/lab_guest.hpp"

namespace {

using nlohmann::json;

const json& probed() {
  static const json document = lab::assay_json({"probe"});
  return document;
}

// What a tool says; a failed test when it does not run.
std::string told(const std::vector<std::string>& argv) {
  const lab::Ran ran = lab::run(argv);
  EXPECT_EQ(ran.code, 0) << argv[0] << ": " << ran.err;
  return ran.out;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// "RX:\t\t256" lines below a heading: what ethtool prints as "Current hardware settings:".
std::map<std::string, std::string> lines_below(const std::string& text,
                                               const std::string& heading) {
  std::map<std::string, std::string> values;
  std::istringstream lines(text.substr(std::min(text.find(heading), text.size())));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && !line.empty()) {
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos) {
      values[line.substr(0, colon)] = trimmed(line.substr(colon + 1));
    }
  }
  return values;
}

std::vector<json> physical_ports() {
  std::vector<json> ports;
  for (const json& nic : probed().at("net")) {
    if (nic.at("kind") == "physical") ports.push_back(nic);
  }
  return ports;
}

TEST(Agreement, WithNvmeList) {
  const json devices = json::parse(told({"nvme", "list", "-o", "json"})).at("Devices");
  std::map<std::string, json> spaces;
  for (const json& drive : probed().at("nvme")) {
    for (json space : drive.at("spaces")) {
      space["drive"] = drive;
      spaces[space.at("name")] = space;
    }
  }
  ASSERT_EQ(devices.size(), lab::row().at("drives").size());
  ASSERT_EQ(devices.size(), spaces.size());
  for (const json& device : devices) {
    const std::string path = device.at("DevicePath");
    const json& space = spaces.at(path.substr(path.rfind('/') + 1));
    EXPECT_EQ(trimmed(device.at("ModelNumber")), space.at("drive").at("model")) << path;
    EXPECT_EQ(trimmed(device.at("Firmware")), space.at("drive").at("firmware")) << path;
    EXPECT_EQ(device.at("PhysicalSize"), space.at("size_bytes")) << path;
    EXPECT_EQ(device.at("SectorSize"), space.at("block_bytes")) << path;
  }
}

TEST(Agreement, WithNvmeSmartLog) {
  for (const json& drive : probed().at("nvme")) {
    const std::string name = drive.at("name");
    const json log = json::parse(told({"nvme", "smart-log", "/dev/" + name, "-o", "json"}));
    const json& health = drive.at("health");
    EXPECT_EQ(log.at("critical_warning"), health.at("critical_warning")) << name;
    EXPECT_EQ(log.at("avail_spare"), health.at("spare_percent")) << name;
    EXPECT_EQ(log.at("spare_thresh"), health.at("spare_threshold_percent")) << name;
    EXPECT_EQ(log.at("percent_used"), health.at("used_percent")) << name;
    EXPECT_NEAR(log.at("temperature").get<double>() - 273, health.at("temperature_celsius"), 1);
  }
}

TEST(Agreement, WithEthtoolDriver) {
  ASSERT_FALSE(physical_ports().empty());
  for (const json& nic : physical_ports()) {
    const std::string name = nic.at("name");
    const auto facts = lines_below("\n" + told({"ethtool", "-i", name}), "");
    EXPECT_EQ(facts.at("driver"), nic.at("driver")) << name;
    EXPECT_EQ(facts.at("firmware-version"), nic.at("firmware")) << name;
    EXPECT_EQ(facts.at("bus-info"), nic.at("pci_address")) << name;
  }
}

// A driver without the call makes ethtool fail and our answer empty.
TEST(Agreement, WithEthtoolRingsAndChannels) {
  struct Row {
    const char *option, *section;
    std::map<const char*, const char*> names;  // ethtool's → ours
  };
  const Row rows[] = {{"-g", "ring", {{"RX", "rx"}, {"TX", "tx"}}},
                      {"-l", "channels", {{"Combined", "combined"}, {"RX", "rx"}, {"TX", "tx"}}}};
  unsigned compared = 0;
  for (const json& nic : physical_ports()) {
    for (const Row& row : rows) {
      const lab::Ran ran = lab::run({"ethtool", row.option, nic.at("name")});
      const json& ours = nic.at(row.section);
      if (ran.code != 0) {
        EXPECT_TRUE(ours.empty()) << nic.at("name") << " " << row.section;
        continue;
      }
      const auto now = lines_below(ran.out, "Current hardware settings");
      for (const auto& [theirs, key] : row.names) {
        const auto found = now.find(theirs);
        if (found == now.end() || found->second == "n/a") continue;
        EXPECT_EQ(found->second, ours.value(key, std::string("0"))) << nic.at("name") << " " << key;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 0U);
}

TEST(Agreement, WithLsblk) {
  const json tree = json::parse(told({"lsblk", "-J", "-b", "-d", "-o", "NAME,SIZE,LOG-SEC,SCHED"}));
  std::map<std::string, json> ours;
  for (const json& device : probed().at("block")) ours[device.at("name")] = device;
  ASSERT_FALSE(tree.at("blockdevices").empty());
  for (const json& device : tree.at("blockdevices")) {
    const json& mine = ours.at(device.at("name"));
    EXPECT_EQ(device.at("size"), mine.at("size_bytes")) << device.at("name");
    EXPECT_EQ(device.at("log-sec"), mine.at("logical_block_bytes")) << device.at("name");
    if (device.at("sched").is_string()) {
      EXPECT_EQ(device.at("sched"), mine.at("scheduler")) << device.at("name");
    }
  }
}

TEST(Agreement, WithNumactl) {
  const std::string text = told({"numactl", "-H"});
  const json& nodes = probed().at("topology").at("nodes");
  EXPECT_NE(text.find("available: " + std::to_string(nodes.size()) + " nodes"), std::string::npos);
  for (const json& node : nodes) {
    const std::string label = "node " + node.at("id").dump() + " size: ";
    const std::size_t at = text.find(label);
    ASSERT_NE(at, std::string::npos) << text;
    const auto mib = std::stoull(text.substr(at + label.size()));
    EXPECT_EQ(mib, node.at("memory_bytes").get<unsigned long long>() >> 20) << label;
  }
}

}  // namespace
