// The settings table in its parts: one file per area, settings_AREA.cpp.
#pragma once

#include <span>

#include "tuner/setting.hpp"

namespace assay::tuner {

std::span<const Setting> cpu_settings();
std::span<const Setting> memory_settings();
std::span<const Setting> irq_settings();
std::span<const Setting> net_settings();
std::span<const Setting> block_settings();
std::span<const Setting> boot_settings();
std::span<const Setting> scheduler_settings();
std::span<const Setting> time_settings();
std::span<const Setting> limits_settings();
std::span<const Setting> container_settings();

}  // namespace assay::tuner
