// Sections of the inventory's page and the words that they share. Internal to probes; pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "probes/inventory.hpp"
#include "probes/text_page.hpp"

namespace assay::probes {

// A setting's value → the CPUs that have it.
using Groups = std::map<std::string, CpuSet>;
// "performance", or "performance on CPUs 0-3; powersave on CPUs 4-7". Empty: "".
std::string describe(const Groups& groups);
// The words that are not empty, with the separator between them.
std::string join_words(const std::vector<std::string>& words, std::string_view separator);
// "64 x 2MiB (60 free), 0 x 1GiB (0 free)".
std::string huge_page_words(const std::vector<HugePages>& sizes);

// table_devices.cpp: the busiest interrupts and their CPUs; NICs, drives, mounts.
void interrupt_section(const Interrupts& interrupts, TextPage& page);
void device_sections(const Inventory& inventory, TextPage& page);
// table_system.cpp: kernel, time, limits, environment.
void system_sections(const Inventory& inventory, TextPage& page);

}  // namespace assay::probes
