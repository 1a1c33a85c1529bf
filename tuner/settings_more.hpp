// Further parts of areas whose first file is full: what a host is asked beside its switches
// (health, rates, steering). Each part stands right after its area's own; see areas.hpp.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "tuner/setting.hpp"

namespace assay::tuner {

// What several parts say.
inline constexpr std::string_view kNoNic = "no network interface with a device";
inline constexpr std::array<std::string_view, 1> kMaxWord{"max"};
inline constexpr std::string_view kKernelParameters =
    "Documentation/admin-guide/kernel-parameters.txt";

std::span<const Setting> cpu_firmware_settings();      // what only the firmware changes
std::span<const Setting> irq_rate_settings();          // interrupts that come, over a window
std::span<const Setting> net_steering_settings();      // which queue and CPU a packet goes to
std::span<const Setting> block_health_settings();      // how worn a drive is
std::span<const Setting> boot_page_settings();         // page size, kernel threads
std::span<const Setting> scheduler_thread_settings();  // the kernel's own threads
std::span<const Setting> time_offset_settings();       // how right the clock is

}  // namespace assay::tuner
