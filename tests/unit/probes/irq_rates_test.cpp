#include <gtest/gtest.h>

#include "core/real_host.hpp"
#include "machine.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

using std::chrono::milliseconds;

Interrupts parsed(const std::string& table) {
  Interrupts interrupts;
  parse_interrupts(table, interrupts);
  return interrupts;
}

TEST(IrqRates, AreWhatCameInTheWindow) {
  Interrupts interrupts =
      parsed("  CPU0 CPU1\n 24: 100 0 chip 1-edge a\n 25: 7 7 chip 2-edge b\nLOC: 10 20\n");
  add_interrupt_rates(
      "  CPU0 CPU1\n 24: 150 5 chip 1-edge a\nLOC: 260 20\n 30: 9 9 chip 3-edge c\n",
      milliseconds(500), interrupts);
  EXPECT_EQ(interrupts.window, milliseconds(500));
  EXPECT_EQ(interrupts.irqs[0].rates, (std::vector<double>{100, 10}));
  EXPECT_TRUE(interrupts.irqs[1].rates.empty());  // gone in between
  EXPECT_EQ(interrupts.irqs.size(), 2U);
  EXPECT_EQ(interrupts.named_rates.at("LOC"), (std::vector<double>{500, 0}));
  EXPECT_EQ(interrupts.irqs[0].counts, (std::vector<std::uint64_t>{100, 0}));
}

TEST(IrqRates, ACounterThatStartsAnewIsNotNegative) {
  Interrupts interrupts = parsed(" CPU0\n 24: 1000 chip 1-edge a\n");
  add_interrupt_rates(" CPU0\n 24: 3 chip 1-edge a\n", milliseconds(1000), interrupts);
  EXPECT_EQ(interrupts.irqs[0].rates, (std::vector<double>{3}));
}

TEST(IrqRates, NothingIsSaidWhenCpusCameOrWent) {
  Interrupts interrupts = parsed(" CPU0 CPU1\n 24: 1 1 chip 1-edge a\n");
  add_interrupt_rates(" CPU0\n 24: 9 chip 1-edge a\n", milliseconds(1000), interrupts);
  EXPECT_TRUE(interrupts.irqs[0].rates.empty());
  EXPECT_EQ(interrupts.window.count(), 0);
  add_interrupt_rates("", milliseconds(1000), interrupts);
  EXPECT_TRUE(interrupts.irqs[0].rates.empty());
}

TEST(IrqRates, AWindowOnThisHostGivesRatesOfItsLength) {
  ProbeOptions options;
  options.areas = Areas().set(static_cast<std::size_t>(Area::interrupts));
  options.window = milliseconds(20);
  const Interrupts interrupts = probe(*make_real_host(), options).interrupts;
  EXPECT_GE(interrupts.window, milliseconds(20));
  for (const Irq& irq : interrupts.irqs) {
    EXPECT_TRUE(irq.rates.empty() || irq.rates.size() == interrupts.cpus.size());
  }
}

TEST(IrqQueues, DriversNamesAreUnderstood) {
  MemoryHost host;
  put_pci(host, "0000:01:00.0", "pci0000:00/0000:01:00.0", "20000", "ice");
  host.put("/sys/devices/pci0000:00/0000:01:00.0/net/eth0/type", "1\n");
  host.link("/sys/class/net/eth0", "/sys/devices/pci0000:00/0000:01:00.0/net/eth0");
  const std::vector<std::pair<std::string, std::string>> cases{
      {"ice-eth0-TxRx-5", "TxRx-5"},
      {"eth0-rx-0", "rx-0"},
      {"eth0", ""},
      {"eth0-misc", ""},
      {"nvme0q3", "q3"},
      {"nvme0q0", ""},
      {"virtio1-req.0", "req.0"},
      {"virtio3-rx", "rx"},
      {"virtio1-config", ""},
      {"mlx5_comp3@pci:0000:01:00.0", "comp3"},
      {"mlx5_async0@pci:0000:01:00.0", ""},
      {"megasas0-msix7", "msix7"}};
  std::string table = " CPU0\n";
  for (std::size_t i = 0; i < cases.size(); ++i) {
    table += " " + std::to_string(50 + i) + ": 0 PCI-MSIX-0000:01:00.0 " + std::to_string(i) +
             "-edge " + cases[i].first + "\n";
  }
  host.put("/proc/interrupts", table);
  const Interrupts interrupts = probe(host).interrupts;
  ASSERT_EQ(interrupts.irqs.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(interrupts.irqs[i].queue, cases[i].second) << cases[i].first;
    EXPECT_EQ(interrupts.irqs[i].serves, (std::vector<std::string>{"eth0"}));
  }
}

}  // namespace
}  // namespace assay::probes
