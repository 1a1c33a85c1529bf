// The four profiles that we ship. That every name in them exists is tested where the settings and
// techniques are.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "assay_test_paths.hpp"
#include "profiles/loader.hpp"
#include "profiles/selectors.hpp"
#include "tests/unit/profiles/topologies.hpp"

namespace assay::profiles {
namespace {

Profile load(std::string_view name) {
  auto profile = load_profile(name, {});
  EXPECT_TRUE(profile) << profile.error().message();
  return profile ? *profile : Profile{};
}

TEST(BuiltIn, AreTheFourFilesByteForByte) {
  std::set<std::string> names;
  for (const BuiltIn& built_in : built_in_profiles()) {
    names.emplace(built_in.name);
    const std::string path =
        std::string(ASSAY_SOURCE_DIR) + "/profiles/" + std::string(built_in.name) + ".yaml";
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(text, built_in.yaml) << path;
  }
  EXPECT_EQ(names,
            (std::set<std::string>{"default", "low-latency", "nvme-throughput", "realtime"}));
}

TEST(BuiltIn, LoadAndBearTheirNames) {
  std::set<std::string> digests;
  for (const BuiltIn& built_in : built_in_profiles()) {
    const Profile profile = load(built_in.name);
    EXPECT_EQ(profile.name, built_in.name);
    EXPECT_FALSE(profile.description.empty());
    EXPECT_FALSE(profile.budgets.empty());
    EXPECT_TRUE(profile.waivers.empty());
    digests.insert(profile.digest);
  }
  EXPECT_EQ(digests.size(), built_in_profiles().size());
}

TEST(BuiltIn, DefaultIsQuickSafeAndStaysWithinP999) {
  const Profile profile = load("default");
  EXPECT_LE(profile.time_limit, std::chrono::seconds(60));
  EXPECT_LE(profile.write_limit, 2_GiB);
  EXPECT_TRUE(profile.cpu_roles.empty());
  for (const Budget& budget : profile.budgets) {
    EXPECT_FALSE(budget.parameters.contains("op")) << budget.technique << " only reads";
    for (const Limit& limit : budget.limits) EXPECT_LE(limit.quantile, 0.999) << budget.technique;
  }
  const auto required = std::count_if(
      profile.settings.begin(), profile.settings.end(),
      [](const WantedSetting& wanted) { return wanted.required && wanted.match != Match::keep; });
  EXPECT_EQ(required, 3) << "a plain machine must not fail for being plain";
}

TEST(BuiltIn, DefaultCoversEveryTechniqueOfTheCatalogue) {
  const Profile profile = load("default");
  std::set<std::string> used;
  for (const Budget& budget : profile.budgets) used.insert(budget.technique);
  const std::set<std::string> expected = {"storage.pread",
                                          "storage.direct",
                                          "storage.mmap",
                                          "storage.vectored",
                                          "storage.uring",
                                          "storage.uring.fixed-buffers",
                                          "storage.uring.fixed-files",
                                          "storage.uring.batched",
                                          "copy.sendfile",
                                          "memory.hierarchy",
                                          "ipc.pipe",
                                          "ipc.shm-seqlock",
                                          "net.udp",
                                          "os.jitter",
                                          "os.wakeup"};
  EXPECT_EQ(used, expected);
}

TEST(BuiltIn, EveryOtherOneIsStricterThanDefault) {
  const Profile base = load("default");
  for (const std::string name : {"low-latency", "nvme-throughput", "realtime"}) {
    const Profile profile = load(name);
    EXPECT_EQ(profile.extends.front(), "default") << name;
    for (const Budget& budget : base.budgets) {
      for (const Budget& mine : profile.budgets) {
        const bool same = mine.technique == budget.technique && mine.target == budget.target &&
                          mine.parameters == budget.parameters;
        if (!same) continue;
        EXPECT_LE(mine.limits[0].at_most, budget.limits[0].at_most) << name << mine.technique;
      }
    }
  }
}

TEST(BuiltIn, RealtimeWantsARealtimeKernelAndLowLatencyDoesNot) {
  EXPECT_EQ(load("low-latency").setting("scheduler.realtime-kernel"), nullptr);
  ASSERT_NE(load("realtime").setting("scheduler.realtime-kernel"), nullptr);
  EXPECT_EQ(load("realtime").setting("net.busy-poll"), nullptr);
  EXPECT_EQ(load("realtime").extends, (std::vector<std::string>{"default", "low-latency"}));
}

TEST(BuiltIn, LowLatencyRolesResolveOnEveryMachine) {
  const Profile profile = load("low-latency");
  for (const auto& topology : {make_topology(1, 1, 1), make_topology(1, 2, 1),
                               make_topology(1, 1, 2), make_topology(2, 8, 2), make_hybrid()}) {
    const auto roles = resolve_roles(profile, topology);
    ASSERT_TRUE(roles) << roles.error().message();
    EXPECT_FALSE(roles->at("housekeeping").empty());
    EXPECT_EQ(roles->at("housekeeping") | roles->at("isolated"), topology.online);
    EXPECT_FALSE(roles->at("housekeeping").intersects(roles->at("isolated")));
  }
}

}  // namespace
}  // namespace assay::profiles
