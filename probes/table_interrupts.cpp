#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "probes/table_sections.hpp"

namespace assay::probes {
namespace {

// More lines than this are for `--format json`.
constexpr std::size_t kBusiest = 8;
constexpr std::size_t kDevices = 24;

template <typename T>
T total(const std::vector<T>& counts) {
  return std::accumulate(counts.begin(), counts.end(), T{});
}

std::string tri_state(const std::optional<bool>& value, const char* yes, const char* no) {
  return value ? (*value ? yes : no) : "?";
}

// How many device interrupts each CPU took: the busiest CPUs first.
std::string per_cpu(const Interrupts& interrupts, bool as_rate) {
  std::vector<std::pair<double, unsigned>> sums;
  for (std::size_t column = 0; column < interrupts.cpus.size(); ++column) {
    double sum = 0;
    for (const Irq& irq : interrupts.irqs) {
      if (as_rate && column < irq.rates.size()) sum += irq.rates[column];
      if (!as_rate && column < irq.counts.size()) sum += static_cast<double>(irq.counts[column]);
    }
    sums.emplace_back(sum, interrupts.cpus[column].value);
  }
  std::stable_sort(sums.begin(), sums.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  const std::size_t shown = std::min(sums.size(), kBusiest);
  std::string text;
  for (std::size_t i = 0; i < shown; ++i) {
    text += fmt::format("{}CPU {}: {:.0f}", i == 0 ? "" : ", ", sums[i].second, sums[i].first);
  }
  if (shown < sums.size()) text += fmt::format(", and {} CPUs with less", sums.size() - shown);
  return text;
}

std::string purpose(const Irq& irq) {
  if (irq.serves.empty() || irq.queue.empty()) return join_words(irq.actions, ",");
  return irq.serves.front() + " " + irq.queue;
}

void busiest_table(const Interrupts& interrupts, TextPage& page) {
  // Summed once: a row has a count for every CPU.
  struct Busy {
    double rate;
    std::uint64_t count;
    const Irq* irq;
  };
  std::vector<Busy> busiest;
  for (const Irq& irq : interrupts.irqs) {
    const std::uint64_t count = total(irq.counts);
    if (count > 0) busiest.push_back({total(irq.rates), count, &irq});
  }
  // What is busy now matters more than what once was.
  std::stable_sort(busiest.begin(), busiest.end(), [](const Busy& a, const Busy& b) {
    return a.rate != b.rate ? a.rate > b.rate : a.count > b.count;
  });
  busiest.resize(std::min(busiest.size(), kBusiest));
  std::vector<std::vector<std::string>> rows;
  for (const auto& [rate, count, irq] : busiest) {
    rows.push_back({irq->number, purpose(*irq), irq->target, fmt::format("{}", count),
                    irq->rates.empty() ? "" : fmt::format("{:.1f}", rate),
                    irq->affinity_readable ? irq->asked.to_list() : "?",
                    irq->effective ? irq->effective->to_list() : "",
                    tri_state(irq->managed, "yes", "no")});
  }
  page.section(fmt::format("INTERRUPTS since boot: the busiest of {}", interrupts.irqs.size()));
  page.table({"IRQ>", "FOR", "TARGET!", "COUNT>", "NOW/S>", "ASKED", "EFFECTIVE", "MANAGED"},
             std::move(rows));
}

struct DeviceLine {
  std::vector<std::string> serves;
  unsigned vectors = 0, managed = 0;
  std::uint64_t count = 0;
  double rate = 0;
  CpuSet asked, effective;
};

// A line a device: a NIC with 128 queues has as many vectors, all alike.
void device_table(const Interrupts& interrupts, TextPage& page) {
  std::map<std::string, DeviceLine> devices;
  for (const Irq& irq : interrupts.irqs) {
    DeviceLine& line = devices[irq.device.empty() ? "other" : irq.device];
    if (!irq.device.empty()) line.serves = irq.serves;
    ++line.vectors;
    if (irq.managed == std::optional(true)) ++line.managed;
    line.count += total(irq.counts);
    line.rate += total(irq.rates);
    line.asked = line.asked | irq.asked;
    if (irq.effective) line.effective = line.effective | *irq.effective;
  }
  const bool watched = interrupts.window.count() > 0;
  std::vector<std::vector<std::string>> rows;
  for (const auto& [device, line] : devices) {
    if (rows.size() == kDevices) break;
    rows.push_back({device, join_words(line.serves, " "), fmt::format("{}", line.vectors),
                    line.managed > 0 ? fmt::format("{}", line.managed) : "",
                    fmt::format("{}", line.count), watched ? fmt::format("{:.1f}", line.rate) : "",
                    line.asked.to_list(), line.effective.to_list()});
  }
  page.section("INTERRUPTS by device");
  page.table(
      {"DEVICE!", "SERVES", "VECTORS>", "MANAGED>", "COUNT>", "NOW/S>", "ASKED", "EFFECTIVE"},
      std::move(rows));
  if (devices.size() > kDevices) {
    page.line(fmt::format("and {} devices more", devices.size() - kDevices));
  }
}

}  // namespace

void interrupt_section(const Interrupts& interrupts, TextPage& page) {
  busiest_table(interrupts, page);
  const bool any = std::any_of(interrupts.irqs.begin(), interrupts.irqs.end(),
                               [](const Irq& irq) { return total(irq.counts) > 0; });
  if (any) page.fact("per CPU", per_cpu(interrupts, false));
  if (interrupts.window.count() > 0) {
    const double seconds = std::chrono::duration<double>(interrupts.window).count();
    page.fact("per CPU now", per_cpu(interrupts, true) + " a second");
    page.fact("watched for", fmt::format("{:.2f} s", seconds));
    const auto timer = interrupts.named_rates.find("LOC");
    if (timer != interrupts.named_rates.end()) {
      page.fact("timer ticks", fmt::format("{:.0f} a second", total(timer->second)));
    }
  }
  if (interrupts.default_affinity) {
    page.fact("new ones go to", "CPUs " + interrupts.default_affinity->to_list());
  }
  device_table(interrupts, page);
}

}  // namespace assay::probes
