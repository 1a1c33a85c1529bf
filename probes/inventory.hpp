// What this host is: every fact that the settings and techniques need, as plain values.
//
// Three parts with a digest each (see inventory_json.hpp): identity (board, CPU model, firmware,
// serial hashes), configuration (kernel, boot line, settings that persist) and state (counters,
// temperatures, load: never in a configuration digest). A fact that the host does not tell is an
// empty optional or an empty list: absent is not an error. What could not be read for lack of
// privilege is listed in `unreadable`. Values only: copyable, thread-safe to read.
#pragma once

#include <string>
#include <vector>

#include "probes/inventory_cpus.hpp"
#include "probes/inventory_devices.hpp"
#include "probes/inventory_system.hpp"

namespace assay::probes {

struct Inventory {
  std::string host_name;
  Topology topology;
  Memory memory;
  Interrupts interrupts;
  std::vector<PciDevice> pci;
  std::vector<Nic> nics;
  std::vector<BlockDevice> block;
  std::vector<NvmeController> nvme;
  std::vector<RdmaDevice> rdma;
  std::vector<Mount> mounts;
  Kernel kernel;
  TimeSync time;
  Limits limits;
  Environment environment;
  double load_1m = 0;
  std::vector<std::string> unreadable;  // "path: Permission denied"
};

}  // namespace assay::probes
