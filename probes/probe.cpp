#include "probes/probe.hpp"

#include "probes/hwloc_witness.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {

Inventory probe(const Host& host) {
  Reader reader(host);
  Inventory inventory;
  // The order matters: each may look at what stands before it.
  read_memory(reader, inventory);
  read_topology(reader, inventory);
  read_nodes(reader, inventory);
  read_caches(reader, inventory.topology);
  read_cpu_power(reader, inventory.topology);
  read_cpu_kinds(reader, inventory.topology);
  if (in_doubt(inventory.topology)) ask_hwloc(host, inventory.topology);
  read_pci(reader, inventory);
  read_interrupts(reader, inventory);
  read_nics(reader, inventory);
  read_block(reader, inventory);
  read_nvme(reader, inventory);
  read_mounts(reader, inventory);
  read_kernel(reader, inventory);
  read_limits(reader, inventory);
  const std::set<std::string> running = running_programs(reader);
  read_time(reader, running, inventory);
  read_environment(reader, running, inventory);
  inventory.unreadable = reader.take_unreadable();
  return inventory;
}

}  // namespace assay::probes
