// Trees that lie, as real directories: whatever stands in them, the probes end soon, crash nothing,
// and read nothing outside. Each lie has a row.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/replay_host.hpp"
#include "probes/inventory_json.hpp"
#include "probes/inventory_table.hpp"
#include "probes/probe.hpp"

namespace assay::probes {
namespace {

namespace fs = std::filesystem;

const std::string kSecret = "the-word-outside";

// A small honest host, as files below a directory of its own.
class Tree {
 public:
  Tree() {
    // In memory where there is such a place: some lies are a hundred thousand directories.
    const fs::path place = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : fs::temp_directory_path();
    std::string pattern = (place / "assay-hostile-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) base_ = pattern;
    fs::create_directory(root());
    std::ofstream(base_ / "outside") << kSecret << "\n";
    for (const char* name : {"possible", "present", "online"}) put(cpu_file(name), "0-1\n");
    for (unsigned cpu = 0; cpu < 2; ++cpu) {
      put(cpu_file(fmt::format("cpu{}/topology/physical_package_id", cpu)), "0\n");
      put(cpu_file(fmt::format("cpu{}/topology/core_id", cpu)), fmt::format("{}\n", cpu));
      put(cpu_file(fmt::format("cpu{}/cache/index0/level", cpu)), "1\n");
      put(cpu_file(fmt::format("cpu{}/cache/index0/type", cpu)), "Data\n");
    }
    put("sys/devices/system/node/online", "0\n");
    put("sys/devices/system/node/node0/cpulist", "0-1\n");
    put("sys/devices/system/node/node0/distance", "10\n");
    put("sys/devices/pci/net/eth0/mtu", "1500\n");
    link("sys/class/net/eth0", "../../devices/pci/net/eth0");
    put("sys/block/vda/size", "1000\n");
    put("sys/block/vda/queue/scheduler", "[none]\n");
    put("proc/cpuinfo", "processor\t: 0\nmodel name\t: Test\n\nprocessor\t: 1\n");
    put("proc/meminfo", "MemTotal: 1048576 kB\n");
    put("proc/interrupts", "     CPU0 CPU1\n 24: 1 2 PCI-MSI-0000:00:02.0 0-edge x\n");
    put("proc/self/mountinfo", "27 1 254:0 / / rw - ext4 /dev/vda rw\n");
    put("proc/cmdline", "quiet\n");
    put("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() { fs::remove_all(base_); }

  fs::path root() const { return base_ / "root"; }
  fs::path outside() const { return base_ / "outside"; }
  static std::string cpu_file(const std::string& name) { return "sys/devices/system/cpu/" + name; }

  // Replaces whatever has the name.
  fs::path fresh(const std::string& name) const {
    const fs::path path = root() / name;
    fs::create_directories(path.parent_path());
    fs::remove_all(path);
    return path;
  }
  void put(const std::string& name, std::string_view content) const {
    std::ofstream(fresh(name), std::ios::binary) << content;
  }
  void link(const std::string& name, const std::string& target) const {
    fs::create_symlink(target, fresh(name));
  }

 private:
  fs::path base_;
};

std::string document_of(const Inventory& inventory) {
  EXPECT_FALSE(to_table(inventory).empty());
  // Throws on text that is no UTF-8.
  return to_json(inventory).dump(-1, ' ', false, nlohmann::json::error_handler_t::strict);
}

struct Probed {
  Inventory inventory;
  std::string document;
};

Probed probe_tree(const Tree& tree) {
  auto host = open_replay_host(tree.root().string());
  EXPECT_TRUE(host.has_value());
  Probed probed{probe(**host), {}};
  probed.document = document_of(probed.inventory);
  EXPECT_EQ(probed.document.find(kSecret), std::string::npos) << "read outside the root";
  return probed;
}

// Every file of the tree, for lies that any of them may tell.
std::vector<std::string> files_of(const Tree& tree) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(tree.root())) {
    if (entry.is_regular_file() && !entry.is_symlink()) {
      files.push_back(fs::relative(entry.path(), tree.root()).string());
    }
  }
  return files;
}

struct Lie {
  const char* name;
  void (*tell)(const Tree& tree, const std::string& file);
};

const Lie kLies[] = {
    {"empty", [](const Tree& tree, const std::string& file) { tree.put(file, ""); }},
    {"truncated",
     [](const Tree& tree, const std::string& file) {
       fs::resize_file(tree.root() / file, fs::file_size(tree.root() / file) / 2);
     }},
    {"negative", [](const Tree& tree, const std::string& file) { tree.put(file, "-1\n"); }},
    {"huge number",
     [](const Tree& tree, const std::string& file) { tree.put(file, "99999999999999999999\n"); }},
    {"number at the edge",
     [](const Tree& tree, const std::string& file) { tree.put(file, "18446744073709551615\n"); }},
    {"binary",
     [](const Tree& tree, const std::string& file) {
       std::string bytes;
       for (int i = 0; i < 4096; ++i) bytes += static_cast<char>(i * 31);
       tree.put(file, bytes);
     }},
    {"NUL bytes",
     [](const Tree& tree, const std::string& file) { tree.put(file, std::string(4096, '\0')); }},
    {"wrong encoding",
     [](const Tree& tree, const std::string& file) {
       tree.put(file, "\xff\xfe\xc0\x80 K\xf6ln\n");
     }},
    {"no line ends",
     [](const Tree& tree, const std::string& file) { tree.put(file, std::string(300000, 'x')); }},
    {"only line ends",
     [](const Tree& tree, const std::string& file) { tree.put(file, std::string(300000, '\n')); }},
    {"list without end",
     [](const Tree& tree, const std::string& file) {
       std::string list;
       for (int i = 0; i < 50000; ++i) list += "0-65535,";
       tree.put(file, list);
     }},
    {"two GiB",
     [](const Tree& tree, const std::string& file) {
       tree.put(file, "1\n");
       fs::resize_file(tree.root() / file, 2ULL << 30);  // sparse
     }},
    {"directory", [](const Tree& tree,
                     const std::string& file) { fs::create_directories(tree.fresh(file) / "x"); }},
    {"FIFO",
     [](const Tree& tree, const std::string& file) {
       EXPECT_EQ(::mkfifo(tree.fresh(file).c_str(), 0600), 0);
     }},
    {"link to itself",
     [](const Tree& tree, const std::string& file) {
       tree.link(file, fs::path(file).filename().string());
     }},
    {"cycle of two",
     [](const Tree& tree, const std::string& file) {
       tree.link(file, fs::path(file).filename().string() + ".other");
       tree.link(file + ".other", fs::path(file).filename().string());
     }},
    {"link out, absolute",
     [](const Tree& tree, const std::string& file) { tree.link(file, tree.outside().string()); }},
    {"link out, relative",
     [](const Tree& tree, const std::string& file) {
       tree.link(file, "../../../../../../../../../../../.." + tree.outside().string());
     }},
    {"link to /etc/passwd",
     [](const Tree& tree, const std::string& file) { tree.link(file, "/etc/passwd"); }},
    {"link to its own folder",
     [](const Tree& tree, const std::string& file) { tree.link(file, "."); }},
    {"missing", [](const Tree& tree, const std::string& file) { tree.fresh(file); }},
    {"missing folder",
     [](const Tree& tree, const std::string& file) {
       fs::remove_all((tree.root() / file).parent_path());
     }},
};

class Hostile : public testing::TestWithParam<Lie> {};

TEST_P(Hostile, OneFileLies) {
  const std::vector<std::string> files = files_of(Tree());
  ASSERT_GT(files.size(), 15U);
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    const Tree tree;
    GetParam().tell(tree, file);
    probe_tree(tree);
  }
}

TEST_P(Hostile, AllFilesLie) {
  const Tree tree;
  for (const std::string& file : files_of(tree)) {
    if (fs::exists(fs::symlink_status(tree.root() / file))) GetParam().tell(tree, file);
  }
  probe_tree(tree);
}

std::string name_of(const testing::TestParamInfo<Lie>& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}
INSTANTIATE_TEST_SUITE_P(Lies, Hostile, testing::ValuesIn(kLies), name_of);

// --- folders that are links ---

TEST(HostileTree, FoldersThatLeadOut) {
  for (const char* folder : {"sys", "proc", "sys/class/net", "sys/block", "sys/devices/system/cpu",
                             "sys/devices/system/node", "etc"}) {
    for (const char* target : {"/", "/etc", "..", "../..", "../../../../../..", "."}) {
      SCOPED_TRACE(std::string(folder) + " > " + target);
      const Tree tree;
      tree.link(folder, target);
      probe_tree(tree);
    }
  }
}

TEST(HostileTree, RepliesThatAreALink) {
  const Tree tree;
  tree.link(kCaptureReplies, tree.outside().string());
  EXPECT_TRUE(open_replay_host(tree.root().string()).has_value()) << "there is nothing inside";
}

// --- more than any host has ---

TEST(HostileTree, AMillionCpusInAList) {
  for (const char* name : {"possible", "present", "online", "isolated"}) {
    const Tree tree;
    tree.put(Tree::cpu_file(name), "0-999999\n");
    const Probed probed = probe_tree(tree);
    EXPECT_EQ(probed.inventory.topology.cpus.size(), 2U) << "two have a directory";
  }
}

TEST(HostileTree, MoreCpusThanAnyKernelWithoutDirectories) {
  const Tree tree;
  fs::remove_all(tree.root() / "sys/devices/system/cpu");
  for (const char* name : {"possible", "present", "online"}) {
    tree.put(Tree::cpu_file(name), "0-65535\n");
  }
  const Probed probed = probe_tree(tree);
  EXPECT_LE(probed.inventory.topology.cpus.size(), 16384U);
  EXPECT_FALSE(probed.inventory.topology.notes.empty());
}

TEST(HostileTree, EveryCpuCallsAllOthersItsThreads) {
  const Tree tree;
  tree.put(Tree::cpu_file("present"), "0-600\n");
  tree.put(Tree::cpu_file("online"), "0-600\n");
  for (unsigned cpu = 0; cpu <= 600; ++cpu) {
    const std::string base = Tree::cpu_file(fmt::format("cpu{}/topology/", cpu));
    tree.put(base + "thread_siblings_list", "0-65535\n");
    tree.put(base + "core_id", "0\n");
  }
  const Probed probed = probe_tree(tree);
  EXPECT_EQ(probed.inventory.topology.counts.cpus, 601U);
}

TEST(HostileTree, AHundredThousandEntries) {
  for (const char* folder : {"sys/class/net", "sys/bus/pci/devices", "proc"}) {
    SCOPED_TRACE(folder);
    const Tree tree;
    const std::string base = (tree.root() / folder).string();
    fs::create_directories(base);
    // Names that the folder's probe believes.
    const bool pci = std::string_view(folder).ends_with("devices");
    const bool net = std::string_view(folder).ends_with("net");
    for (unsigned i = 0; i < 100'000; ++i) {
      const std::string name = pci   ? fmt::format("{:04x}:{:02x}:00.0", i >> 8, i & 0xff)
                               : net ? fmt::format("eth{}", i + 1)
                                     : fmt::format("{}", i);
      // A directory's cost is in its making; one entry of its own is enough.
      ASSERT_EQ(::mkdir((base + "/" + name).c_str(), 0700), 0);
    }
    const Probed probed = probe_tree(tree);
    EXPECT_FALSE(probed.inventory.unreadable.empty()) << "it says that something was cut off";
  }
}

TEST(HostileTree, InterruptsThatWouldFillTheMemory) {
  const Tree tree;
  std::string table = "    ";
  for (unsigned cpu = 0; cpu < 65536; ++cpu) table += fmt::format(" CPU{}", cpu);
  table += "\n";
  for (unsigned irq = 0; irq < 100'000; ++irq) table += fmt::format("{}: 1\n", irq % 7);
  tree.put("proc/interrupts", table);
  const Probed probed = probe_tree(tree);
  const auto& interrupts = probed.inventory.interrupts;
  EXPECT_LE(interrupts.irqs.size() * interrupts.cpus.size(), 8U << 20);
}

TEST(HostileTree, InterruptsOfOneName) {
  const Tree tree;
  std::string table = " CPU0\n";
  for (unsigned irq = 0; irq < 20'000; ++irq) table += "24: 1 PCI-MSI 5-edge x\n";
  tree.put("proc/interrupts", table);
  const Probed probed = probe_tree(tree);
  EXPECT_GT(probed.inventory.interrupts.irqs.size(), 1000U);
}

TEST(HostileTree, AHundredThousandMounts) {
  const Tree tree;
  std::string table;
  for (unsigned i = 0; i < 100'000; ++i)
    table += fmt::format("{} 1 0:1 / /m{} rw - x /dev/y{} rw\n", i, i, i);
  tree.put("proc/self/mountinfo", table);
  EXPECT_LE(probe_tree(tree).inventory.mounts.size(), 16384U);
}

}  // namespace
}  // namespace assay::probes
