// This host, seen by the tools that everybody has: where one is not installed, that case is skipped
// and says so.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "core/real_host.hpp"
#include "core/units.hpp"
#include "probes/probe.hpp"
#include "run_tool.hpp"

namespace assay::probes {
namespace {

using nlohmann::json;

const Inventory& here() {
  static const Inventory inventory = probe(*make_real_host());
  return inventory;
}

// The tool's JSON, or a discarded value.
json ask_tool(const std::vector<std::string>& argv) {
  const auto result = run_tool(argv);
  if (!result || result->exit_code != 0) return json(json::value_t::discarded);
  return json::parse(result->output, nullptr, false);
}

void flatten(const json& fields, std::map<std::string, std::string>& out) {
  for (const json& field : fields) {
    out[field.value("field", "")] = field["data"].is_string() ? field["data"] : "";
    if (field.contains("children")) flatten(field["children"], out);
  }
}

TEST(Agreement, WithLscpu) {
  const json document = ask_tool({"lscpu", "-J"});
  if (document.is_discarded()) GTEST_SKIP() << "lscpu is not installed";
  std::map<std::string, std::string> fields;
  flatten(document["lscpu"], fields);
  const Topology& topology = here().topology;
  EXPECT_EQ(fields["CPU(s):"], std::to_string(topology.present.count()));
  EXPECT_EQ(CpuSet::parse_list(fields["On-line CPU(s) list:"]), topology.online);
  EXPECT_EQ(fields["Architecture:"], topology.architecture);
  if (fields.contains("Model name:")) {
    EXPECT_EQ(fields["Model name:"], topology.model_name);
  }
  if (fields.contains("Socket(s):") && fields.contains("Core(s) per socket:")) {
    const auto sockets = parse_uint(fields["Socket(s):"]);
    const auto cores = parse_uint(fields["Core(s) per socket:"]);
    ASSERT_TRUE(sockets && cores);
    EXPECT_EQ(*sockets, topology.counts.packages);
    EXPECT_EQ(*sockets * *cores, topology.counts.cores);
  }
  if (fields.contains("NUMA node(s):")) {
    EXPECT_EQ(fields["NUMA node(s):"], std::to_string(topology.counts.nodes));
  }
}

TEST(Agreement, WithNproc) {
  const auto allowed = run_tool({"nproc"}, {{"OMP_NUM_THREADS", ""}});
  if (!allowed) GTEST_SKIP() << "nproc is not installed";
  const auto number = parse_uint(allowed->output);
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ(*number, here().topology.allowed.count());
}

TEST(Agreement, WithIpLink) {
  const json document = ask_tool({"ip", "-j", "link"});
  if (document.is_discarded()) GTEST_SKIP() << "ip is not installed";
  // Interfaces of other programs come and go: those that both saw must agree.
  unsigned seen = 0;
  for (const json& link : document) {
    for (const Nic& nic : here().nics) {
      if (nic.name != link.value("ifname", "")) continue;
      ++seen;
      EXPECT_EQ(nic.mtu, link.value("mtu", 0U)) << nic.name;
      EXPECT_EQ(nic.kind == "loopback", link.value("link_type", "") == "loopback") << nic.name;
    }
  }
  EXPECT_GE(seen, 1U);
}

TEST(Agreement, WithLsblk) {
  const json document =
      ask_tool({"lsblk", "-J", "-b", "-a", "-d", "-o", "NAME,SIZE,RO,ROTA,SCHED"});
  if (document.is_discarded()) GTEST_SKIP() << "lsblk is not installed";
  unsigned seen = 0;
  for (const json& listed : document["blockdevices"]) {
    for (const BlockDevice& device : here().block) {
      if (device.name != listed.value("name", "") || !device.physical) continue;
      ++seen;
      EXPECT_EQ(device.size.count, listed["size"].get<std::uint64_t>()) << device.name;
      EXPECT_EQ(device.read_only, listed["ro"].get<bool>()) << device.name;
      EXPECT_EQ(device.rotational, listed["rota"].get<bool>()) << device.name;
      if (listed["sched"].is_string()) {
        EXPECT_EQ(device.scheduler, listed["sched"].get<std::string>());
      }
    }
  }
  unsigned drives = 0;
  for (const BlockDevice& device : here().block) drives += device.physical ? 1 : 0;
  EXPECT_EQ(seen, drives);
}

TEST(Agreement, WithLstopo) {
  const auto result = run_tool({"lstopo-no-graphics", "--disallowed", "--no-io", "--of", "xml"});
  if (!result || result->exit_code != 0) GTEST_SKIP() << "lstopo is not installed";
  const auto count = [&](const std::string& type) {
    unsigned number = 0;
    const std::string wanted = "<object type=\"" + type + "\"";
    for (std::size_t at = 0; (at = result->output.find(wanted, at)) != std::string::npos; ++at) {
      ++number;
    }
    return number;
  };
  const Counts& counts = here().topology.counts;
  EXPECT_EQ(count("PU"), counts.cpus);
  EXPECT_EQ(count("Core"), counts.cores);
  EXPECT_EQ(count("Package"), counts.packages);
  EXPECT_EQ(count("NUMANode"), counts.nodes);
}

TEST(Agreement, HwlocSawTheSameInTheProbeItself) {
  for (const std::string& note : here().topology.notes) {
    EXPECT_EQ(note.find("hwloc"), std::string::npos) << note;
  }
}

}  // namespace
}  // namespace assay::probes
