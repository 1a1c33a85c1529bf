// Captured hosts, old and odd ones: what we read of them is what lstopo reads, and what it was when
// a person last looked at it. Set ASSAY_UPDATE_GOLDEN=1 to write the golden files anew.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "core/replay_host.hpp"
#include "probes/hwloc_witness.hpp"
#include "probes/probe.hpp"
#include "summary.hpp"
#include "tests/unit/probes/run_tool.hpp"

namespace assay::probes {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// A directory of its own for each case, taken away afterwards.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "assay-capture-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    if (path_.empty()) return;
    std::error_code ignored;
    // Captures hold directories without write permission, which an ordinary user must open first.
    for (const auto& entry : fs::recursive_directory_iterator(
             path_, fs::directory_options::skip_permission_denied, ignored)) {
      if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) {
        fs::permissions(entry.path(), fs::perms::owner_all, fs::perm_options::add, ignored);
      }
    }
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

class Capture : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const fs::path archive = fs::path(ASSAY_CAPTURES_DIR) / (std::string(GetParam()) + ".tar.bz2");
    if (!fs::exists(archive)) GTEST_SKIP() << archive << " is not there";
    // Without the thousands of memory blocks and power files, which neither side looks at.
    const auto unpacked =
        run_tool({"tar", "--no-same-owner", "--delay-directory-restore", "--wildcards",
                  "--exclude=*/node*/memory[0-9]*", "--exclude=*/pci[0-9]*/power/*", "-xjf",
                  archive.string(), "-C", directory_.path().string()});
    if (!unpacked || unpacked->exit_code != 0) GTEST_SKIP() << "tar or bzip2 is not installed";
    for (const auto& entry : fs::directory_iterator(directory_.path())) root_ = entry.path();
    auto host = open_replay_host(root_.string());
    ASSERT_TRUE(host.has_value()) << host.error().message();
    inventory_ = probe(**host);
    // The second witness: its objections stand among the notes.
    witnessed_ = inventory_.topology;
    witnessed_.notes.clear();
    ask_hwloc(**host, witnessed_);
  }

  TemporaryDirectory directory_;
  fs::path root_;
  Inventory inventory_;
  Topology witnessed_;
};

// Key by key, so that a difference can be read.
void compare_with_golden(const std::string& name, const Inventory& inventory) {
  const fs::path golden = fs::path(ASSAY_SOURCE_DIR) / "tests/golden" / (name + ".json");
  const Json now = summary(inventory);
  if (std::getenv("ASSAY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(golden) << now.dump(1) << "\n";
    return;
  }
  std::ifstream file(golden);
  ASSERT_TRUE(file) << golden << " is missing";
  const Json before = Json::parse(file, nullptr, false);
  ASSERT_FALSE(before.is_discarded()) << golden;
  for (const auto& [key, value] : before.items()) EXPECT_EQ(now.value(key, Json()), value) << key;
  EXPECT_EQ(now.size(), before.size());
}

std::string attribute(const std::string& element, const std::string& name) {
  const std::size_t at = element.find(" " + name + "=\"");
  if (at == std::string::npos) return {};
  const std::size_t start = at + name.size() + 3;
  return element.substr(start, element.find('"', start) - start);
}

// What lstopo found: how many of each type, and each node's own number with its memory.
struct Truth {
  std::map<std::string, unsigned> counts;
  std::map<std::string, std::string> node_memory;
};

Truth parse_xml(const std::string& xml) {
  Truth truth;
  const std::string open = "<object ";
  for (std::size_t at = 0; (at = xml.find(open, at)) != std::string::npos; ++at) {
    const std::string element = xml.substr(at, xml.find('>', at) - at);
    const std::string type = attribute(element, "type");
    ++truth.counts[type];
    if (type == "NUMANode") {
      truth.node_memory[attribute(element, "os_index")] = attribute(element, "local_memory");
    }
  }
  return truth;
}

unsigned count_caches(const Topology& topology, unsigned level, bool instruction) {
  unsigned number = 0;
  for (const Cache& cache : topology.caches) {
    number += cache.level == level && (cache.type == CacheType::instruction) == instruction;
  }
  return number;
}

void compare_with_lstopo(const fs::path& root, const Topology& topology) {
  // Without its x86 part, which would ask this machine's CPU about the other's.
  const auto result = run_tool(
      {"lstopo-no-graphics", "--disallowed", "--no-io", "--of", "xml"},
      {{"HWLOC_FSROOT", root.string()}, {"HWLOC_THISSYSTEM", "0"}, {"HWLOC_COMPONENTS", "-x86"}});
  if (!result || result->exit_code != 0) GTEST_SKIP() << "lstopo is not installed";
  Truth truth = parse_xml(result->output);
  EXPECT_EQ(topology.counts.cpus, truth.counts["PU"]);
  EXPECT_EQ(topology.counts.cores, truth.counts["Core"]);
  EXPECT_EQ(topology.counts.packages, truth.counts["Package"]);
  EXPECT_EQ(topology.counts.nodes, truth.counts["NUMANode"]);
  for (unsigned level = 1; level <= 3; ++level) {
    const std::string name = "L" + std::to_string(level);
    EXPECT_EQ(count_caches(topology, level, false), truth.counts[name + "Cache"]) << name;
    EXPECT_EQ(count_caches(topology, level, true), truth.counts[name + "iCache"]) << name;
  }
  for (const Node& node : topology.nodes) {
    const auto found = truth.node_memory.find(std::to_string(node.id.value));
    ASSERT_NE(found, truth.node_memory.end()) << node.id.value;
    EXPECT_EQ(found->second.empty() ? "0" : found->second, std::to_string(node.memory.count));
  }
}

// One case a capture: unpacking costs more than all that follows.
TEST_P(Capture, IsReadRight) {
  compare_with_golden(GetParam(), inventory_);
  EXPECT_EQ(witnessed_.notes, std::vector<std::string>{});
  for (const Cpu& cpu : witnessed_.cpus) {
    EXPECT_EQ(cpu.kind, inventory_.topology.find(cpu.id)->kind) << cpu.id.value;
  }
  compare_with_lstopo(root_, inventory_.topology);
}

std::string case_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Hosts, Capture,
                         testing::Values("128arm-2pa2n8cluster4co", "16amd64-8n2c",
                                         "16em64t-4s2c2t", "20em64t-hybrid-1p6c2t+2ca4co1t",
                                         "2i386-2c-nohugepage", "32amd64-4s2n4c-cgroup2",
                                         "32em64t-2n8c+dax+nvme+mic+dimms",
                                         "40intel64-2g2n4c+pcilocality", "48amd64-4pa2n6c-sparse",
                                         "8em64t-2s2ca2c-buggynuma", "offline-cpu0-node0"),
                         case_name);

}  // namespace
}  // namespace assay::probes
