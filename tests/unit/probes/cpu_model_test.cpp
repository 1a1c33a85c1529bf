// /proc/cpuinfo in the words of every architecture.
#include <gtest/gtest.h>

#include <set>

#include "machine.hpp"
#include "probes/arm_names.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

Topology with_cpuinfo(const char* text) {
  MemoryHost host;
  host.put("/proc/cpuinfo", text);
  return probe(host).topology;
}

TEST(CpuModel, Arm) {
  const Topology known = with_cpuinfo(
      "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x48\n"
      "CPU architecture: 8\nCPU part\t: 0xd01\nCPU revision\t: 0\n\nprocessor\t: 1\n");
  EXPECT_EQ(known.vendor, "0x48");
  EXPECT_EQ(known.model, "0xd01");
  EXPECT_EQ(known.family, "8");
  EXPECT_EQ(known.stepping, "0");
  EXPECT_EQ(known.model_name, "HiSilicon TaiShan v110");
  EXPECT_EQ(known.flags, (std::vector<std::string>{"asimd", "fp"}));
  EXPECT_EQ(known.counts.cpus, 2U);
  const Topology unknown =
      with_cpuinfo("processor\t: 0\nCPU implementer\t: 0x77\nCPU part\t: 0x123\n");
  EXPECT_EQ(unknown.model_name, "0x77 part 0x123");
}

TEST(CpuModel, OldArmHasOneBlockForAll) {
  const Topology topology = with_cpuinfo(
      "Processor\t: ARMv7 Processor rev 1 (v7l)\nprocessor\t: 0\nBogoMIPS\t: 1595.80\n\n"
      "processor\t: 1\nBogoMIPS\t: 1595.80\n\nFeatures\t: swp neon\nCPU implementer\t: 0x41\n"
      "CPU part\t: 0xc09\n\nHardware\t: A board\nRevision\t: 0000\n");
  EXPECT_EQ(topology.model_name, "ARMv7 Processor rev 1 (v7l)");
  EXPECT_EQ(topology.vendor, "0x41");
  EXPECT_EQ(topology.model, "0xc09");
  EXPECT_EQ(topology.flags.size(), 2U);
  EXPECT_EQ(topology.counts.cpus, 2U);
}

TEST(CpuModel, PowerTellsTheServerInTheEnd) {
  const Topology topology = with_cpuinfo(
      "processor\t: 0\ncpu\t\t: POWER7 (architected), altivec supported\n"
      "clock\t\t: 3864.000000MHz\nrevision\t: 2.1 (pvr 003f 0201)\n\n"
      "processor\t: 1\ncpu\t\t: POWER7 (architected), altivec supported\n\n"
      "timebase\t: 512000000\nplatform\t: pSeries\nmodel\t\t: IBM,9179-MHB\n"
      "machine\t\t: CHRP IBM,9179-MHB\n");
  EXPECT_EQ(topology.model_name, "POWER7 (architected), altivec supported");
  EXPECT_EQ(topology.stepping, "2.1 (pvr 003f 0201)");
  EXPECT_EQ(topology.model, "");  // that is the server's
  EXPECT_EQ(topology.clock_khz, 3864000U);
  EXPECT_EQ(topology.counts.cpus, 2U);
}

TEST(CpuModel, S390HasALineACpu) {
  const Topology topology = with_cpuinfo(
      "vendor_id       : IBM/S390\n# processors    : 2\nfeatures\t: esan3 zarch\n"
      "processor 0: version = 00,  identification = 279F25,  machine = 2817\n"
      "processor 1: version = 00,  identification = 279F25,  machine = 2817\n");
  EXPECT_EQ(topology.vendor, "IBM/S390");
  EXPECT_EQ(topology.model, "2817");
  EXPECT_EQ(topology.model_name, "IBM/S390 part 2817");
  EXPECT_EQ(topology.counts.cpus, 2U);
  EXPECT_EQ(topology.flags, (std::vector<std::string>{"esan3", "zarch"}));
}

TEST(CpuModel, Itanium) {
  const Topology topology = with_cpuinfo(
      "processor  : 0\nvendor     : GenuineIntel\narch       : IA-64\nfamily     : 31\n"
      "model      : 2\nmodel name : Madison up to 9M cache\nrevision   : 1\n"
      "features   : branchlong, 16-byte atomic ops\n");
  EXPECT_EQ(topology.vendor, "GenuineIntel");
  EXPECT_EQ(topology.family, "31");
  EXPECT_EQ(topology.model, "2");
  EXPECT_EQ(topology.stepping, "1");
  EXPECT_EQ(topology.model_name, "Madison up to 9M cache");
}

TEST(CpuModel, LoongArchMipsAndRiscV) {
  EXPECT_EQ(with_cpuinfo("processor\t: 0\nCPU Family\t: Loongson-64bit\n"
                         "Model Name\t: Loongson-3A5000\nCPU Revision\t: 0x11\n")
                .model_name,
            "Loongson-3A5000");
  EXPECT_EQ(with_cpuinfo("system type\t: x\nprocessor\t: 0\ncpu model\t: Cavium Octeon V0.1\n")
                .model_name,
            "Cavium Octeon V0.1");
  const Topology riscv = with_cpuinfo(
      "processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\nuarch\t\t: sifive,u74\n"
      "mvendorid\t: 0x489\nmarchid\t\t: 0x8000000000000007\n");
  EXPECT_EQ(riscv.model_name, "sifive,u74");
  EXPECT_EQ(riscv.vendor, "0x489");
  EXPECT_EQ(riscv.flags, std::vector<std::string>{"rv64imafdc"});
}

TEST(CpuModel, LinesWithoutAKeyOrValueAreNoModel) {
  const Topology topology = with_cpuinfo("processor\t: 0\n: nameless\nmodel name\t:\nmodel\t: 7\n");
  EXPECT_EQ(topology.vendor, "");
  EXPECT_EQ(topology.model, "7");
}

TEST(CpuModel, TheClockIsANumberOrNothing) {
  EXPECT_EQ(with_cpuinfo("processor\t: 0\ncpu MHz\t\t: 2596.992\n").clock_khz, 2596992U);
  EXPECT_EQ(with_cpuinfo("processor\t: 0\ncpu MHz dynamic : 5208\n").clock_khz, 5208000U);
  for (const char* lie : {"-5", "nan", "1e300", "12 parsecs", "", "inf"}) {
    EXPECT_FALSE(with_cpuinfo(("processor\t: 0\ncpu MHz\t: " + std::string(lie) + "\n").c_str())
                     .clock_khz.has_value())
        << lie;
  }
}

TEST(CpuModel, ArmNamesAreFoundByBothNumbers) {
  EXPECT_EQ(arm_vendor("0x41"), "Arm");
  EXPECT_EQ(arm_vendor("0x00"), "");
  EXPECT_EQ(arm_model("0x41", "0xd0c"), "Neoverse-N1");
  EXPECT_EQ(arm_model("0x48", "0xd0c"), "");
}

}  // namespace
}  // namespace assay::probes
