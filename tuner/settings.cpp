// The areas' tables as one.
#include <algorithm>
#include <array>

#include "tuner/areas.hpp"
#include "tuner/settings_more.hpp"

namespace assay::tuner {
namespace {

// An explicit list: no row registers itself, so the order is the same in every program.
std::vector<Setting> all_rows() {
  std::vector<Setting> rows;
  for (std::span<const Setting> area :
       {cpu_settings(), cpu_clock_settings(), cpu_firmware_settings(), memory_settings(),
        irq_settings(), irq_rate_settings(), net_settings(), net_steering_settings(),
        block_settings(), block_health_settings(), boot_settings(), boot_page_settings(),
        scheduler_settings(), scheduler_thread_settings(), time_settings(), time_offset_settings(),
        limits_settings(), container_settings()}) {
    rows.insert(rows.end(), area.begin(), area.end());
  }
  return rows;
}

// Enumerations that come from a table of ours are always in range; the check costs nothing.
template <typename Enum, std::size_t N>
std::string_view name_in(const std::array<std::string_view, N>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : "unknown";
}

}  // namespace

std::string_view to_string(Disruption disruption) {
  static constexpr std::array<std::string_view, 5> kNames{"none", "stall", "link-reset",
                                                          "driver-reload", "reboot"};
  return name_in(kNames, disruption);
}

std::string_view to_string(Privilege privilege) {
  static constexpr std::array<std::string_view, 2> kNames{"none", "root"};
  return name_in(kNames, privilege);
}

std::string_view to_string(Risk risk) {
  static constexpr std::array<std::string_view, 3> kNames{"low", "medium", "high"};
  return name_in(kNames, risk);
}

std::string_view to_string(Lasting lasting) {
  static constexpr std::array<std::string_view, 8> kNames{
      "boot line",  "sysctl.d", "start-up unit",   "udev rule",
      "modprobe.d", "limits.d", "systemd drop-in", "only recorded"};
  return name_in(kNames, lasting);
}

std::string_view to_string(TargetKind kind) {
  static constexpr std::array<std::string_view, 7> kNames{
      "host", "each CPU", "each NUMA node", "each package", "each IRQ", "each NIC", "each drive"};
  return name_in(kNames, kind);
}

std::string_view to_string(ValueKind kind) {
  static constexpr std::array<std::string_view, 7> kNames{
      "word", "number", "size", "duration", "CPU list", "flag", "frequency"};
  return name_in(kNames, kind);
}

std::span<const Setting> settings() {
  static const std::vector<Setting> rows = all_rows();
  return rows;
}

const Setting* find_setting(std::string_view id) {
  std::span<const Setting> rows = settings();
  auto found = std::ranges::find(rows, id, &Setting::id);
  return found == rows.end() ? nullptr : &*found;
}

std::vector<std::string_view> setting_ids() {
  std::vector<std::string_view> ids;
  for (const Setting& row : settings()) ids.push_back(row.id);
  return ids;
}

std::string_view area_of(std::string_view id) { return id.substr(0, id.find('.')); }

std::vector<std::string_view> setting_areas() {
  std::vector<std::string_view> areas;
  for (const Setting& row : settings()) {
    if (areas.empty() || areas.back() != area_of(row.id)) areas.push_back(area_of(row.id));
  }
  return areas;
}

}  // namespace assay::tuner
