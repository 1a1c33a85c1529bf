// Sections of the inventory's page and the words that they share. Internal to probes; pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "probes/inventory.hpp"
#include "probes/storage.hpp"
#include "probes/text_page.hpp"

namespace assay::probes {

// A setting's value → the CPUs that have it.
using Groups = std::map<std::string, CpuSet>;
// "performance", or "performance on CPUs 0-3; powersave on CPUs 4-7". Empty: "".
std::string describe(const Groups& groups);
// The words that are not empty, with the separator between them.
std::string join_words(const std::vector<std::string>& words, std::string_view separator);
// "64 x 2MiB (60 free), 4 x 1GiB (0 free)"; "none" where every size has none.
std::string huge_page_words(const std::vector<HugePages>& sizes);

// "8 GT/s x4 (!)": the mark says that both ends could do more.
std::string speed_words(const std::optional<PcieLink>& link);
std::string node_word(const std::optional<NodeId>& node);

// One function an area; an area without facts leaves no heading behind.
// table_topology.cpp
void topology_section(const Topology& topology, TextPage& page);
void memory_section(const Memory& memory, TextPage& page);
// table_interrupts.cpp: the busiest interrupts and their CPUs, and a line a device.
void interrupt_section(const Interrupts& interrupts, TextPage& page);
// table_net.cpp
void network_section(const Inventory& inventory, TextPage& page);
void rdma_section(const Inventory& inventory, TextPage& page);
// table_storage.cpp
void block_section(const Inventory& inventory, TextPage& page);
void nvme_section(const Inventory& inventory, TextPage& page);
void storage_section(const std::vector<StoragePath>& paths, TextPage& page);
// table_system.cpp
void pci_section(const std::vector<PciDevice>& devices, TextPage& page);
void mount_section(const std::vector<Mount>& mounts, TextPage& page);
void kernel_section(const Kernel& kernel, TextPage& page);
void time_section(const TimeSync& time, TextPage& page);
void limits_section(const Limits& limits, TextPage& page);
void environment_section(const Environment& environment, TextPage& page);

}  // namespace assay::probes
