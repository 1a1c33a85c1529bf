#include <fmt/format.h>
#include <gtest/gtest.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

void put_cache(MemoryHost& host, unsigned cpu, unsigned index, const std::string& level,
               const std::string& type, const std::string& shared) {
  const std::string base = fmt::format("/sys/devices/system/cpu/cpu{}/cache/index{}/", cpu, index);
  host.put(base + "level", level + "\n");
  host.put(base + "type", type + "\n");
  host.put(base + "size", "32K\n");
  host.put(base + "coherency_line_size", "64\n");
  host.put(base + "ways_of_associativity", "8\n");
  host.put(base + "shared_cpu_list", shared + "\n");
}

TEST(Caches, EachIsListedOnce) {
  MemoryHost host;
  put_two_sockets(host);
  for (unsigned cpu = 0; cpu < 8; ++cpu) {
    put_cache(host, cpu, 0, "1", "Data", fmt::format("{},{}", cpu % 4, cpu % 4 + 4));
    put_cache(host, cpu, 1, "3", "Unified", cpu % 4 < 2 ? "0-1,4-5" : "2-3,6-7");
  }
  const auto caches = probe(host).topology.caches;
  ASSERT_EQ(caches.size(), 6U);
  EXPECT_EQ(caches[0].level, 1U);
  EXPECT_EQ(caches[0].type, CacheType::data);
  EXPECT_EQ(caches[0].size, 32_KiB);
  EXPECT_EQ(caches[0].line_bytes, 64U);
  EXPECT_EQ(caches[0].ways, 8U);
  EXPECT_EQ(caches[0].shared_by, (CpuSet{0, 4}));
  EXPECT_EQ(caches[5].level, 3U);
  EXPECT_EQ(caches[5].shared_by, (CpuSet{2, 3, 6, 7}));
}

TEST(Caches, MasksServeAsWell) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "", ""});
  put_cpu(host, {1, 0, 1, "", ""});
  put_cache(host, 0, 0, "2", "Unified", "");
  host.erase("/sys/devices/system/cpu/cpu0/cache/index0/shared_cpu_list");
  host.put("/sys/devices/system/cpu/cpu0/cache/index0/shared_cpu_map", "00000003\n");
  const auto caches = probe(host).topology.caches;
  ASSERT_EQ(caches.size(), 1U);
  EXPECT_EQ(caches[0].shared_by, (CpuSet{0, 1}));
}

TEST(Caches, LyingFilesDoNoHarm) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "", ""});
  put_cpu(host, {1, 0, 1, "", ""});
  put_cache(host, 0, 0, "-1", "Data", "0");
  put_cache(host, 0, 1, "0", "Data", "0");
  put_cache(host, 0, 2, "2", "Trace", "0");
  put_cache(host, 0, 3, "3", "Unified", "1");  // not for the CPU that has it
  host.put("/sys/devices/system/cpu/cpu0/cache/index3/size", "-12K\n");
  host.put("/sys/devices/system/cpu/cpu0/cache/index3/ways_of_associativity", "-1\n");
  host.put("/sys/devices/system/cpu/cpu0/cache/indexx/level", "1\n");
  const Topology topology = probe(host).topology;
  ASSERT_EQ(topology.caches.size(), 1U);
  EXPECT_EQ(topology.caches[0].shared_by, CpuSet{0});
  EXPECT_EQ(topology.caches[0].size, Bytes{});
  EXPECT_EQ(topology.caches[0].ways, 0U);
  ASSERT_EQ(topology.notes.size(), 1U);
  EXPECT_NE(topology.notes[0].find("L3"), std::string::npos);
}

TEST(Caches, OfflineCpusHaveNone) {
  MemoryHost host;
  put_cpu(host, {0, 0, 0, "", ""});
  put_cpu(host, {1, 0, 1, "", ""});
  host.put("/sys/devices/system/cpu/online", "0\n");
  put_cache(host, 1, 0, "1", "Data", "1");
  EXPECT_TRUE(probe(host).topology.caches.empty());
}

}  // namespace
}  // namespace assay::probes
