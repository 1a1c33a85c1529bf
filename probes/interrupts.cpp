#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <set>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// Counts in the whole table. 2,048 CPUs with as many interrupts have half of that; rows that are
// shorter than the header are filled up, so that a small file could ask for more.
constexpr std::size_t kCellsMax = 8U << 20;

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
  });
}

std::string_view take_word(std::string_view& rest) {
  const std::size_t start = rest.find_first_not_of(" \t");
  if (start == std::string_view::npos) return rest = {};
  rest.remove_prefix(start);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t"));
  rest.remove_prefix(word.size());
  return word;
}

std::optional<std::uint64_t> to_count(std::string_view word) {
  std::uint64_t value = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (word.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

// At most one count per column; stops at the first word that is none.
std::vector<std::uint64_t> take_counts(std::string_view& rest, std::size_t columns) {
  std::vector<std::uint64_t> counts;
  while (counts.size() < columns) {
    std::string_view after = rest;
    const auto count = to_count(take_word(after));
    if (!count) break;
    counts.push_back(*count);
    rest = after;
  }
  return counts;
}

// What follows the counts, in the three shapes that kernels print:
//   x86   "PCI-MSIX-0000:00:02.0  1-edge  virtio1-req.0"
//   Arm   "GICv3  27 Level  arch_timer"
//   old   "PCI-MSI-edge  eth0"
void take_description(std::string_view rest, Irq& irq) {
  irq.chip = printable(take_word(rest));
  std::string_view after = rest;
  const std::string_view word = take_word(after);
  const std::size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  if (digits > 0 && (digits == word.size() || word[digits] == '-')) {
    irq.hardware_number = std::string(word.substr(0, digits));
    rest = after;
    const std::string_view trigger = take_word(after);
    const bool is_trigger = trigger == "Level" || trigger == "Edge" || trigger == "None";
    if (digits == word.size() && is_trigger) rest = after;
  }
  std::string_view actions = trimmed(rest);
  while (!actions.empty()) {
    const std::size_t comma = actions.find(',');
    const std::string_view action = trimmed(actions.substr(0, comma));
    if (!action.empty()) irq.actions.push_back(printable(action));
    if (comma == std::string_view::npos) break;
    actions.remove_prefix(comma + 1);
  }
}

void parse_header(std::string_view line, Interrupts& interrupts) {
  CpuSet seen;  // a header that repeats itself would make every row as long as it likes
  for (const std::string& word : split(line, " \t")) {
    const auto number = number_after(word, "CPU");
    if (!number || seen.contains(*number)) continue;
    seen.add(*number);
    interrupts.cpus.push_back(CpuId{*number});
  }
}

// IRQ number → PCI address, from each device's msi_irqs; only asked when a chip's name lacks it.
std::map<std::string, std::string> msi_owners(Reader& reader, const Inventory& inventory) {
  std::map<std::string, std::string> owners;
  for (const PciDevice& device : inventory.pci) {
    const std::string base = "/sys/bus/pci/devices/" + device.address + "/msi_irqs";
    for (const std::string& number : reader.names(base)) owners[number] = device.address;
  }
  return owners;
}

void find_devices(Reader& reader, Inventory& inventory) {
  std::optional<std::map<std::string, std::string>> owners;
  for (Irq& irq : inventory.interrupts.irqs) {
    // Since 6.2 the chip is named after the device: "PCI-MSIX-0000:00:02.0".
    const std::size_t msi = irq.chip.find("MSI");
    if (msi == std::string::npos) continue;
    const std::size_t dash = irq.chip.find('-', msi);
    if (dash != std::string::npos) irq.device = pci_address_in(irq.chip.substr(dash + 1));
    if (!irq.device.empty()) continue;
    if (!owners) owners = msi_owners(reader, inventory);
    const auto owner = owners->find(irq.number);
    if (owner != owners->end()) irq.device = owner->second;
  }
}

// The same after a reboot: numbers are handed out anew, a device's vectors keep their index.
void name_targets(Interrupts& interrupts) {
  std::map<std::string, unsigned> vectors;
  for (Irq& irq : interrupts.irqs) {
    if (!irq.device.empty()) {
      // Before 6.2 the hardware number counts over all devices; the order of vectors remains.
      const bool own_index = irq.chip.ends_with(irq.device) && !irq.hardware_number.empty();
      const unsigned order = vectors[irq.device]++;
      const char* kind = irq.chip.find("MSIX") != std::string::npos ? "msix" : "msi";
      irq.target = own_index ? fmt::format("{}{}@pci-{}", kind, irq.hardware_number, irq.device)
                             : fmt::format("vector{}@pci-{}", order, irq.device);
      continue;
    }
    const std::string number = irq.hardware_number.empty() ? irq.number : irq.hardware_number;
    irq.target = fmt::format("{}/{}", irq.chip.empty() ? "irq" : irq.chip, number);
    if (!irq.actions.empty()) irq.target += "@" + irq.actions.front();
  }
}

// Two interrupts of one name would share one setting.
void make_unique(Interrupts& interrupts) {
  std::set<std::string> taken;
  std::map<std::string, unsigned> counted;  // so that a thousand of one name take a thousand steps
  for (Irq& irq : interrupts.irqs) {
    const std::string base = irq.target;
    while (!taken.insert(irq.target).second) {
      irq.target = fmt::format("{}#{}", base, ++counted.try_emplace(base, 1).first->second);
    }
  }
}

// The kernel alone places managed interrupts (one per CPU and queue of NVMe, say) and those that it
// never balances (its timer's); a write fails.
std::optional<bool> read_managed(Reader& reader, const std::string& number) {
  const std::string state = reader.table("/sys/kernel/debug/irq/irqs/" + number);
  if (state.empty()) return std::nullopt;
  return state.find("IRQD_AFFINITY_MANAGED") != std::string::npos ||
         state.find("IRQD_NO_BALANCING") != std::string::npos;
}

// "nvme0q1": a queue of its own; "q0" is the controller's.
bool is_nvme_queue(const std::string& action) {
  const std::size_t q = action.find('q');
  return action.starts_with("nvme") && q != std::string::npos &&
         number_after(action.substr(0, q), "nvme") &&
         number_after(action.substr(q), "q").value_or(0) > 0;
}

// "virtio1-req.0": a queue of a virtio drive that has an interrupt of its own.
bool is_virtio_drive_queue(const std::string& action) {
  constexpr std::string_view kQueue = "-req.";
  const std::size_t queue = action.find(kQueue);
  return queue != std::string::npos && number_after(action.substr(0, queue), "virtio") &&
         number_after(action.substr(queue), kQueue);
}

// Kernels without debugfs for interrupts tell nobody. Where the driver alone decides there is no
// doubt: NVMe's I/O queues have had managed interrupts since Linux 4.9, unless one serves the admin
// queue too, virtio drives' since 4.11; and the PC's own timer was never balanced.
std::optional<bool> known_managed(const Irq& irq) {
  if (irq.number == "0" && irq.actions == std::vector<std::string>{"timer"}) return true;
  const auto is_queue = [](const std::string& action) {
    return is_nvme_queue(action) || is_virtio_drive_queue(action);
  };
  const bool all = std::all_of(irq.actions.begin(), irq.actions.end(), is_queue);
  return all && !irq.actions.empty() ? std::optional(true) : std::nullopt;
}

void read_affinity(Reader& reader, Irq& irq) {
  const std::string base = "/proc/irq/" + irq.number + "/";
  const auto asked = reader.cpus(base + "smp_affinity_list", base + "smp_affinity");
  irq.affinity_readable = asked.has_value();
  irq.asked = asked.value_or(CpuSet{});
  irq.effective = reader.cpus(base + "effective_affinity_list", base + "effective_affinity");
}

}  // namespace

void parse_interrupts(std::string_view table, Interrupts& interrupts) {
  const std::size_t header_end = table.find('\n');
  parse_header(table.substr(0, header_end), interrupts);
  if (header_end == std::string_view::npos) return;
  table.remove_prefix(header_end + 1);
  std::size_t cells = 0;
  while (!table.empty()) {
    const std::size_t end = table.find('\n');
    std::string_view line = table.substr(0, end);
    table.remove_prefix(end == std::string_view::npos ? table.size() : end + 1);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = trimmed(line.substr(0, colon));
    std::string_view rest = line.substr(colon + 1);
    auto counts = take_counts(rest, interrupts.cpus.size());
    constexpr std::size_t kRowCost = 8;  // a row without counts takes memory too
    cells += kRowCost + (all_digits(name) ? interrupts.cpus.size() : counts.size());
    if (cells > kCellsMax) return;
    if (!all_digits(name)) {
      if (!name.empty()) interrupts.named[printable(name)] = std::move(counts);
      continue;
    }
    Irq irq;
    irq.number = std::string(name);
    irq.counts = std::move(counts);
    irq.counts.resize(interrupts.cpus.size());
    take_description(rest, irq);
    interrupts.irqs.push_back(std::move(irq));
  }
}

std::vector<std::string> irqs_of(const Interrupts& interrupts, std::string_view pci_address) {
  std::vector<std::string> numbers;
  if (pci_address.empty()) return numbers;
  for (const Irq& irq : interrupts.irqs) {
    if (irq.device == pci_address) numbers.push_back(irq.number);
  }
  return numbers;
}

void read_interrupts(Reader& reader, Inventory& inventory) {
  Interrupts& interrupts = inventory.interrupts;
  parse_interrupts(reader.table("/proc/interrupts"), interrupts);
  find_devices(reader, inventory);
  name_targets(interrupts);
  make_unique(interrupts);
  // Only root sees debugfs, and only some kernels fill it: one look decides for all.
  const bool has_debug = !reader.names("/sys/kernel/debug/irq/irqs").empty();
  for (Irq& irq : interrupts.irqs) {
    read_affinity(reader, irq);
    irq.managed = has_debug ? read_managed(reader, irq.number) : known_managed(irq);
  }
  interrupts.default_affinity = reader.cpus("", "/proc/irq/default_smp_affinity");
}

}  // namespace assay::probes
