#include <gtest/gtest.h>

#include <cerrno>

#include "machine.hpp"

namespace assay::probes {
namespace {

const Irq* find(const Interrupts& interrupts, const std::string& number) {
  for (const Irq& irq : interrupts.irqs) {
    if (irq.number == number) return &irq;
  }
  return nullptr;
}

TEST(Interrupts, ReadsTheTableOfNewKernels) {
  MemoryHost host;
  host.put("/proc/interrupts",
           "           CPU0       CPU2       \n"
           "  1:          9          0  IO-APIC   1-edge      i8042\n"
           " 36:          0      91290 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0\n"
           " 40:          1          2 PCI-MSI-0000:00:1f.2   0-edge      ahci[0000:00:1f.2], x\n"
           "NMI:          3          4   Non-maskable interrupts\n"
           "ERR:          7\n");
  host.put("/proc/irq/36/smp_affinity_list", "0-2\n");
  host.put("/proc/irq/36/effective_affinity_list", "2\n");
  host.put("/proc/irq/default_smp_affinity", "5\n");
  const Interrupts interrupts = probe(host).interrupts;
  EXPECT_EQ(interrupts.cpus, (std::vector<CpuId>{CpuId{0}, CpuId{2}}));
  ASSERT_EQ(interrupts.irqs.size(), 3U);
  const Irq& disk = *find(interrupts, "36");
  EXPECT_EQ(disk.chip, "PCI-MSIX-0000:00:02.0");
  EXPECT_EQ(disk.device, "0000:00:02.0");
  EXPECT_EQ(disk.target, "msix1@pci-0000:00:02.0");
  EXPECT_EQ(disk.hardware_number, "1");
  EXPECT_EQ(disk.actions, (std::vector<std::string>{"virtio1-req.0"}));
  EXPECT_EQ(disk.counts, (std::vector<std::uint64_t>{0, 91290}));
  EXPECT_EQ(disk.asked, CpuSet::range(0, 2));
  EXPECT_EQ(disk.effective, CpuSet{2});
  EXPECT_EQ(disk.managed, true);  // a virtio drive's queue
  EXPECT_EQ(find(interrupts, "1")->managed, std::nullopt);
  EXPECT_EQ(find(interrupts, "40")->target, "msi0@pci-0000:00:1f.2");
  EXPECT_EQ(find(interrupts, "40")->actions.size(), 2U);
  EXPECT_EQ(find(interrupts, "1")->target, "IO-APIC/1@i8042");
  EXPECT_EQ(find(interrupts, "1")->device, "");
  EXPECT_EQ(interrupts.named.at("NMI"), (std::vector<std::uint64_t>{3, 4}));
  EXPECT_EQ(interrupts.named.at("ERR"), (std::vector<std::uint64_t>{7}));
  EXPECT_EQ(interrupts.default_affinity, (CpuSet{0, 2}));
}

TEST(Interrupts, ArmPrintsTheTriggerApart) {
  MemoryHost host;
  host.put("/proc/interrupts",
           "     CPU0\n"
           " 11:   55     GICv3  27 Level     arch_timer\n"
           " 49:    7  ITS-PCI-MSIX-0000:01:00.0   2 Edge      nvme0q2\n");
  const Interrupts interrupts = probe(host).interrupts;
  EXPECT_EQ(find(interrupts, "11")->chip, "GICv3");
  EXPECT_EQ(find(interrupts, "11")->hardware_number, "27");
  EXPECT_EQ(find(interrupts, "11")->actions, (std::vector<std::string>{"arch_timer"}));
  EXPECT_EQ(find(interrupts, "49")->target, "msix2@pci-0000:01:00.0");
}

TEST(Interrupts, OldKernelsNeedTheDevicesOwnList) {
  MemoryHost host;
  put_pci(host, "0000:02:00.0", "pci0000:00/0000:00:01.0/0000:02:00.0", "20000", "igb");
  host.put("/sys/devices/pci0000:00/0000:00:01.0/0000:02:00.0/msi_irqs/70", "msix\n");
  host.put("/sys/devices/pci0000:00/0000:00:01.0/0000:02:00.0/msi_irqs/71", "msix\n");
  host.put("/proc/interrupts",
           "     CPU0\n"
           "  4:    5   IO-APIC-edge      serial\n"
           " 70:    7   PCI-MSI-edge      eth0\n"
           " 71:    7   IR-PCI-MSI 524289-edge      eth0-TxRx-0\n");
  const Interrupts interrupts = probe(host).interrupts;
  EXPECT_EQ(find(interrupts, "4")->chip, "IO-APIC-edge");
  EXPECT_EQ(find(interrupts, "4")->actions, (std::vector<std::string>{"serial"}));
  EXPECT_EQ(find(interrupts, "70")->device, "0000:02:00.0");
  EXPECT_EQ(find(interrupts, "70")->target, "vector0@pci-0000:02:00.0");
  EXPECT_EQ(find(interrupts, "71")->target, "vector1@pci-0000:02:00.0");
}

TEST(Interrupts, ManagedOnesAreKnownWithDebugfs) {
  MemoryHost host;
  host.put("/proc/interrupts",
           "     CPU0\n 30:  1 PCI-MSIX-0000:01:00.0 0-edge nvme0q0\n"
           " 31:  1 PCI-MSIX-0000:01:00.0 1-edge nvme0q1\n");
  host.put("/sys/kernel/debug/irq/irqs/30", "handler: x\ndstate:   0x3740c200\n");
  host.put("/sys/kernel/debug/irq/irqs/31",
           "dstate:   0x37408200\n            IRQD_AFFINITY_MANAGED\n");
  const Interrupts interrupts = probe(host).interrupts;
  EXPECT_EQ(find(interrupts, "30")->managed, false);
  EXPECT_EQ(find(interrupts, "31")->managed, true);
}

TEST(Interrupts, AnUnreadableAffinityIsNotAnEmptyOne) {
  MemoryHost host;
  host.put("/proc/interrupts", "     CPU0\n 30:  1 x 0-edge y\n");
  host.put("/proc/irq/30/smp_affinity_list", "0\n");
  host.fail("/proc/irq/30/smp_affinity_list", EACCES);
  const Inventory inventory = probe(host);
  EXPECT_FALSE(inventory.interrupts.irqs.at(0).affinity_readable);
  ASSERT_EQ(inventory.unreadable.size(), 1U);
  EXPECT_NE(inventory.unreadable[0].find("/proc/irq/30/smp_affinity_list"), std::string::npos);
}

TEST(Interrupts, LyingTablesDoNoHarm) {
  for (const char* table : {"", "\n", "CPU0", "CPU0 CPU0 CPU\n: 1\n1:\n 2: -1 x\n3: 1 2 3 4 5 6\n",
                            "CPU99999999\n1: 5\n", "\xff\xfe:\x00\n", "1 2 3\n4: 5 6\n"}) {
    MemoryHost host;
    host.put("/proc/interrupts", table);
    const Interrupts interrupts = probe(host).interrupts;
    for (const Irq& irq : interrupts.irqs) {
      EXPECT_EQ(irq.counts.size(), interrupts.cpus.size()) << table;
    }
  }
}

TEST(Interrupts, TargetsAreUnique) {
  MemoryHost host;
  host.put("/proc/interrupts", "  CPU0\n 1: 1 A 0-edge x\n 2: 1 A 0-edge x\n 3: 1 A 0-edge x\n");
  const Interrupts interrupts = probe(host).interrupts;
  ASSERT_EQ(interrupts.irqs.size(), 3U);
  EXPECT_NE(interrupts.irqs[0].target, interrupts.irqs[1].target);
  EXPECT_NE(interrupts.irqs[1].target, interrupts.irqs[2].target);
}

}  // namespace
}  // namespace assay::probes
