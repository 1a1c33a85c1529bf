#include "tuner/persist_files.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "core/units.hpp"
#include "tuner/readers.hpp"
#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

// Lines by key, sorted: the order of items does not show. Error: two values for one key.
class Lines {
 public:
  Expected<void> add(const PersistItem& item, const std::string& key, std::string value) {
    const auto [found, fresh] = lines_.try_emplace(key, value);
    if (fresh || found->second == value) return {};
    return fail(ErrorCode::invalid, "persist", item.setting->id,
                fmt::format("{} would be both {} and {}", key, found->second, value));
  }
  // `separator` between key and value; each line ends with a newline.
  std::string text(std::string_view separator) const {
    std::string text;
    for (const auto& [key, value] : lines_) text += fmt::format("{}{}{}\n", key, separator, value);
    return text;
  }
  const std::map<std::string, std::string>& all() const { return lines_; }

 private:
  std::map<std::string, std::string> lines_;
};

bool is_lower_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "0000:03:00.0", domains of up to eight digits.
bool is_pci_address(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() != 3 || parts[2].size() != 4 || parts[2][2] != '.') return false;
  const bool domain = parts[0].size() >= 4 && parts[0].size() <= 8 && is_lower_hex(parts[0]);
  return domain && parts[1].size() == 2 && is_lower_hex(parts[1]) &&
         is_lower_hex(parts[2].substr(0, 2)) && parts[2][3] >= '0' && parts[2][3] <= '7';
}

bool is_whole_number(std::string_view text) {
  return !text.empty() && text.size() <= 9 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The keys of a rule that find the target again; empty when udev has no stable name for it.
std::string match_keys(const PersistItem& item) {
  const std::string_view address = pci_address_of(item.target);
  if (address.empty()) return {};
  const std::string_view name = item.target.name;
  const std::size_t slash = name.find('/');
  const std::string_view part = slash == std::string_view::npos ? "" : name.substr(slash + 1);
  const std::string parent = fmt::format("KERNELS==\"{}\"", address);
  if (item.setting->set_on == TargetKind::nic) {
    if (!is_whole_number(part)) return {};
    return fmt::format("SUBSYSTEM==\"net\", {}, ATTR{{dev_port}}==\"{}\"", parent, part);
  }
  const std::string block =
      fmt::format("SUBSYSTEM==\"block\", ENV{{DEVTYPE}}==\"disk\", {}", parent);
  if (part.empty()) return block;
  // Behind a host adapter a drive is known by a hash of its serial number, which no rule can match.
  if (!part.starts_with("ns") || !is_whole_number(part.substr(2))) return {};
  return fmt::format("{}, ATTR{{nsid}}==\"{}\"", block, part.substr(2));
}

// "queue/scheduler" of "/sys/block/nvme0n1/queue/scheduler".
std::string_view attribute_of(const PersistItem& item) {
  std::string_view path = item.path;
  for (std::string_view folder : {"/sys/block/", "/sys/class/net/"}) {
    if (!path.starts_with(folder)) continue;
    path.remove_prefix(folder.size());
    const std::size_t slash = path.find('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return {};
}

bool fits_udev(const PersistItem& item) {
  return item.setting->lasting == Lasting::udev && !match_keys(item).empty() &&
         !attribute_of(item).empty();
}

// Rules are run in their order, so a row comes after those that it is set after; the table has
// them in that order for drives and NICs.
std::size_t place_in_table(const Setting& setting) {
  return static_cast<std::size_t>(&setting - settings().data());
}

// A module's parameter behind a row.
struct ModuleOption {
  std::string_view id, module, parameter;
};
constexpr std::array kModuleOptions{
    ModuleOption{"block.apst", "nvme_core", "default_ps_max_latency_us"},
    ModuleOption{"block.nvme-poll-queues", "nvme", "poll_queues"}};

Expected<Lines> module_options(std::span<const PersistItem> items) {
  Lines lines;
  for (const PersistItem& item : items) {
    if (item.setting->lasting != Lasting::modprobe) continue;
    const auto row = std::ranges::find(kModuleOptions, item.setting->id, &ModuleOption::id);
    if (row == kModuleOptions.end()) {
      return fail(ErrorCode::invalid, "persist", item.setting->id,
                  "the file only tells; set block.nvme-poll-queues instead");
    }
    if (!is_plain(item.value, false)) return not_plain(item, "value", item.value);
    auto added = lines.add(item, fmt::format("{}.{}", row->module, row->parameter), item.value);
    if (!added) return Failure(added.error());
  }
  return lines;
}

struct LimitValue {
  std::string_view name;  // "memlock"
  std::string conf, unit;
};

// One limit in the words of limits.conf (KiB) and of systemd (bytes).
Expected<LimitValue> limit_value(const PersistItem& item, std::uint64_t nr_open) {
  LimitValue limit{item.setting->id.substr(item.setting->id.find('.') + 1), "", ""};
  const bool unlimited = item.value == "unlimited";
  auto number = parse_uint(item.value);
  if (!unlimited && !number) return not_plain(item, "limit", item.value);
  if (limit.name == "nofile" && (unlimited || *number > nr_open)) {
    return fail(ErrorCode::invalid, "persist", item.setting->id,
                fmt::format("{} is above fs.nr_open, which is {}: every login would fail",
                            item.value, nr_open),
                "want less, or raise limits.nr-open first");
  }
  if (limit.name == "rtprio" && (unlimited || *number > 99)) {
    return not_plain(item, "limit (at most 99)", item.value);
  }
  if (unlimited) {
    limit.conf = "unlimited";
    limit.unit = "infinity";
  } else {
    const std::uint64_t kib = *number / 1024 + (*number % 1024 != 0 ? 1 : 0);
    limit.conf = fmt::format("{}", limit.name == "memlock" ? kib : *number);
    limit.unit = fmt::format("{}", *number);
  }
  return limit;
}

}  // namespace

bool is_plain(std::string_view text, bool blanks) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return false;
  return std::ranges::all_of(text, [&](char c) {
    if (c == ' ' || c == '\t') return blanks;
    return c > ' ' && c < '\x7f' &&
           std::string_view("\"'\\$`%#;").find(c) == std::string_view::npos;
  });
}

Failure not_plain(const PersistItem& item, std::string_view what, std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, 64)) shown += c >= ' ' && c < '\x7f' ? c : '?';
  return fail(ErrorCode::invalid, "persist", item.setting->id,
              fmt::format("\"{}\" is no {} that a configuration file can hold", shown, what));
}

std::string_view pci_address_of(const Target& target) {
  std::string_view name = target.name;
  if (!name.starts_with("pci-")) return {};
  name.remove_prefix(4);
  name = name.substr(0, name.find('/'));
  return is_pci_address(name) ? name : std::string_view{};
}

bool needs_unit(const PersistItem& item) {
  if (item.setting->lasting == Lasting::startup_unit) return true;
  return item.setting->lasting == Lasting::udev && !fits_udev(item);
}

Expected<std::string> sysctl_lines(std::span<const PersistItem> items) {
  static constexpr std::string_view kRoot = "/proc/sys/";
  Lines lines;
  for (const PersistItem& item : items) {
    if (item.setting->lasting != Lasting::sysctl) continue;
    const std::string path = item.path.empty() ? std::string(item.setting->where) : item.path;
    if (!path.starts_with(kRoot) || !is_plain(path, false) ||
        path.find("..") != std::string::npos) {
      return not_plain(item, "sysctl", path);
    }
    if (!is_plain(item.value, true)) return not_plain(item, "value", item.value);
    std::string key = path.substr(kRoot.size());
    // Where a name has a dot of its own (a VLAN's), slashes separate: sysctl.d(5).
    if (key.find('.') == std::string::npos) std::ranges::replace(key, '/', '.');
    if (auto added = lines.add(item, key, item.value); !added) return Failure(added.error());
  }
  return lines.text(" = ");
}

Expected<std::string> modprobe_lines(std::span<const PersistItem> items) {
  auto options = module_options(items);
  if (!options) return Failure(options.error());
  std::string text;
  for (const auto& [key, value] : options->all()) {
    const std::size_t dot = key.find('.');
    text += fmt::format("options {} {}={}\n", key.substr(0, dot), key.substr(dot + 1), value);
  }
  return text;
}

Expected<std::string> module_words(std::span<const PersistItem> items) {
  auto options = module_options(items);
  if (!options) return Failure(options.error());
  std::string text;
  for (const auto& [key, value] : options->all()) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
  }
  return text;
}

Expected<std::string> udev_lines(std::span<const PersistItem> items) {
  // Sorted by target, then by the table's order.
  std::map<std::pair<std::string, std::size_t>, std::string> rules;
  for (const PersistItem& item : items) {
    if (!fits_udev(item)) continue;
    const std::string_view attribute = attribute_of(item);
    if (!is_plain(attribute, false) || attribute.find("..") != std::string_view::npos ||
        attribute.find_first_of("{}*?[]|") != std::string_view::npos) {
      return not_plain(item, "attribute", attribute);
    }
    if (!is_plain(item.value, true)) return not_plain(item, "value", item.value);
    const std::string rule = fmt::format("ACTION==\"add\", {}, ATTR{{{}}}=\"{}\"\n",
                                         match_keys(item), attribute, item.value);
    const auto [found, fresh] =
        rules.try_emplace({item.target.name, place_in_table(*item.setting)}, rule);
    if (!fresh && found->second != rule) {
      return fail(ErrorCode::invalid, "persist", item.setting->id,
                  fmt::format("{} is wanted twice, with different values", item.target.name));
    }
  }
  std::string text;
  for (const auto& [key, rule] : rules) text += rule;
  return text;
}

Expected<std::string> limits_lines(std::span<const PersistItem> items, std::uint64_t nr_open) {
  Lines lines;
  for (const PersistItem& item : items) {
    if (item.setting->lasting != Lasting::limits) continue;
    auto limit = limit_value(item, nr_open);
    if (!limit) return Failure(limit.error());
    // "*" does not mean root: pam_limits(8).
    for (std::string_view domain : {"*", "root"}) {
      auto added = lines.add(item, fmt::format("{} - {}", domain, limit->name), limit->conf);
      if (!added) return Failure(added.error());
    }
  }
  return lines.text(" ");
}

Expected<std::string> manager_lines(std::span<const PersistItem> items, std::uint64_t nr_open) {
  Lines lines;
  for (const PersistItem& item : items) {
    if (item.setting->lasting != Lasting::limits) continue;
    auto limit = limit_value(item, nr_open);
    if (!limit) return Failure(limit.error());
    std::string name(limit->name);
    std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c - 32); });
    auto added = lines.add(item, "DefaultLimit" + name, limit->unit);
    if (!added) return Failure(added.error());
  }
  const std::string text = lines.text("=");
  return text.empty() ? text : "[Manager]\n" + text;
}

}  // namespace assay::tuner
