// `assay run` on a host with two nodes: each thing that it gives, as the kernel says it of the
// program; and a cgroup v2 partition, which takes CPUs from everybody outside.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/lab/tests/lab_guest.hpp"

namespace {

namespace fs = std::filesystem;

lab::Ran run(std::vector<std::string> options, const std::vector<std::string>& program) {
  std::vector<std::string> argv{"assay", "run"};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.emplace_back("--");
  argv.insert(argv.end(), program.begin(), program.end());
  return lab::run(argv);
}

// A line of the program's own /proc/self/status.
std::string status_of(const std::vector<std::string>& options, const std::string& key) {
  const lab::Ran ran = run(options, {"cat", "/proc/self/status"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  const std::size_t at = ran.out.find("\n" + key + ":\t");
  if (at == std::string::npos) return "(no line)";
  const std::size_t begin = at + key.size() + 3;
  return ran.out.substr(begin, ran.out.find('\n', begin) - begin);
}

TEST(Run, IsolatedProcessors) {
  EXPECT_EQ(status_of({"--cpus", "isolated"}, "Cpus_allowed_list"), "3");
  EXPECT_EQ(status_of({"--cpus", "housekeeping"}, "Cpus_allowed_list"), "0-2");
  EXPECT_EQ(status_of({"--cpus", "node(1)"}, "Cpus_allowed_list"), "2-3");
}

TEST(Run, NearEveryPortAndDrive) {
  const auto inventory = lab::assay_json({"probe"});
  int seen = 0;
  for (const char* area : {"net", "block"}) {
    for (const auto& device : inventory.at(area)) {
      if (!device.contains("node") || device.at("node").is_null()) continue;
      if (device.value("kind", "") == "loopback") continue;
      const std::string wanted = device.at("node") == 0 ? "0-1" : "2-3";
      const std::string name = device.at("name");
      EXPECT_EQ(status_of({"--near", name}, "Cpus_allowed_list"), wanted) << name;
      ++seen;
    }
  }
  EXPECT_GE(seen, 2);
}

TEST(Run, MemoryOfTheNode) {
  const lab::Ran ran = run({"--cpus", "3", "--mem-node", "local"}, {"cat", "/proc/self/numa_maps"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find(" bind:1 "), std::string::npos) << ran.out.substr(0, 300);
  EXPECT_EQ(ran.out.find(" N0=1 anon"), std::string::npos);
}

TEST(Run, ClassesAndLimits) {
  // Field 41 of stat is the policy, 40 the priority: proc_pid_stat(5).
  const auto field = [](const std::string& text, int number) {
    std::size_t at = text.rfind(')') + 2;
    for (int i = 3; i < number; ++i) at = text.find(' ', at) + 1;
    return text.substr(at, text.find(' ', at) - at);
  };
  const lab::Ran fifo = run({"--sched", "fifo:80", "--cpus", "3"}, {"cat", "/proc/self/stat"});
  EXPECT_EQ(fifo.err, "");
  EXPECT_EQ(field(fifo.out, 41), "1");
  EXPECT_EQ(field(fifo.out, 40), "80");
  const lab::Ran deadline = run({"--sched", "deadline:5ms/50ms/100ms"}, {"cat", "/proc/self/stat"});
  EXPECT_EQ(field(deadline.out, 41), "6") << deadline.err;
  const lab::Ran limits = run({"--mlock", "--limit", "rtprio=95"}, {"cat", "/proc/self/limits"});
  EXPECT_EQ(limits.err, "");
  EXPECT_NE(limits.out.find("Max locked memory         unlimited            unlimited"),
            std::string::npos);
  EXPECT_NE(limits.out.find("Max realtime priority     95"), std::string::npos);
}

// The kernel has the last word on a deadline that is pinned to less than its root domain.
TEST(Run, ADeadlineOnOneProcessorIsSaidNotToBeGiven) {
  const lab::Ran ran = run({"--sched", "deadline:5ms/50ms/100ms", "--cpus", "1"}, {"true"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.err.find("not given: --sched deadline"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("root domain"), std::string::npos) << ran.err;
}

class Partition : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(root_ + "/cgroup.controllers")) GTEST_SKIP() << "no cgroup v2 here";
    put("/cgroup.subtree_control", "+cpuset");
    fs::create_directory(root_ + "/trading");
    put("/trading/cpuset.cpus", "2");
    put("/trading/cpuset.cpus.partition", "isolated");
    ASSERT_EQ(lab::first_line(root_ + "/trading/cpuset.cpus.partition"), "isolated");
  }
  void TearDown() override {
    put("/trading/cpuset.cpus.partition", "member");
    std::error_code error;
    // The kernel lets go of a program's group a moment after the program has ended.
    for (int i = 0; i < 100 && fs::exists(root_ + "/trading"); ++i) {
      fs::remove(root_ + "/trading", error);
      if (error) lab::run({"sleep", "0.1"});
    }
    EXPECT_FALSE(fs::exists(root_ + "/trading")) << error.message();
  }
  void put(const std::string& file, const std::string& text) {
    std::ofstream(root_ + file) << text;
  }
  std::string root_ = "/sys/fs/cgroup";
};

TEST_F(Partition, IsJoinedForItsProcessors) {
  EXPECT_EQ(status_of({"--cpus", "2"}, "Cpus_allowed_list"), "2");
  const lab::Ran joined = run({"--cpus", "2"}, {"cat", "/proc/self/cgroup"});
  EXPECT_NE(joined.out.find("0::/trading\n"), std::string::npos) << joined.out;
  // Its CPU counts as isolated, beside the boot line's.
  const lab::Ran plan = run({"--cpus", "isolated", "--dry-run"}, {"true"});
  EXPECT_NE(plan.out.find("CPUs 2-3"), std::string::npos) << plan.out;
}

// A partition of type root is a root domain of its own; isolated CPUs share one that nobody owns.
TEST_F(Partition, ADeadlineMayHaveARootDomain) {
  put("/trading/cpuset.cpus.partition", "root");
  ASSERT_EQ(lab::first_line(root_ + "/trading/cpuset.cpus.partition"), "root");
  const lab::Ran ran = run({"--sched", "deadline:5ms/50ms/100ms", "--cpus", "2"}, {"true"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
}

TEST_F(Partition, FromAnotherGroupItsProcessorsCannotBeHad) {
  fs::create_directory(root_ + "/other");
  const std::string join = "echo 0 >" + root_ + "/other/cgroup.procs; exec assay run --cpus 2 ";
  const lab::Ran outside = lab::run({"sh", "-c", join + "--cgroup none --require -- true"});
  EXPECT_EQ(outside.code, 3);
  EXPECT_NE(outside.err.find("not given: --cpus 2"), std::string::npos) << outside.err;
  // As it is by default, the partition is joined.
  const lab::Ran inside = lab::run({"sh", "-c", join + "--require -- true"});
  EXPECT_EQ(inside.code, 0) << inside.err;
  std::error_code ignored;
  fs::remove(root_ + "/other", ignored);
}

}  // namespace
