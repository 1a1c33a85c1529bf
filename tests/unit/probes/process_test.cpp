// A running process by name or number, and its limits.
#include "probes/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/memory_host.hpp"
#include "probes/programs.hpp"

namespace assay::probes {
namespace {

using testing::HasSubstr;

void put_process(MemoryHost& host, const std::string& pid, const std::string& name) {
  host.put("/proc/" + pid + "/comm", name + "\n");
  host.put("/proc/" + pid + "/limits",
           "Limit                     Soft Limit           Hard Limit           Units     \n"
           "Max open files            1024                 524288               files     \n"
           "Max locked memory         unlimited            unlimited            bytes     \n"
           "Max something else        1                    1                    x         \n");
}

TEST(ProcessProbe, ByNumberAndByName) {
  MemoryHost host;
  put_process(host, "12", "feed");
  put_process(host, "13", "a-name-that-is-");
  host.put("/proc/self/comm", "feed\n");
  EXPECT_EQ(find_process(host, "12")->name, "feed");
  EXPECT_EQ(find_process(host, "feed")->pid, "12");
  // As long as the kernel keeps it.
  EXPECT_EQ(find_process(host, "a-name-that-is-too-long")->pid, "13");
  EXPECT_EQ(find_process(host, "14").error().code, ErrorCode::absent);
  EXPECT_EQ(find_process(host, "fee").error().code, ErrorCode::absent);
  EXPECT_EQ(find_process(host, "../12").error().code, ErrorCode::absent);
}

TEST(ProcessProbe, TwoOfANameAreNamedByNumber) {
  MemoryHost host;
  put_process(host, "12", "feed");
  put_process(host, "113", "feed");
  const auto found = find_process(host, "feed");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::invalid);
  EXPECT_THAT(found.error().message(), HasSubstr("12, 113"));
}

// What a capture may keep: threads that every host has, and none that names a device.
TEST(ProcessProbe, ThreadsThatTellNothing) {
  for (const char* name : {"kthreadd", "kswapd0", "rcu_preempt", "kcompactd1"}) {
    EXPECT_TRUE(is_known_program(name)) << name;
  }
  for (const char* name : {"irq/40-eth0", "jbd2/sda1-8", "feed", "kworker/0:1", ""}) {
    EXPECT_FALSE(is_known_program(name)) << name;
  }
}

TEST(ProcessProbe, Limits) {
  MemoryHost host;
  put_process(host, "12", "feed");
  const auto limits = limits_of_process(host, {"12", "feed"});
  ASSERT_TRUE(limits);
  ASSERT_EQ(limits->size(), 2U);
  EXPECT_EQ((*limits)[0].name, "nofile");
  EXPECT_EQ((*limits)[0].soft, "1024");
  EXPECT_EQ((*limits)[1].hard, "unlimited");
  host.fail("/proc/12/limits", EACCES);
  EXPECT_EQ(limits_of_process(host, {"12", "feed"}).error().code, ErrorCode::denied);
}

}  // namespace
}  // namespace assay::probes
