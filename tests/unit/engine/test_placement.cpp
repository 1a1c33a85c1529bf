// What the host counted while a run went on, from the kernel's own formats.
#include <gtest/gtest.h>

#include "core/memory_host.hpp"
#include "core/real_host.hpp"
#include "engine/run_window.hpp"

namespace assay::engine {
namespace {

constexpr const char* kInterrupts =
    "           CPU0       CPU1       CPU3       \n"
    "  0:         44          0          0   IO-APIC   2-edge      timer\n"
    " 36:         10        100       1000   PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0\n"
    " 41:          5          5          5   PCI-MSIX-0000:00:04.0   1-edge      virtio3-rx\n"
    "LOC:      30345      32874      32874   Local timer interrupts\n"
    "ERR:          0\n";
constexpr const char* kStat =
    "cpu  100 0 100 1000 0 0 0 30 0 0\n"
    "cpu0 50 0 50 500 0 0 0 10 0 0\n"
    "cpu1 50 0 50 500 0 0 0 20 0 0\n"
    "intr 1 2 3\n";

HostCounters counters(std::string_view interrupts, std::string_view stat) {
  MemoryHost host;
  host.put("/proc/interrupts", interrupts);
  host.put("/proc/stat", stat);
  return HostCounters::read(host);
}

TEST(HostCounters, TellsInterruptsPerCpu) {
  const HostCounters before = counters(kInterrupts, kStat);
  std::string later = kInterrupts;
  later.replace(later.find("10        100       1000"), 24, "11        150       1001");
  const HostCounters after = counters(later, kStat);
  EXPECT_EQ(after.irqs_since(before, CpuSet{1}), std::vector<std::string>{"36 virtio1-req.0 (50)"});
  EXPECT_EQ(after.irqs_since(before, CpuSet({0, 3})),
            std::vector<std::string>{"36 virtio1-req.0 (2)"});
  EXPECT_TRUE(after.irqs_since(before, CpuSet{2}).empty());
  EXPECT_TRUE(before.irqs_since(before, CpuSet::range(0, 3)).empty());
}

TEST(HostCounters, TellsStealAndBusyShares) {
  const HostCounters before = counters(kInterrupts, kStat);
  const HostCounters after = counters(kInterrupts,
                                      "cpu0 50 0 50 590 0 0 0 20 0 0\n"
                                      "cpu1 90 0 50 540 0 10 10 20 0 0\n");
  EXPECT_DOUBLE_EQ(after.steal_since(before, CpuSet{0}), 0.1);
  EXPECT_DOUBLE_EQ(after.busy_since(before, CpuSet{0}), 0.0);
  EXPECT_DOUBLE_EQ(after.busy_since(before, CpuSet{1}), 0.6);
  EXPECT_DOUBLE_EQ(after.busy_since(before, CpuSet{7}), 0.0);
}

TEST(HostCounters, NothingReadableIsNothingTold) {
  const HostCounters none = HostCounters::read(MemoryHost());
  EXPECT_TRUE(none.irqs_since(none, CpuSet{0}).empty());
  EXPECT_DOUBLE_EQ(none.steal_since(none, CpuSet{0}), 0.0);
}

TEST(HostCounters, SurvivesWhatNoKernelPrints) {
  for (const char* text :
       {"", "\n\n\n", "CPU0\n1:\n", "CPU\n12", "a b c\nx: y z\n", "CPU0 C\n1: 1"}) {
    const HostCounters odd = counters(text, text);
    EXPECT_DOUBLE_EQ(odd.busy_since(odd, CpuSet{0}), 0.0);
  }
}

TEST(HostCounters, ReadsThisMachine) {
  const auto host = make_real_host();
  const HostCounters before = HostCounters::read(*host);
  const HostCounters after = HostCounters::read(*host);
  EXPECT_GE(after.busy_since(before, CpuSet::range(0, 1023)), 0.0);
}

}  // namespace
}  // namespace assay::engine
