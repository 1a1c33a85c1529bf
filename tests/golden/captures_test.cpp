// Captured hosts, old and odd ones: what we read of them is what lstopo reads, and what it was when
// a person last looked at it. Set ASSAY_UPDATE_GOLDEN=1 to write the golden files anew.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "assay_test_paths.hpp"
#include "core/capture_archive.hpp"
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

// The tree as files, for lstopo. Without the thousands of memory blocks and power files, which
// neither side looks at.
void write_tree(const CaptureTree& tree, const fs::path& root) {
  for (const auto& [path, node] : tree.nodes) {
    const bool block = path.find("/memory") != std::string::npos &&
                       path.find("/system/node/") != std::string::npos;
    const bool power =
        path.find("/power/") != std::string::npos && path.find("/pci") != std::string::npos;
    if (block || power) continue;
    const fs::path place = root / path.substr(1);
    fs::create_directories(place.parent_path());
    if (node.kind == FileKind::directory) fs::create_directory(place);
    if (node.kind == FileKind::symlink) fs::create_symlink(node.content, place);
    if (node.kind == FileKind::regular) std::ofstream(place, std::ios::binary) << node.content;
  }
}

// A capture of the folder beside the repository, or of our own in tests/captures.
struct Case {
  const char* folder;
  const char* name;
  const char* suffix;
};
Case shared(const char* name) { return {ASSAY_CAPTURES_DIR, name, ".tar.bz2"}; }
Case own(const char* name) { return {ASSAY_SOURCE_DIR "/tests/captures", name, ".tar.zst"}; }
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class Capture : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto& [folder, name, suffix] = GetParam();
    const fs::path archive = fs::path(folder) / (std::string(name) + suffix);
    if (!fs::exists(archive)) GTEST_SKIP() << archive << " is not there";
    auto host = open_capture(archive.string());
    ASSERT_TRUE(host.has_value()) << host.error().message();
    inventory_ = probe(**host);
    const auto tree = unpack_capture(archive.string());
    ASSERT_TRUE(tree.has_value()) << tree.error().message();
    write_tree(*tree, directory_.path());
  }

  // What the same capture says when it is unpacked.
  Json summary_of_directory() const {
    const auto host = open_capture(directory_.path().string());
    return host ? summary(probe(**host)) : Json(host.error().message());
  }

  TemporaryDirectory directory_;
  Inventory inventory_;
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
  compare_with_golden(GetParam().name, inventory_);
  EXPECT_EQ(summary_of_directory(), summary(inventory_));
  compare_with_lstopo(directory_.path(), inventory_.topology);
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Hosts, Capture,
    testing::Values(shared("128arm-2pa2n8cluster4co"), shared("16amd64-8n2c"),
                    shared("16em64t-4s2c2t"), shared("20em64t-hybrid-1p6c2t+2ca4co1t"),
                    shared("2i386-2c-nohugepage"), shared("32amd64-4s2n4c-cgroup2"),
                    shared("32em64t-2n8c+dax+nvme+mic+dimms"),
                    shared("40intel64-2g2n4c+pcilocality"), shared("48amd64-4pa2n6c-sparse"),
                    shared("8em64t-2s2ca2c-buggynuma"), shared("offline-cpu0-node0"),
                    own("8x86-2s2n-nic-nvme-scsi"), own("lab-basic"), own("lab-single"),
                    own("lab-numa2"), own("lab-iommu"), own("lab-nic"), own("lab-rt"),
                    own("lab-new"), own("lab-smt")),
    case_name);

}  // namespace
}  // namespace assay::probes
