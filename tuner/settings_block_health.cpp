// Settings of drives that nobody sets: health, firmware, and the timer that trims them.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "tuner/areas.hpp"
#include "tuner/readers.hpp"
#include "tuner/settings_more.hpp"

namespace assay::tuner {
namespace {

const probes::NvmeController* controller_of(const HostView& view, const Target& target) {
  const auto found =
      std::ranges::find(view.inventory.nvme, target.local, &probes::NvmeController::name);
  return found == view.inventory.nvme.end() ? nullptr : &*found;
}

// The drive's own answer, which needs root.
Expected<const probes::NvmeHealth*> health_of(const HostView& view, const Setting& setting,
                                              const Target& target) {
  const probes::NvmeController* drive = controller_of(view, target);
  if (drive == nullptr) return not_here(setting, "no such controller");
  if (drive->health) return &*drive->health;
  if (drive->health_error == "Permission denied" ||
      drive->health_error == "Operation not permitted") {
    return fail(ErrorCode::denied, "read the health of", drive->name, drive->health_error,
                "only root may ask the drive");
  }
  return not_here(setting,
                  drive->health_error.empty() ? "the drive was not asked" : drive->health_error);
}

struct WarningBit {
  unsigned bit;
  std::string_view words;
};
// NVM Express Base Specification, SMART / Health Information, Critical Warning.
constexpr std::array kWarnings{WarningBit{1, "spare"},       WarningBit{2, "temperature"},
                               WarningBit{4, "reliability"}, WarningBit{8, "read-only"},
                               WarningBit{16, "backup"},     WarningBit{32, "persistent-memory"}};

Expected<Reading> read_warnings(const HostView& view, const Setting& setting,
                                const Target& target) {
  auto health = health_of(view, setting, target);
  if (!health) return Failure(health.error());
  std::string words;
  for (const WarningBit& one : kWarnings) {
    if (((*health)->critical_warning & one.bit) == 0) continue;
    words += fmt::format("{}{}", words.empty() ? "" : ",", one.words);
  }
  if (words.empty() && (*health)->critical_warning != 0) {
    words = fmt::format("{:#x}", (*health)->critical_warning);
  }
  Reading reading{.configured = words.empty() ? "none" : words};
  if ((*health)->media_errors != 0) {
    reading.note = fmt::format("{} media errors since it was made", (*health)->media_errors);
  }
  return reading;
}

Expected<Reading> read_wear(const HostView& view, const Setting& setting, const Target& target) {
  auto health = health_of(view, setting, target);
  if (!health) return Failure(health.error());
  return Reading{.configured = fmt::format("{}", (*health)->used_percent),
                 .note = "percent of the endurance that its maker promises"};
}

Expected<Reading> read_spare(const HostView& view, const Setting& setting, const Target& target) {
  auto health = health_of(view, setting, target);
  if (!health) return Failure(health.error());
  return Reading{.configured = fmt::format("{}", (*health)->spare_percent),
                 .note = fmt::format("percent; the drive itself warns below {}",
                                     (*health)->spare_threshold_percent)};
}

Expected<Reading> read_temperature(const HostView& view, const Setting& setting,
                                   const Target& target) {
  const probes::NvmeController* drive = controller_of(view, target);
  if (drive == nullptr) return not_here(setting, "no such controller");
  std::optional<double> celsius = drive->temperature_celsius;
  if (!celsius && drive->health) celsius = drive->health->temperature_celsius;
  if (!celsius) return not_here(setting, "the drive tells no temperature");
  Reading reading{.configured = fmt::format("{:.0f}", *celsius), .note = "degrees Celsius"};
  if (drive->warning_celsius) {
    reading.note += fmt::format("; the drive slows down from {} on", *drive->warning_celsius);
  }
  return reading;
}

Expected<Reading> read_drive_firmware(const HostView& view, const Setting& setting,
                                      const Target& target) {
  const probes::BlockDevice* drive = drive_of(view, target);
  if (drive == nullptr || drive->firmware.empty()) {
    return not_here(setting, "the drive tells no firmware");
  }
  return Reading{.configured = drive->firmware};
}

Expected<Reading> read_fstrim(const HostView& view, const Setting& setting, const Target&) {
  const std::optional<bool>& enabled = view.inventory.environment.fstrim_timer;
  if (!enabled) return not_here(setting, "no systemd unit fstrim.timer");
  return Reading{.configured = *enabled ? "enabled" : "disabled"};
}

constexpr std::string_view kSmart = "NVM Express Base Specification (SMART / Health Information)";

constexpr Setting health_row(std::string_view id, ValueKind kind, std::string_view wanted,
                             std::string_view reason, decltype(Setting::read) read) {
  return {.id = id,
          .kind = kind,
          .set_on = TargetKind::drive,
          .where = "nvme smart-log {}",
          .lasting = Lasting::recorded,
          .reason = reason,
          .source = kSmart,
          .low_latency = wanted,
          .throughput = wanted,
          .targets = nvme_controllers,
          .read = read,
          .not_applicable = "no NVMe controller"};
}

constexpr Setting without_privilege(Setting row) {
  row.privilege = Privilege::none;
  return row;
}

const std::array kBlockHealthRows{
    health_row("block.nvme-warnings", ValueKind::word, "none",
               "A drive that warns is about to slow down, to fail, or to refuse writes.",
               read_warnings),
    health_row("block.nvme-wear", ValueKind::number, "at_most 90",
               "A worn drive corrects more errors, and each of them takes time.", read_wear),
    health_row("block.nvme-spare", ValueKind::number, "at_least 20",
               "Without spare blocks a drive stops taking writes.", read_spare),
    without_privilege(health_row("block.nvme-temperature", ValueKind::number, "at_most 70",
                                 "A hot drive slows itself down, and nothing says so.",
                                 read_temperature)),
    Setting{
        .id = "block.firmware",
        .set_on = TargetKind::drive,
        .where = "/sys/block/{}/device/firmware_rev",
        .privilege = Privilege::none,
        .lasting = Lasting::recorded,
        .reason = "Two drives with different firmware are two different drives to a latency test.",
        .source = "Documentation/ABI/stable/sysfs-block",
        .low_latency = "keep",
        .throughput = "keep",
        .targets = physical_drives,
        .read = read_drive_firmware,
        .not_applicable = "no physical drive",
    },
    Setting{
        .id = "block.fstrim-timer",
        .where = "fstrim.timer",
        .lasting = Lasting::recorded,
        .reason = "Trimming a file system holds a drive up for seconds, and the timer runs it at "
                  "an hour of its own choice.",
        .source = "fstrim(8), systemd.timer(5)",
        .low_latency = "disabled",
        .throughput = "keep",
        .targets = the_host,
        .read = read_fstrim,
    },
};

}  // namespace

std::span<const Setting> block_health_settings() { return kBlockHealthRows; }

}  // namespace assay::tuner
