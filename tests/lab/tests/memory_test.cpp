// The memory techniques on a host with two nodes and huge pages of its own: what no machine with
// one node and nothing reserved can show. Structure only: an emulated host has no latencies.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/lab/tests/lab_guest.hpp"

namespace {

using nlohmann::json;

json bench(std::vector<std::string> arguments) {
  std::vector<std::string> all{"bench"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  for (const char* quick : {"--duration", "60ms", "--rounds", "6"}) all.emplace_back(quick);
  json document = lab::assay_json(all);
  return document.is_null() ? json::array() : document.at("measurements");
}

void expect_engaged(const json& measurement) {
  EXPECT_EQ(measurement.value("skipped", ""), "") << measurement.value("remedy", "");
  EXPECT_TRUE(measurement.at("engaged")) << measurement.at("evidence");
  EXPECT_GT(measurement.at("operations"), 0);
}

// CPU 3 is on node 1, where the row reserves pages. (Those of 1 GiB take an emulated CPU a minute
// to clear.)
TEST(Memory, HugePagesOfTheNode) {
  for (const auto& [technique, pages] :
       std::map<std::string, std::string>{{"memory.huge-2m", "4MiB in pages of 2MiB"},
                                          {"memory.base-pages", "0B of it in huge pages"}}) {
    const json found = bench({technique, "--size", "4MiB", "--cpus", "3"});
    ASSERT_EQ(found.size(), 1U);
    expect_engaged(found[0]);
    const std::string evidence = found[0].at("evidence");
    EXPECT_NE(evidence.find(pages), std::string::npos) << evidence;
    EXPECT_NE(evidence.find("pages on node 1"), std::string::npos) << evidence;
  }
}

// CPU 0 is on node 0, which has pages of 2 MiB and none of 1 GiB: none is taken from the other.
TEST(Memory, ANodeWithoutSuchPagesSaysSo) {
  const json found = bench({"memory.huge-1g", "--size", "16MiB", "--cpus", "0"});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].value("skipped", "").find("on node 0"), std::string::npos) << found[0].dump();
  EXPECT_NE(found[0].value("remedy", "").find("node0/hugepages/hugepages-1048576kB/nr_hugepages"),
            std::string::npos);
}

TEST(Memory, MoreThanIsReservedSaysSo) {
  const json found = bench({"memory.huge-2m", "--size", "256MiB"});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].value("skipped", "").find("128 are needed"), std::string::npos);
}

TEST(Memory, LocalAndRemoteNode) {
  const json found = bench({"memory.numa-local", "--baseline", "--cpus", "2"});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].at("parameters").at("variant"), "remote");
  for (std::size_t side = 0; side < 2; ++side) {
    expect_engaged(found[side]);
    const std::string evidence = found[side].at("evidence");
    const std::string node = side == 0 ? "pages on node 1" : "pages on node 0";
    EXPECT_NE(evidence.find(node), std::string::npos) << evidence;
  }
}

TEST(Os, ClocksOfAllPairs) {
  const json found = bench({"os.timer", "--variant", "sync", "--cpus", "0-3"});
  ASSERT_EQ(found.size(), 1U);
  expect_engaged(found[0]);
  EXPECT_EQ(found[0].at("clock_offsets").size(), 6U) << found[0].at("clock_offsets").dump();
}

TEST(Os, JitterOfTheIsolatedCpuBesideAHousekeepingOne) {
  const json found = bench({"os.jitter", "--baseline", "--cpus", "3"});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].at("placement").at("cpus"), "3");
  EXPECT_EQ(found[1].at("placement").at("cpus"), "0");
  for (const json& side : found) expect_engaged(side);
}

}  // namespace
