#include "tuner/without_siblings.hpp"

namespace assay::tuner {

bool wants_single_threads(const profiles::Profile& profile, const probes::Inventory& inventory) {
  const profiles::WantedSetting* wanted = profile.setting("cpu.smt");
  if (wanted == nullptr || wanted->match != profiles::Match::equal) return false;
  if (profile.waiver("cpu.smt") != nullptr) return false;
  return wanted->value == "off" && inventory.topology.smt_control == "on" &&
         inventory.topology.smt_active;
}

probes::Inventory without_siblings(const probes::Inventory& inventory) {
  probes::Inventory single = inventory;
  probes::Topology& topology = single.topology;
  CpuSet gone;
  for (const probes::Cpu& cpu : inventory.topology.cpus) {
    const CpuSet siblings = cpu.siblings & inventory.topology.online;
    if (siblings.contains(cpu.id.value) && siblings.first() != cpu.id.value) gone.add(cpu.id.value);
  }
  topology.online = topology.online - gone;
  topology.offline = topology.offline | gone;
  topology.allowed = topology.allowed - gone;
  topology.smt_active = false;
  for (probes::Cpu& cpu : topology.cpus) {
    cpu.online = cpu.online && !gone.contains(cpu.id.value);
    cpu.siblings = cpu.siblings - gone;
  }
  for (probes::Node& node : topology.nodes) node.cpus = node.cpus - gone;
  for (probes::Irq& irq : single.interrupts.irqs) {
    if (!irq.effective) continue;
    irq.effective = *irq.effective - gone;
    // Where only such a thread was left, the kernel chooses anew among those that were asked for.
    if (irq.effective->empty()) irq.effective.reset();
  }
  return single;
}

}  // namespace assay::tuner
