// Where a program shall run: planned on fake machines, given to a fake process.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "fake_machine.hpp"
#include "probes/probe.hpp"
#include "tuner/placement.hpp"
#include "tuner/placement_groups.hpp"

namespace assay::tuner::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The machine of the other tests, on which both nodes have memory.
std::unique_ptr<MemoryHost> make_machine() {
  auto host = testing::make_machine();
  for (const char* node : {"0", "1"}) {
    host->put(fmt::format("/sys/devices/system/node/node{}/meminfo", node),
              fmt::format("Node {} MemTotal:       8388608 kB\n", node));
  }
  return host;
}

// Remembers what it was given. `allowed` bounds the CPUs, as a cpuset does without an error.
class FakeProcess final : public OwnProcess {
 public:
  CpuSet allowed = CpuSet::range(0, 3);
  CpuSet cpus = CpuSet::range(0, 3);
  Scheduling now;
  MemoryPolicy policy;
  std::map<LimitKind, LimitValues> limits{{LimitKind::memlock, {8192, 65536}},
                                          {LimitKind::rtprio, {0, 0}},
                                          {LimitKind::nofile, {1024, 4096}}};
  bool privileged = true;

  Expected<void> set_affinity(const CpuSet& wanted) override {
    if (!wanted.intersects(allowed)) return fail_errno(EINVAL, "sched_setaffinity");
    cpus = wanted & allowed;
    return {};
  }
  Expected<CpuSet> affinity() const override { return cpus; }
  Expected<void> set_scheduling(const Scheduling& wanted) override {
    if (!privileged) return fail_errno(EPERM, "sched_setattr", to_string(wanted));
    now = wanted;
    return {};
  }
  Expected<Scheduling> scheduling() const override { return now; }
  Expected<void> set_memory_policy(const MemoryPolicy& wanted) override {
    policy = wanted;
    return {};
  }
  Expected<MemoryPolicy> memory_policy() const override { return policy; }
  Expected<void> set_limit(LimitKind kind, LimitValues values) override {
    if (!privileged && values.hard > limits[kind].hard) return fail_errno(EPERM, "setrlimit");
    limits[kind] = values;
    return {};
  }
  Expected<LimitValues> limit(LimitKind kind) const override { return limits.at(kind); }
  Error execute(const std::vector<std::string>&) override { return errno_error(ENOENT, "run"); }
};

Placement plan(const Host& host, const PlacementRequest& request, profiles::Roles roles = {}) {
  auto placement = plan_placement(host, probes::probe(host), std::move(roles), request);
  if (!placement) {
    ADD_FAILURE() << placement.error().message();
    return {};
  }
  return *placement;
}

std::vector<std::string> steps_of(const Placement& placement) {
  std::vector<std::string> words;
  for (const PlacementStep& step : placement.steps) {
    words.push_back(step.option + " → " + to_string(step.value));
  }
  return words;
}

TEST(Placement, OfNothingIsNothing) {
  const auto placement = plan(*testing::make_machine(), {});
  EXPECT_THAT(placement.steps, IsEmpty());
  EXPECT_THAT(placement.missing, IsEmpty());
  EXPECT_THAT(placement.notes, IsEmpty());
}

TEST(Placement, EverythingInTheOrderInWhichItMustBeMade) {
  auto host = make_machine();
  host->put("/sys/fs/cgroup/trading/cpuset.cpus.effective", "2-3\n");
  PlacementRequest request;
  request.cpus = "isolated";
  request.memory = "local";
  request.scheduling = "fifo:80";
  request.lock_memory = true;
  request.limits = {"nofile=65536", "rtprio=95"};
  const auto placement = plan(*host, request);
  // A group before its CPUs, and the real-time class after everything else.
  EXPECT_THAT(steps_of(placement),
              ElementsAre("--cgroup auto → group /trading", "--cpus isolated → CPUs 2-3",
                          "--mem-node local → memory bind:1", "--mlock → memlock unlimited",
                          "--limit nofile=65536 → nofile 65536", "--limit rtprio=95 → rtprio 95",
                          "--sched fifo:80 → scheduling fifo:80"));
  EXPECT_THAT(placement.missing, IsEmpty());
  EXPECT_THAT(placement.notes, ElementsAre(HasSubstr("does not balance"), HasSubstr("mlockall")));
}

TEST(Placement, IsolatedByThePartitionAlone) {
  auto host = make_machine();
  host->put("/sys/devices/system/cpu/isolated", "\n");
  host->put("/sys/fs/cgroup/trading/cpuset.cpus.effective", "2-3\n");
  EXPECT_THAT(steps_of(plan(*host, {.cpus = "isolated"})),
              ElementsAre("--cgroup auto → group /trading", "--cpus isolated → CPUs 2-3"));
  EXPECT_THAT(steps_of(plan(*host, {.cpus = "housekeeping"})),
              ElementsAre("--cpus housekeeping → CPUs 0-1"));
}

TEST(Placement, NoIsolatedCpuIsSaid) {
  auto host = make_machine();
  host->put("/sys/devices/system/cpu/isolated", "\n");
  host->erase("/sys/fs/cgroup/trading");
  const auto placement = plan(*host, {.cpus = "isolated", .scheduling = "rr:3"});
  ASSERT_EQ(placement.missing.size(), 1U);
  EXPECT_EQ(placement.missing[0].option, "--cpus isolated");
  EXPECT_THAT(placement.missing[0].reason, HasSubstr("none of them"));
  EXPECT_THAT(steps_of(placement), ElementsAre("--sched rr:3 → scheduling rr:3"));
}

TEST(Placement, AWordMeansWholeCoresAndAListItself) {
  auto host = make_machine();
  host->erase("/sys/fs/cgroup/trading");
  host->put("/sys/devices/system/cpu/isolated", "1-3\n");
  const auto placement = plan(*host, {.cpus = "isolated"});
  EXPECT_THAT(steps_of(placement), ElementsAre("--cpus isolated → CPUs 2-3"));
  EXPECT_THAT(placement.notes[0], HasSubstr("without 1"));
  EXPECT_THAT(steps_of(plan(*host, {.cpus = "1-3"})), ElementsAre("--cpus 1-3 → CPUs 1-3"));
  // Nothing but halves: better than no CPU at all, and said.
  host->put("/sys/devices/system/cpu/isolated", "1\n");
  const auto half = plan(*host, {.cpus = "isolated"});
  EXPECT_THAT(steps_of(half), ElementsAre("--cpus isolated → CPUs 1"));
  EXPECT_THAT(half.notes, ElementsAre(HasSubstr("shares its core")));
}

TEST(Placement, RolesComeFromTheProfile) {
  auto host = make_machine();
  host->erase("/sys/fs/cgroup/trading");
  const profiles::Roles roles{{"isolated", CpuSet::range(0, 1)}, {"feed", CpuSet{3}}};
  EXPECT_THAT(steps_of(plan(*host, {.cpus = "isolated"}, roles)),
              ElementsAre("--cpus isolated → CPUs 0-1"));
  EXPECT_THAT(steps_of(plan(*host, {.cpus = "feed"}, roles)), ElementsAre("--cpus feed → CPUs 3"));
}

TEST(Placement, NearADevice) {
  auto host = make_machine();
  host->erase("/sys/fs/cgroup/trading");
  for (const char* name : {"eth0", "nvme0n1", "/dev/nvme0n1", "nvme0", kNicPci, kDrivePci}) {
    const auto placement = plan(*host, {.cpus = "all", .near = name});
    EXPECT_THAT(steps_of(placement), ElementsAre("--cpus all → CPUs 2-3")) << name;
  }
  EXPECT_THAT(steps_of(plan(*host, {.near = "eth0"})), ElementsAre("--near eth0 → CPUs 2-3"));
  const auto far = plan(*host, {.cpus = "0-1", .near = "eth0"});
  EXPECT_THAT(steps_of(far), ElementsAre("--cpus 0-1 → CPUs 0-1"));
  ASSERT_EQ(far.missing.size(), 1U);
  EXPECT_THAT(far.missing[0].reason, HasSubstr("node 1 has the CPUs 2-3"));
  auto none = plan_placement(*host, probes::probe(*host), {}, {.near = "eth9"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::absent);
  EXPECT_THAT(none.error().message(), HasSubstr("eth9"));
}

TEST(Placement, AFirmwareThatTellsNoNodeIsSaid) {
  auto host = make_machine();
  host->put(std::string("/sys/devices/pci0000:00/") + kNicPci + "/numa_node", "-1\n");
  const auto placement = plan(*host, {.near = "eth0"});
  ASSERT_EQ(placement.missing.size(), 1U);
  EXPECT_THAT(placement.missing[0].reason, HasSubstr("firmware"));
}

TEST(Placement, MemoryOfTheNodesOfTheCpus) {
  auto host = make_machine();
  EXPECT_THAT(steps_of(plan(*host, {.cpus = "0", .memory = "local", .group = "none"})),
              ElementsAre("--cpus 0 → CPUs 0", "--mem-node local → memory bind:0"));
  const auto both = plan(*host, {.memory = "local"});
  EXPECT_THAT(steps_of(both), ElementsAre("--mem-node local → memory bind:0-1"));
  EXPECT_THAT(both.notes, ElementsAre(HasSubstr("nodes 0-1")));
}

TEST(Placement, GroupsByName) {
  auto host = make_machine();
  host->put("/sys/fs/cgroup/trading/cgroup.procs", "");
  EXPECT_THAT(steps_of(plan(*host, {.group = "trading"})),
              ElementsAre("--cgroup trading → group /trading"));
  EXPECT_THAT(steps_of(plan(*host, {.group = "/trading"})),
              ElementsAre("--cgroup /trading → group /trading"));
  for (const char* name : {"absent", "../trading", "a//b", "", "trading/..", "a\nb"}) {
    const auto placement = plan(*host, {.group = name});
    EXPECT_THAT(placement.steps, IsEmpty()) << name;
    EXPECT_EQ(placement.missing.size(), 1U) << name;
  }
}

TEST(Placement, APartitionIsJoinedOnlyWhenItHoldsAllCpus) {
  auto host = make_machine();
  host->put("/sys/fs/cgroup/a/b/cpuset.cpus.partition", "root\n");
  host->put("/sys/fs/cgroup/a/b/cpuset.cpus.effective", "2-3\n");
  host->put("/sys/fs/cgroup/trading/cpuset.cpus.partition", "isolated invalid (no CPU)\n");
  host->put("/sys/fs/cgroup/trading/cpuset.cpus.effective", "2-3\n");
  EXPECT_THAT(steps_of(plan(*host, {.cpus = "2"})),
              ElementsAre("--cgroup auto → group /a/b", "--cpus 2 → CPUs 2"));
  const auto split = plan(*host, {.cpus = "1-2"});
  EXPECT_THAT(steps_of(split), ElementsAre("--cpus 1-2 → CPUs 1-2"));
  EXPECT_THAT(split.notes, ElementsAre(HasSubstr("/a/b holds 2")));
  EXPECT_THAT(steps_of(plan(*host, {.cpus = "2", .group = "none"})),
              ElementsAre("--cpus 2 → CPUs 2"));
  host->put("/proc/self/cgroup", "0::/a/b/c\n");
  EXPECT_THAT(steps_of(plan(*host, {.cpus = "2"})), ElementsAre("--cpus 2 → CPUs 2"));
}

TEST(Placement, WithoutCgroupsNothingIsJoined) {
  auto host = make_machine();
  host->erase("/sys/fs/cgroup");
  EXPECT_THAT(find_partitions(*host), IsEmpty());
  EXPECT_THAT(steps_of(plan(*host, {.cpus = "2"})), ElementsAre("--cpus 2 → CPUs 2"));
  EXPECT_THAT(plan(*host, {.group = "x"}).missing[0].reason, HasSubstr("no cgroup v2"));
}

TEST(Placement, TextsThatMeanNothingAreRefused) {
  auto host = make_machine();
  const auto inventory = probes::probe(*host);
  const PlacementRequest bad[] = {{.cpus = "isolatd"},
                                  {.cpus = "0-"},
                                  {.memory = "0-"},
                                  {.memory = "near"},
                                  {.scheduling = "fifo"},
                                  {.scheduling = "fifo:0"},
                                  {.scheduling = "fifo:100"},
                                  {.scheduling = "fifo:1x"},
                                  {.scheduling = "other:3"},
                                  {.scheduling = "deadline:1ms"},
                                  {.scheduling = "deadline:2ms/1ms"},
                                  {.scheduling = "deadline:100ns/1ms"},
                                  {.scheduling = "deadline:1ms/2ms/1ms"},
                                  {.limits = {"memlock"}},
                                  {.limits = {"core=1"}},
                                  {.limits = {"rtprio=100"}},
                                  {.limits = {"rtprio=unlimited"}},
                                  {.limits = {"nofile=-1"}}};
  for (const PlacementRequest& request : bad) {
    auto placement = plan_placement(*host, inventory, {}, request);
    ASSERT_FALSE(placement) << request.cpus << request.memory << request.scheduling;
    EXPECT_EQ(placement.error().code, ErrorCode::invalid) << placement.error().message();
  }
}

TEST(Placement, SchedulingIsReadAsItIsShown) {
  for (const char* text :
       {"other", "batch", "idle", "fifo:1", "rr:99", "deadline:100us/500us/1ms"}) {
    auto parsed = parse_scheduling(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(to_string(*parsed), text);
  }
  EXPECT_EQ(to_string(*parse_scheduling("deadline:1ms/2ms")), "deadline:1ms/2ms/2ms");
  EXPECT_EQ(to_string(*parse_memory_policy("preferred:1")), "preferred:1");
  EXPECT_EQ(to_string(*parse_memory_policy("interleave:0,2")), "interleave:0,2");
  EXPECT_FALSE(parse_memory_policy("preferred:0-1"));
}

std::vector<std::string> given(const std::vector<PlacementOutcome>& outcomes) {
  std::vector<std::string> words;
  for (const PlacementOutcome& one : outcomes) {
    words.push_back(one.reason.empty() ? one.given : one.option + ": " + one.reason);
  }
  return words;
}

// The kernel's side of cgroup.procs: the writer is in the group.
void let_join(MemoryHost& host) {
  host.put("/sys/fs/cgroup/trading/cpuset.cpus.effective", "2-3\n");
  host.put("/sys/fs/cgroup/trading/cgroup.procs", "");
  host.on_write("/sys/fs/cgroup/trading/cgroup.procs",
                [&host](std::string_view content) -> Expected<std::string> {
                  EXPECT_EQ(content, "0");
                  host.put("/proc/self/cgroup", "0::/trading\n");
                  return std::string("4711\n");
                });
}

TEST(ApplyPlacement, GivesAndReadsBack) {
  auto host = make_machine();
  let_join(*host);
  FakeProcess process;
  const auto placement = plan(*host, {.cpus = "isolated",
                                      .memory = "local",
                                      .scheduling = "deadline:100us/1ms",
                                      .lock_memory = true});
  EXPECT_THAT(given(apply_placement(*host, process, placement)),
              ElementsAre("group /trading", "CPUs 2-3", "memory bind:1", "memlock unlimited",
                          "scheduling deadline:100us/1ms/1ms"));
  EXPECT_EQ(process.limits[LimitKind::memlock], (LimitValues{kUnlimited, kUnlimited}));
}

TEST(ApplyPlacement, ACpusetThatTakesCpusAwayIsFoundOut) {
  auto host = make_machine();
  FakeProcess process;
  process.allowed = CpuSet{2};
  const auto placement = plan(*host, {.cpus = "2-3", .group = "none"});
  EXPECT_THAT(given(apply_placement(*host, process, placement)),
              ElementsAre("--cpus 2-3: the kernel gave CPUs 2 instead of CPUs 2-3"));
}

TEST(ApplyPlacement, OneFailureStopsNothing) {
  auto host = make_machine();
  let_join(*host);
  host->on_write("/sys/fs/cgroup/trading/cgroup.procs",
                 [](std::string_view) { return fail_errno(EACCES, "write", "cgroup.procs"); });
  FakeProcess process;
  process.privileged = false;
  const auto placement = plan(*host, {.cpus = "isolated", .memory = "1", .scheduling = "fifo:80"});
  const auto outcomes = apply_placement(*host, process, placement);
  EXPECT_THAT(given(outcomes),
              ElementsAre(HasSubstr("Permission denied"), "CPUs 2-3", "memory bind:1",
                          HasSubstr("--sched fifo:80: sched_setattr fifo:80: Operation not")));
  EXPECT_EQ(process.cpus, CpuSet::range(2, 3));
}

TEST(ApplyPlacement, LimitsRiseAsFarAsTheyMay) {
  auto host = make_machine();
  FakeProcess process;
  process.privileged = false;
  const auto placement =
      plan(*host, {.lock_memory = true, .limits = {"nofile=2048", "nofile=1000000"}});
  EXPECT_THAT(given(apply_placement(*host, process, placement)),
              ElementsAre(HasSubstr("--mlock: setrlimit: Operation not permitted; it is 64KiB"),
                          "nofile 2048", HasSubstr("it is 4096")));
  // The hard limits stay: never lowered.
  EXPECT_EQ(process.limits[LimitKind::nofile], (LimitValues{4096, 4096}));
  EXPECT_EQ(process.limits[LimitKind::memlock], (LimitValues{65536, 65536}));
}

TEST(PlacementText, IsForPeopleAndPrograms) {
  auto host = make_machine();
  host->put("/sys/devices/system/cpu/isolated", "\n");
  host->erase("/sys/fs/cgroup/trading");
  const auto placement = plan(*host, {.cpus = "isolated", .lock_memory = true});
  const std::string text = render_placement(placement, {"./feed", "-v"});
  EXPECT_THAT(text, HasSubstr("--mlock          memlock unlimited\n"));
  EXPECT_THAT(text, HasSubstr("--cpus isolated  nothing: "));
  EXPECT_THAT(text, HasSubstr("and then run: ./feed -v\n"));
  const auto json = to_json(placement, {"./feed", "-v"});
  EXPECT_EQ(json["command"].size(), 2U);
  EXPECT_EQ(json["steps"][0]["sets"], "memlock unlimited");
  EXPECT_EQ(json["not_given"][0]["option"], "--cpus isolated");
}

}  // namespace
}  // namespace assay::tuner::testing
