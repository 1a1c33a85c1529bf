// The table of techniques: every row is whole, and what it refers to exists.
#include <gtest/gtest.h>

#include <set>

#include "core/memory_host.hpp"
#include "engine/technique.hpp"

namespace assay::engine {
namespace {

TEST(Catalogue, IdsAreUniqueAndFound) {
  std::set<std::string_view> ids;
  for (const Technique& row : techniques()) {
    EXPECT_TRUE(ids.insert(row.id).second) << row.id;
    EXPECT_EQ(find_technique(row.id), &row);
  }
  EXPECT_EQ(technique_ids().size(), ids.size());
  EXPECT_EQ(find_technique("storage.nonsense"), nullptr);
}

TEST(Catalogue, EveryPromisedTechniqueIsThere) {
  for (const char* id : {"storage.pread",
                         "storage.direct",
                         "storage.mmap",
                         "storage.vectored",
                         "storage.uring",
                         "storage.uring.fixed-buffers",
                         "storage.uring.fixed-files",
                         "storage.uring.batched",
                         "storage.stdio",
                         "storage.posix-aio",
                         "storage.libaio",
                         "storage.uring.coop-taskrun",
                         "storage.uring.defer-taskrun",
                         "storage.uring.sqpoll",
                         "storage.uring.iopoll",
                         "storage.uring.linked",
                         "storage.uring.passthrough",
                         "storage.user-nvme",
                         "copy.read-write",
                         "copy.sendfile",
                         "memory.hierarchy",
                         "ipc.pipe",
                         "ipc.unix",
                         "ipc.shm-seqlock",
                         "net.udp",
                         "os.jitter",
                         "os.wakeup",
                         "os.pinned",
                         "os.realtime",
                         "os.timer",
                         "memory.thp",
                         "memory.huge-2m",
                         "memory.huge-1g",
                         "memory.numa-local",
                         "memory.prefault-lock",
                         "memory.padding"}) {
    EXPECT_NE(find_technique(id), nullptr) << id;
  }
}

TEST(Catalogue, RowsAreWhole) {
  for (const Technique& row : techniques()) {
    EXPECT_FALSE(row.summary.empty()) << row.id;
    EXPECT_FALSE(row.proof.empty()) << row.id;
    EXPECT_TRUE(row.baseline.empty() || !row.claim.text.empty()) << row.id;
    EXPECT_NE(row.make, nullptr) << row.id;
    EXPECT_NE(row.available, nullptr) << row.id;
    EXPECT_GE(row.threads, 1U) << row.id;
    if (!row.baseline.empty()) {
      EXPECT_NE(find_technique(row.baseline), nullptr) << row.id << " against " << row.baseline;
    }
  }
}

TEST(Catalogue, ParameterKeysExist) {
  std::set<std::string_view> known;
  for (const ParameterRow& row : parameter_rows()) known.insert(row.key);
  for (const Technique& row : techniques()) {
    std::string_view keys = row.parameters;
    while (!keys.empty()) {
      const std::size_t comma = std::min(keys.find(','), keys.size());
      EXPECT_TRUE(known.contains(keys.substr(0, comma))) << row.id << ": " << keys.substr(0, comma);
      keys.remove_prefix(std::min(comma + 1, keys.size()));
    }
  }
}

TEST(Catalogue, CapturedHostsAreNotMeasured) {
  const MemoryHost host;
  const probes::Inventory inventory;
  for (const Technique& row : techniques()) {
    const Availability can = row.available(host, inventory, Parameters{});
    EXPECT_FALSE(can.available) << row.id;
    EXPECT_FALSE(can.reason.empty()) << row.id;
    EXPECT_FALSE(can.remedy.empty()) << row.id;
  }
}

TEST(Catalogue, ResolvingTwiceChangesNothing) {
  for (const Technique& row : techniques()) {
    if (row.resolve == nullptr) continue;
    const Parameters once = row.resolve(Parameters{});
    const Parameters twice = row.resolve(once);
    for (const ParameterRow& parameter : parameter_rows()) {
      EXPECT_EQ(parameter.get(once), parameter.get(twice)) << row.id << " " << parameter.key;
    }
  }
}

// A comparison is fair when both sides go the same way and in the same regime.
TEST(Catalogue, StorageBaselinesShareTheRegime) {
  for (const Technique& row : techniques()) {
    if (!row.id.starts_with("storage.") || row.baseline.empty()) continue;
    const Parameters candidate = row.resolve(Parameters{});
    const Parameters given =
        row.baseline_parameters == nullptr ? Parameters{} : row.baseline_parameters(Parameters{});
    const Parameters baseline = find_technique(row.baseline)->resolve(given);
    EXPECT_EQ(candidate.regime, baseline.regime) << row.id;
    EXPECT_EQ(candidate.block, baseline.block) << row.id;
    if (row.id == "storage.direct") continue;  // that is what it is about
    EXPECT_EQ(candidate.direct, baseline.direct) << row.id;
  }
}

}  // namespace
}  // namespace assay::engine
