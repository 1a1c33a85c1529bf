// Who will set a value anew, after our files had their turn.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/units.hpp"
#include "tuner/persist.hpp"
#include "tuner/persist_files.hpp"
#include "tuner/readers.hpp"
#include "tuner/text.hpp"
#include "tuner/tuned_names.hpp"
#include "tuner/unit_drop_in.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

using probes::Provenance;

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// The same value, whatever its spelling.
bool same_value(const Setting& setting, std::string_view a, std::string_view b) {
  const std::string left = with_unit(setting.kind, setting.unit, trimmed(a));
  const std::string right = with_unit(setting.kind, setting.unit, trimmed(b));
  return left == right || agrees(setting.kind, profiles::Match::equal, left, right).value_or(false);
}

// What one rule says about one item and one line of somebody else's file: why that line wins, or
// nothing. `value` is what the line sets, in the item's terms.
struct Verdict {
  std::string value;
  std::string reason;
};
using Rule = std::optional<Verdict> (*)(const HostView&, const PersistItem&, const Provenance&);

std::string path_of_item(const PersistItem& item) {
  return item.path.empty() ? path_of(*item.setting, item.target) : item.path;
}

// sysctl.d(5): by name, whatever the folder; procps and Debian's 99-sysctl.conf read the old
// single file last. The boot line's sysctls are set before any of them.
std::optional<Verdict> by_sysctl(const HostView&, const PersistItem& item, const Provenance& line) {
  const std::string key = sysctl_key(path_of_item(item));
  if (line.by != "sysctl" || line.overridden || key.empty() || line.key != key) return std::nullopt;
  if (item.setting->lasting == Lasting::boot_line) {
    return Verdict{line.value, "sysctl.d is applied after the boot line"};
  }
  if (item.setting->lasting != Lasting::sysctl) return std::nullopt;
  if (line.file == "/etc/sysctl.conf") {
    return Verdict{line.value, "sysctl.conf is applied after sysctl.d"};
  }
  if (base_name(line.file) <= "99-assay.conf") return std::nullopt;
  return Verdict{line.value, "its name sorts after 99-assay.conf"};
}

std::optional<Verdict> by_tmpfiles(const HostView&, const PersistItem& item,
                                   const Provenance& line) {
  if (line.by != "tmpfiles" || line.overridden || line.key != path_of_item(item)) {
    return std::nullopt;
  }
  return Verdict{line.value, "systemd-tmpfiles writes it at boot and at each run"};
}

// "queue/scheduler" of ATTR{queue/scheduler}.
std::string_view attribute_of(std::string_view key) {
  static constexpr std::string_view kOpen = "ATTR{";
  if (!key.starts_with(kOpen) || !key.ends_with('}')) return {};
  key.remove_prefix(kOpen.size());
  key.remove_suffix(1);
  return key;
}

std::optional<Verdict> by_udev(const HostView&, const PersistItem& item, const Provenance& line) {
  const std::string_view attribute = attribute_of(line.key);
  if (line.by != "udev" || line.overridden || attribute.empty()) return std::nullopt;
  if (!path_of_item(item).ends_with(fmt::format("/{}", attribute))) return std::nullopt;
  const bool later = base_name(line.file) > "99-assay.rules";
  if (item.setting->lasting == Lasting::udev && !needs_unit(item) && !later) return std::nullopt;
  return Verdict{line.value, later ? "its name sorts after 99-assay.rules"
                                   : "rules run whenever a device comes, also after the start-up "
                                     "unit"};
}

// The words that the item is on the boot line; none for items of other kinds.
std::vector<BootToken> boot_tokens_of(const HostView& view, const PersistItem& item) {
  const PersistItem one[] = {item};
  auto words =
      item.setting->lasting == Lasting::modprobe ? module_words(one) : boot_words(view, one);
  return words ? boot_tokens(*words) : std::vector<BootToken>{};
}

// TuneD sets its profile whenever it starts, and again for new devices.
std::optional<Verdict> by_tuned(const HostView& view, const PersistItem& item,
                                const Provenance& line) {
  if (line.by != "tuned") return std::nullopt;
  if (item.setting->lasting == Lasting::boot_line) {
    if (!line.key.starts_with("bootloader.cmdline")) return std::nullopt;
    // A profile that adds to what it includes begins with '+'.
    const bool adds = line.value.starts_with('+');
    for (const BootToken& token : boot_tokens_of(view, item)) {
      auto word = boot_word(std::string_view(line.value).substr(adds ? 1 : 0), token.name);
      if (word) return Verdict{*word, "TuneD writes its own words on the boot line"};
    }
    return std::nullopt;
  }
  if (line.key != tuned_key(*item.setting)) return std::nullopt;
  return Verdict{line.value, "TuneD sets it whenever it starts"};
}

// The last option of a module counts; files by name.
std::optional<Verdict> by_modprobe(const HostView&, const PersistItem& item,
                                   const Provenance& line) {
  if (line.by != "modprobe" || line.overridden || item.setting->lasting != Lasting::modprobe) {
    return std::nullopt;
  }
  if (base_name(line.file) <= "99-assay.conf") return std::nullopt;
  const PersistItem one[] = {item};
  auto words = module_words(one);
  if (!words || words->substr(0, words->find('=')) != line.key) return std::nullopt;
  return Verdict{line.value, "its name sorts after 99-assay.conf"};
}

// "@desk.-.memlock": who, which of the two limits, which one. A name beats "*", a later file an
// earlier one; a hard limit alone bounds ours only when it is lower, which the value shows.
std::optional<Verdict> by_limits(const HostView&, const PersistItem& item, const Provenance& line) {
  if (line.by != "limits" || item.setting->lasting != Lasting::limits) return std::nullopt;
  const std::size_t last = line.key.rfind('.');
  const std::string_view name = item.setting->id.substr(item.setting->id.find('.') + 1);
  if (last == std::string::npos || line.key.substr(last + 1) != name) return std::nullopt;
  const std::string_view domain = std::string_view(line.key).substr(0, line.key.find('.'));
  const bool later =
      line.file != "/etc/security/limits.conf" && base_name(line.file) > "99-assay.conf";
  const bool wildcard = domain == "*" || domain == "root";
  if (wildcard && !later) return std::nullopt;
  std::string value = line.value;
  if (name == "memlock") {
    if (auto kib = parse_uint(value)) value = fmt::format("{}", *kib * 1024);
  }
  return Verdict{std::move(value),
                 wildcard ? "its name sorts after 99-assay.conf"
                          : fmt::format("a line for {} beats one for everybody", domain)};
}

// "DefaultLimitMEMLOCK" of the manager, in a file that is read after ours.
std::optional<Verdict> by_manager(const HostView&, const PersistItem& item,
                                  const Provenance& line) {
  static constexpr std::string_view kName = "DefaultLimit";
  if (line.by != "systemd" || item.setting->lasting != Lasting::limits) return std::nullopt;
  if (!line.key.starts_with(kName) || base_name(line.file) <= "99-assay.conf" ||
      line.file == "/etc/systemd/system.conf") {
    return std::nullopt;
  }
  std::string name = line.key.substr(kName.size());
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (item.setting->id != "limits." + name) return std::nullopt;
  return Verdict{line.value == "infinity" ? "unlimited" : line.value,
                 "its name sorts after 99-assay.conf"};
}

// Words of other files of GRUB: a later one wins, and two lists of isolated CPUs that differ are
// both refused by the kernel.
std::optional<Verdict> by_boot_line(const HostView& view, const PersistItem& item,
                                    const Provenance& line) {
  if (line.by != "boot" || is_persisted_file(line.file)) return std::nullopt;
  for (const BootToken& token : boot_tokens_of(view, item)) {
    auto theirs = boot_word(line.value, token.name);
    if (!theirs || *theirs == token.value || token.name == "hugepagesz") continue;
    if (base_name(line.file) > "99-assay.cfg" && line.file.ends_with(".cfg")) {
      return Verdict{*theirs, "its name sorts after 99-assay.cfg"};
    }
    if (token.name == "isolcpus" || token.name == "nohz_full") {
      return Verdict{*theirs, "the kernel takes no second list that differs: take that word away"};
    }
  }
  return std::nullopt;
}

constexpr std::array<Rule, 8> kRules{by_sysctl,   by_tmpfiles, by_udev,    by_tuned,
                                     by_modprobe, by_limits,   by_manager, by_boot_line};

// irqbalance moves interrupts every ten seconds, unless it is to be stopped as well.
std::optional<Override> by_irqbalance(const HostView& view, std::span<const PersistItem> items,
                                      const PersistItem& item) {
  static constexpr std::string_view kUnit =
      "/etc/systemd/system/multi-user.target.wants/irqbalance.service";
  if (item.setting->id != "irq.affinity") return std::nullopt;
  for (const PersistItem& other : items) {
    if (other.setting->id == "irq.irqbalance" && other.value == "stopped") return std::nullopt;
  }
  const bool enabled = is_started_at_boot(view.host, "irqbalance.service", "multi-user.target");
  if (!enabled && !view.inventory.interrupts.irqbalance_running) return std::nullopt;
  return Override{.by = "irqbalance",
                  .file = enabled ? std::string(kUnit) : std::string("(running)"),
                  .value = "CPUs of its own choice",
                  .setting = std::string(item.setting->id),
                  .target = item.target.name,
                  .reason =
                      "irqbalance moves interrupts every ten seconds; want irq.irqbalance "
                      "stopped, or ban the CPUs"};
}

}  // namespace

std::vector<Override> overrides(const HostView& view, std::span<const PersistItem> items) {
  std::vector<Override> found;
  for (const PersistItem& item : items) {
    for (const Provenance& line : view.inventory.environment.provenance) {
      if (is_persisted_file(line.file)) continue;
      for (const Rule rule : kRules) {
        auto verdict = rule(view, item, line);
        if (!verdict || same_value(*item.setting, verdict->value, item.value)) continue;
        found.push_back({line.by, line.file, line.line, std::move(verdict->value),
                         std::string(item.setting->id), item.target.name,
                         std::move(verdict->reason)});
        break;
      }
    }
    if (auto balancer = by_irqbalance(view, items, item)) found.push_back(*std::move(balancer));
  }
  return found;
}

std::string to_string(const Override& one) {
  const std::string place = one.line == 0 ? one.file : fmt::format("{}:{}", one.file, one.line);
  const std::string target = one.target == "host" ? "" : " of " + one.target;
  return fmt::format("{} sets {}{} to {} ({})", place, one.setting, target, one.value, one.reason);
}

}  // namespace assay::tuner
