#include <algorithm>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

bool has_digit(std::string_view text) {
  return text.find_first_of("0123456789") != std::string_view::npos;
}

// Drivers name their vectors freely; these shapes cover what is in the kernel:
//   nvme0q3, virtio1-req.0, eth0-TxRx-5, ice-eth0-TxRx-5, mlx5_comp3@pci:0000:..., megasas0-msix7
std::string queue_of(std::string_view action, const std::vector<std::string>& serves) {
  action = action.substr(0, action.find('@'));
  if (action.starts_with("nvme")) {
    const std::size_t q = action.find('q');
    // Queue 0 takes commands to the controller, not data.
    if (q == std::string_view::npos || action.substr(q) == "q0") return {};
    return std::string(action.substr(q));
  }
  for (const std::string& name : serves) {
    const std::size_t at = action.find(name + "-");
    if (at == std::string_view::npos) continue;
    const std::string_view rest = action.substr(at + name.size() + 1);
    return has_digit(rest) ? std::string(rest) : std::string();
  }
  if (action.starts_with("mlx5_comp") || action.starts_with("mlx4-")) {
    return std::string(action.substr(5));
  }
  const std::size_t dash = action.rfind('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view rest = action.substr(dash + 1);
  const bool is_virtio = action.starts_with("virtio") && rest != "config" && rest != "control";
  return is_virtio || has_digit(rest) ? std::string(rest) : std::string();
}

}  // namespace

void name_interrupt_queues(Inventory& inventory) {
  std::map<std::string, std::vector<std::string>> names;
  const auto add = [&](const std::string& address, const std::string& name) {
    constexpr std::size_t kNamesMax = 64;  // a drive with more namespaces is told by the first
    if (!address.empty() && names[address].size() < kNamesMax) names[address].push_back(name);
  };
  for (const Nic& nic : inventory.nics) add(nic.pci_address, nic.name);
  for (const BlockDevice& drive : inventory.block) add(drive.pci_address, drive.name);
  for (Irq& irq : inventory.interrupts.irqs) {
    if (irq.device.empty()) continue;
    const auto found = names.find(irq.device);
    if (found != names.end()) irq.serves = found->second;
    if (!irq.actions.empty()) irq.queue = queue_of(irq.actions.front(), irq.serves);
  }
}

}  // namespace assay::probes
