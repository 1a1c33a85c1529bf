// The settings table in its parts: one file per area, settings_AREA.cpp, holds its rows and the
// readers that only it needs. settings.cpp puts the parts together, in this order.
//
// A new setting is one row in its area's file, and one line in the test that covers every row.
#pragma once

#include <span>

#include "tuner/setting.hpp"

namespace assay::tuner {

std::span<const Setting> cpu_settings();        // clock frequency, idle states, threads
std::span<const Setting> memory_settings();     // page sizes, reclaim, background work
std::span<const Setting> irq_settings();        // where interrupts go, and who moves them
std::span<const Setting> net_settings();        // NIC queues and socket limits
std::span<const Setting> block_settings();      // drive queues, NVMe power states
std::span<const Setting> boot_settings();       // the boot line, asked and in effect
std::span<const Setting> scheduler_settings();  // what else may run on a CPU
std::span<const Setting> time_settings();       // clock source and synchronisation
std::span<const Setting> limits_settings();     // what programs may ask of the kernel
std::span<const Setting> container_settings();  // what surrounds the host

}  // namespace assay::tuner
