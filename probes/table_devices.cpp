#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "probes/table_sections.hpp"

namespace assay::probes {
namespace {

// More lines than this are for `--format json`.
constexpr std::size_t kBusiest = 8;

std::uint64_t total(const std::vector<std::uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::string tri_state(const std::optional<bool>& value, const char* yes, const char* no) {
  return value ? (*value ? yes : no) : "?";
}

// How many device interrupts each CPU took: the busiest CPUs first.
std::string per_cpu(const Interrupts& interrupts) {
  std::vector<std::pair<std::uint64_t, unsigned>> sums;
  for (std::size_t column = 0; column < interrupts.cpus.size(); ++column) {
    std::uint64_t sum = 0;
    for (const Irq& irq : interrupts.irqs) {
      if (column < irq.counts.size()) sum += irq.counts[column];
    }
    sums.emplace_back(sum, interrupts.cpus[column].value);
  }
  std::stable_sort(sums.begin(), sums.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  const std::size_t shown = std::min(sums.size(), kBusiest);
  std::string text;
  for (std::size_t i = 0; i < shown; ++i) {
    text += fmt::format("{}CPU {}: {}", i == 0 ? "" : ", ", sums[i].second, sums[i].first);
  }
  if (shown < sums.size()) text += fmt::format(", and {} CPUs with less", sums.size() - shown);
  return text;
}

std::string speed_words(const std::optional<PcieLink>& link) {
  if (!link) return {};
  return fmt::format("{:g} GT/s x{}{}", link->speed_gts, link->width,
                     link->degraded() ? " (!)" : "");
}

std::string node_word(const std::optional<NodeId>& node) {
  return node ? fmt::format("{}", node->value) : std::string();
}

std::string text_of(const std::optional<std::int64_t>& value) {
  return value ? fmt::format("{}", *value) : std::string();
}

std::string value_of(const std::map<std::string, std::string, std::less<>>& reply,
                     std::string_view key) {
  const auto found = reply.find(key);
  return found == reply.end() ? std::string() : found->second;
}

std::string mounts_of(const Inventory& inventory, const BlockDevice& device) {
  std::vector<std::string> points;
  for (const Mount& mount : inventory.mounts) {
    if (mount.drive == device.name) points.push_back(mount.point);
  }
  return join_words(points, " ");
}

void nic_section(const Inventory& inventory, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const Nic& nic : inventory.nics) {
    const std::string speed = nic.speed_mbps ? fmt::format("{} Mb/s", *nic.speed_mbps) : "";
    const std::string ring = join_words({value_of(nic.ring, "rx"), value_of(nic.ring, "tx")}, "/");
    rows.push_back({nic.name, nic.target, nic.kind, nic.driver, nic.operstate, speed,
                    nic.mtu ? fmt::format("{}", *nic.mtu) : "",
                    fmt::format("{}/{}", nic.rx_queues, nic.tx_queues), ring, node_word(nic.node),
                    speed_words(nic.link)});
  }
  page.section("NETWORK");
  page.table({"NAME", "TARGET", "KIND", "DRIVER", "STATE", "SPEED>", "MTU>", "RX/TX>", "RING>",
              "NODE>", "PCIE"},
             std::move(rows));
}

void drive_section(const Inventory& inventory, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> unused;
  for (const BlockDevice& device : inventory.block) {
    if (!device.physical && device.size.count == 0) {
      unused.push_back(device.name);
      continue;
    }
    rows.push_back({device.name, device.target, device.kind, device.model,
                    format_bytes_short(device.size), device.scheduler, text_of(device.nr_requests),
                    fmt::format("{}", device.queues), device.write_cache, node_word(device.node),
                    mounts_of(inventory, device)});
  }
  page.section("DRIVES");
  page.table({"NAME", "TARGET", "KIND", "MODEL", "SIZE>", "SCHEDULER", "REQS>", "QUEUES>", "CACHE",
              "NODE>", "MOUNTED"},
             std::move(rows));
  page.fact("empty", join_words(unused, " "));
}

void nvme_section(const Inventory& inventory, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const NvmeController& nvme : inventory.nvme) {
    const std::string heat =
        nvme.temperature_celsius ? fmt::format("{:.0f} °C", *nvme.temperature_celsius) : "";
    rows.push_back({nvme.name, nvme.model, nvme.firmware, nvme.pci_address, nvme.state,
                    fmt::format("{}", nvme.queue_count), heat, node_word(nvme.node),
                    speed_words(nvme.link)});
  }
  page.section("NVME CONTROLLERS");
  page.table({"NAME", "MODEL", "FIRMWARE", "ADDRESS", "STATE", "QUEUES>", "HEAT>", "NODE>", "PCIE"},
             std::move(rows));
}

}  // namespace

void interrupt_section(const Interrupts& interrupts, TextPage& page) {
  std::vector<const Irq*> busiest;
  for (const Irq& irq : interrupts.irqs) {
    if (total(irq.counts) > 0) busiest.push_back(&irq);
  }
  std::stable_sort(busiest.begin(), busiest.end(),
                   [](const Irq* a, const Irq* b) { return total(a->counts) > total(b->counts); });
  const std::size_t active = busiest.size();
  busiest.resize(std::min(active, kBusiest));
  std::vector<std::vector<std::string>> rows;
  for (const Irq* irq : busiest) {
    rows.push_back(
        {irq->number, join_words(irq->actions, ","), irq->target,
         fmt::format("{}", total(irq->counts)), irq->affinity_readable ? irq->asked.to_list() : "?",
         irq->effective ? irq->effective->to_list() : "", tri_state(irq->managed, "yes", "no")});
  }
  page.section(fmt::format("INTERRUPTS since boot: the busiest of {}", interrupts.irqs.size()));
  page.table({"IRQ>", "FOR", "TARGET", "COUNT>", "ASKED", "EFFECTIVE", "MANAGED"}, std::move(rows));
  if (active > 0) page.fact("per CPU", per_cpu(interrupts));
  if (interrupts.default_affinity) {
    page.fact("new ones go to", "CPUs " + interrupts.default_affinity->to_list());
  }
}

void device_sections(const Inventory& inventory, TextPage& page) {
  nic_section(inventory, page);
  drive_section(inventory, page);
  nvme_section(inventory, page);
}

}  // namespace assay::probes
