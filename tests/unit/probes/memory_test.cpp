#include <gtest/gtest.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

TEST(Memory, ReadsTotalsSwapAndHugePages) {
  MemoryHost host;
  host.put("/proc/meminfo",
           "MemTotal:       16331824 kB\nMemFree:         7689128 kB\nMemAvailable:   9000000 kB\n"
           "SwapTotal:       2097152 kB\nSwapFree:        1048576 kB\n");
  host.put("/proc/swaps",
           "Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
           "/dev/zram0                              partition\t2097152\t\t1048576\t\t-2\n");
  host.put("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
  host.put("/sys/kernel/mm/transparent_hugepage/defrag", "always defer [madvise] never\n");
  host.put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "8\n");
  host.put("/proc/sys/vm/swappiness", "10\n");
  const Memory memory = probe(host).memory;
  EXPECT_EQ(memory.total, 16331824_KiB);
  EXPECT_EQ(memory.free, 7689128_KiB);
  EXPECT_EQ(memory.available, 9000000_KiB);
  EXPECT_EQ(memory.swap_total, 2_GiB);
  ASSERT_EQ(memory.swaps.size(), 1U);
  EXPECT_EQ(memory.swaps[0].path, "/dev/zram0");
  EXPECT_EQ(memory.swaps[0].type, "partition");
  EXPECT_EQ(memory.swaps[0].used, 1_GiB);
  EXPECT_EQ(memory.thp_enabled, "always");
  EXPECT_EQ(memory.thp_defrag, "madvise");
  ASSERT_EQ(memory.huge_pages.size(), 1U);
  EXPECT_EQ(memory.huge_pages[0].total, 8U);
  EXPECT_EQ(memory.swappiness, 10);
}

TEST(Memory, LyingFilesDoNoHarm) {
  MemoryHost host;
  host.put("/proc/meminfo", "MemTotal: -1 kB\nMemFree: 18446744073709551615 kB\nSwapTotal:\n\xff");
  host.put("/proc/swaps", "x\n/dev/a b -1 99999999999999999999\n");
  host.put("/proc/sys/vm/swappiness", "many\n");
  const Memory memory = probe(host).memory;
  EXPECT_EQ(memory.total, Bytes{});
  EXPECT_EQ(memory.free, Bytes{});
  EXPECT_EQ(memory.swappiness, std::nullopt);
  ASSERT_EQ(memory.swaps.size(), 1U);
  EXPECT_EQ(memory.swaps[0].size, Bytes{});
}

}  // namespace
}  // namespace assay::probes
