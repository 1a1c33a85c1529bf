#include <gtest/gtest.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

TEST(GroupLimits, TheTightestOfAllGroupsAboveBinds) {
  MemoryHost host;
  host.put("/proc/self/mountinfo", "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  host.put("/proc/self/cgroup", "0::/app.slice/x.service\n");
  const std::string top = "/sys/fs/cgroup/";
  const std::string slice = top + "app.slice/";
  const std::string own = slice + "x.service/";
  host.put(slice + "memory.max", "1073741824\n");
  host.put(own + "memory.max", "max\n");
  host.put(own + "memory.high", "536870912\n");
  host.put(own + "memory.current", "4096\n");
  host.put(slice + "memory.current", "8192\n");
  host.put(slice + "pids.max", "512\n");
  host.put(own + "pids.max", "1024\n");
  host.put(own + "pids.current", "3\n");
  host.put(own + "cpu.weight", "100\n");
  host.put(own + "cpu.stat", "usage_usec 5\nnr_periods 10\nnr_throttled 7\n");
  host.put(own + "io.max", "259:0 rbps=1048576 wbps=max riops=max wiops=max\n");
  host.put(slice + "hugetlb.2MB.max", "2097152\n");
  host.put(own + "hugetlb.1GB.max", "max\n");
  const GroupLimits limits = probe(host).environment.group_limits;
  EXPECT_EQ(limits.memory_max, 1_GiB);
  EXPECT_EQ(limits.memory_high, 512_MiB);
  EXPECT_EQ(limits.memory_current, Bytes{4096});
  EXPECT_EQ(limits.pids_max, 512U);
  EXPECT_EQ(limits.pids_current, 3U);
  EXPECT_EQ(limits.cpu_weight, 100);
  EXPECT_EQ(limits.throttled_periods, 7U);
  EXPECT_EQ(limits.io_max,
            (std::vector<std::string>{"259:0 rbps=1048576 wbps=max riops=max wiops=max"}));
  ASSERT_EQ(limits.huge_pages_max.size(), 1U);
  EXPECT_EQ(limits.huge_pages_max.at("2MB"), 2_MiB);
}

TEST(GroupLimits, OldHierarchiesHaveTheirOwnFiles) {
  MemoryHost host;
  host.put("/proc/self/mountinfo",
           "30 1 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
           "31 1 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
           "32 1 0:28 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n");
  host.put("/proc/self/cgroup", "5:memory:/docker/abc\n4:pids:/docker/abc\n3:blkio:/\n");
  host.put("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "1073741824\n");
  host.put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  host.put("/sys/fs/cgroup/pids/docker/abc/pids.max", "100\n");
  host.put("/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device", "8:0 1048576\n");
  const GroupLimits limits = probe(host).environment.group_limits;
  EXPECT_EQ(limits.memory_max, 1_GiB);
  EXPECT_EQ(limits.pids_max, 100U);
  EXPECT_EQ(limits.io_max, (std::vector<std::string>{"8:0 1048576 read_bps"}));
}

TEST(GroupLimits, NoGroupsNoLimits) {
  const GroupLimits limits = probe(MemoryHost{}).environment.group_limits;
  EXPECT_EQ(limits.memory_max, std::nullopt);
  EXPECT_EQ(limits.pids_max, std::nullopt);
  EXPECT_TRUE(limits.io_max.empty());
}

TEST(GroupLimits, ANumberWithoutMeaningIsNone) {
  MemoryHost host;
  host.put("/proc/self/mountinfo", "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  host.put("/proc/self/cgroup", "0::/../../etc\n");
  host.put("/sys/fs/cgroup/memory.max", "-1\n");
  EXPECT_EQ(probe(host).environment.group_limits.memory_max, std::nullopt);
}

}  // namespace
}  // namespace assay::probes
