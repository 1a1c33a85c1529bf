#include <gtest/gtest.h>
#include <zlib.h>

#include "machine.hpp"

namespace assay::probes {
namespace {

std::string packed(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 1024, '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

const std::string kText =
    "# Linux\nCONFIG_HZ=250\nCONFIG_NO_HZ_FULL=y\n# CONFIG_PREEMPT_RT is not set\n"
    "CONFIG_SOMETHING_ELSE=y\nCONFIG_VFIO=m\nnonsense\n";

TEST(KernelConfig, IsReadFromTheKernelItself) {
  MemoryHost host;
  host.put("/proc/config.gz", packed(kText));
  const Kernel kernel = probe(host).kernel;
  EXPECT_EQ(kernel.config_source, "/proc/config.gz");
  EXPECT_EQ(kernel.config.at("CONFIG_HZ"), "250");
  EXPECT_EQ(kernel.config.at("CONFIG_NO_HZ_FULL"), "y");
  EXPECT_EQ(kernel.config.at("CONFIG_PREEMPT_RT"), "n");
  EXPECT_EQ(kernel.config.at("CONFIG_VFIO"), "m");
  EXPECT_EQ(kernel.config.size(), 4U);
}

TEST(KernelConfig, ElseFromTheBootDirectory) {
  MemoryHost host;
  host.put("/proc/sys/kernel/osrelease", "6.1.0-13-amd64\n");
  host.put("/boot/config-6.1.0-13-amd64", kText);
  const Kernel kernel = probe(host).kernel;
  EXPECT_EQ(kernel.config_source, "/boot/config-6.1.0-13-amd64");
  EXPECT_EQ(kernel.config.size(), 4U);
}

TEST(KernelConfig, ABrokenFileIsNone) {
  MemoryHost host;
  const std::string whole = packed(kText);
  for (const std::string& bad : {whole.substr(0, whole.size() / 2), std::string("not packed"),
                                 std::string("\x1f\x8b\x08")}) {
    host.put("/proc/config.gz", bad);
    EXPECT_TRUE(probe(host).kernel.config.empty());
  }
  // A file of a few bytes that claims gigabytes.
  host.put("/proc/config.gz", packed(std::string(16U << 20, 'A')));
  EXPECT_TRUE(probe(host).kernel.config.empty());
  host.put("/proc/sys/kernel/osrelease", "../../etc/x\n");
  EXPECT_TRUE(probe(host).kernel.config_source.empty());
}

TEST(Kernel, NamesTheFeaturesOfIoUring) {
  MemoryHost host;
  host.reply({"io_uring.probe", ""}, {{"ops", "0-4"}, {"features", "0x100000003"}});
  EXPECT_EQ(probe(host).kernel.io_uring_features,
            (std::vector<std::string>{"single_mmap", "nodrop"}));
  host.reply({"io_uring.probe", ""}, {{"ops", "0-4"}, {"features", "0x80020000"}});
  EXPECT_EQ(probe(host).kernel.io_uring_features, (std::vector<std::string>{"no_iowait", "bit31"}));
}

TEST(Kernel, SaysWhetherTheTscIsTrusted) {
  MemoryHost host;
  host.put("/proc/cpuinfo",
           "processor : 0\nflags : fpu tsc constant_tsc nonstop_tsc tsc_known_freq rdtscp\n");
  const std::string base = "/sys/devices/system/clocksource/clocksource0/";
  host.put(base + "available_clocksource", "hpet acpi_pm \n");
  Kernel kernel = probe(host).kernel;
  EXPECT_EQ(kernel.tsc_flags, (std::vector<std::string>{"constant_tsc", "nonstop_tsc", "rdtscp",
                                                        "tsc", "tsc_known_freq"}));
  EXPECT_EQ(kernel.tsc_offered, false);
  host.put(base + "available_clocksource", "tsc hpet\n");
  EXPECT_EQ(probe(host).kernel.tsc_offered, true);
  // Without the topology the flags are still there.
  ProbeOptions options;
  options.areas = Areas().set(static_cast<std::size_t>(Area::kernel));
  EXPECT_TRUE(probe(host, options).kernel.tsc_constant);
}

TEST(Kernel, WhatTechniquesNeed) {
  MemoryHost host;
  EXPECT_EQ(probe(host).kernel.rcu_offloaded, std::nullopt);
  host.put("/proc/11/comm", "rcuop/2\n");
  host.put("/proc/12/comm", "rcuop/10\n");
  host.put("/proc/13/comm", "rcuop/x\n");
  host.directory("/sys/module/vfio_pci");
  host.put("/sys/kernel/tracing/available_tracers", "timerlat osnoise nop\n");
  host.put("/sys/kernel/debug/sched/fair_server/cpu0/runtime", "50000000\n");
  host.put("/proc/meminfo", "Hugepagesize:       2048 kB\n");
  const Inventory inventory = probe(host);
  EXPECT_EQ(inventory.kernel.rcu_offloaded, (CpuSet{2, 10}));
  EXPECT_EQ(inventory.kernel.modules, (std::vector<std::string>{"vfio_pci"}));
  EXPECT_EQ(inventory.kernel.tracers, (std::vector<std::string>{"timerlat", "osnoise", "nop"}));
  EXPECT_EQ(inventory.kernel.fair_server_runtime_ns, 50000000);
  EXPECT_EQ(inventory.memory.default_huge_page, 2_MiB);
}

TEST(Kernel, LockdownAndIommus) {
  MemoryHost host;
  EXPECT_EQ(probe(host).kernel.lockdown, "");
  host.put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  host.directory("/sys/class/iommu/dmar0");
  host.put("/proc/sys/kernel/tainted", "4096\n");
  const Kernel kernel = probe(host).kernel;
  EXPECT_EQ(kernel.lockdown, "integrity");
  EXPECT_EQ(kernel.iommus, (std::vector<std::string>{"dmar0"}));
  EXPECT_EQ(kernel.tainted, 4096);
}

}  // namespace
}  // namespace assay::probes
