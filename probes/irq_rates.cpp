#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// A counter that went backwards was started anew (the device came back under the same number).
std::vector<double> rates(const std::vector<std::uint64_t>& before,
                          const std::vector<std::uint64_t>& after, double seconds) {
  std::vector<double> result;
  for (std::size_t i = 0; i < before.size() && i < after.size(); ++i) {
    const std::uint64_t more = after[i] >= before[i] ? after[i] - before[i] : after[i];
    result.push_back(static_cast<double>(more) / seconds);
  }
  return result;
}

}  // namespace

void add_interrupt_rates(std::string_view later_table, std::chrono::nanoseconds window,
                         Interrupts& interrupts) {
  const double seconds = std::chrono::duration<double>(window).count();
  if (seconds <= 0) return;
  Interrupts later;
  parse_interrupts(later_table, later);
  // A CPU that came or went in between moves the columns: then nothing can be said.
  if (later.cpus != interrupts.cpus) return;
  interrupts.window = window;
  std::map<std::string_view, const Irq*> by_number;
  for (const Irq& irq : later.irqs) by_number[irq.number] = &irq;
  for (Irq& irq : interrupts.irqs) {
    const auto found = by_number.find(irq.number);
    if (found != by_number.end()) irq.rates = rates(irq.counts, found->second->counts, seconds);
  }
  for (const auto& [name, counts] : interrupts.named) {
    const auto found = later.named.find(name);
    if (found != later.named.end()) {
      interrupts.named_rates[name] = rates(counts, found->second, seconds);
    }
  }
}

}  // namespace assay::probes
