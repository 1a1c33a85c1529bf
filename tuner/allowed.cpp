#include "tuner/allowed.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/queries.hpp"
#include "tuner/persist.hpp"
#include "tuner/setting.hpp"
#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

// Folders and names of the files that are assay's alone. A '*' stands for part of one name.
struct OwnFile {
  std::string_view folder, name;
};
constexpr std::array kOwnFiles = std::to_array<OwnFile>({
    {"/etc/sysctl.d", "*-assay*.conf"},
    {"/etc/modprobe.d", "assay*.conf"},
    {"/etc/udev/rules.d", "*-assay*.rules"},
    {"/etc/security/limits.d", "*-assay*.conf"},
    {"/etc/default/grub.d", "*assay*.cfg"},
    {"/etc/systemd/system", "assay-*"},
    {"/etc/systemd/system/*.d", "*assay*.conf"},
    {"/etc/systemd/system.conf.d", "*assay*.conf"},
    {"/etc/systemd/user.conf.d", "*assay*.conf"},
    {"/etc/assay", "*"},
});

// Whole command lines; a last "assay-*" stands for one name of a unit that is ours.
using Line = std::array<std::string_view, 3>;
constexpr std::array kLines = std::to_array<Line>({
    {"systemctl", "stop", "irqbalance.service"},
    {"systemctl", "start", "irqbalance.service"},
    {"systemctl", "try-restart", "irqbalance.service"},
    {"systemctl", "stop", "fstrim.timer"},
    {"systemctl", "start", "fstrim.timer"},
    {"systemctl", "daemon-reload", ""},
    {"systemctl", "enable", "assay-*"},
    {"systemctl", "disable", "assay-*"},
    {"udevadm", "control", "--reload"},
    {"update-grub", "", ""},
});

// One name of a path or unit: nothing that climbs, ends a string early or hides in a listing.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; });
}

// Name by name, so that a '*' never takes in a slash.
bool matches_path(std::string_view pattern, std::string_view path) {
  const auto wanted = split(pattern, '/');
  const auto given = split(path, '/');
  if (wanted.size() != given.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i == 0 && wanted[i].empty() && given[i].empty()) continue;
    if (!is_plain_name(given[i]) || !matches_glob(wanted[i], given[i])) return false;
  }
  return true;
}

// A row that is only recorded names nothing, whatever it reads.
bool row_names(const Setting& setting, std::string_view path) {
  if (path.empty() || setting.plan == nullptr) return false;
  const bool whole_row = setting.writes.empty() && path == setting.where;
  return whole_row || std::ranges::any_of(setting.writes, [&](std::string_view pattern) {
           return matches_path(pattern, path);
         });
}

bool is_allowed_line(const std::vector<std::string>& argv) {
  return std::ranges::any_of(kLines, [&](const Line& line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string_view given = i < argv.size() ? std::string_view(argv[i]) : "";
      const bool is_unit = line[i].ends_with('*');
      const bool good =
          is_unit ? is_plain_name(given) && matches_glob(line[i], given) : given == line[i];
      if (!good) return false;
    }
    return argv.size() <= line.size();
  });
}

Failure refused(const Change& change, std::string_view cause) {
  return fail(ErrorCode::denied, "change", subject_of(change), cause);
}

// A value is written in one go into a file that takes one line.
bool is_one_line(std::string_view value) {
  return std::ranges::none_of(value, [](char c) { return c == '\n' || c == '\0'; });
}

Expected<void> check_file(const Change& change, const Setting& setting) {
  if (change.kind == ChangeKind::write_file) {
    const bool named = row_names(setting, change.path) &&
                       (change.undo_path.empty() || row_names(setting, change.undo_path)) &&
                       (change.read_path.empty() || change.read_path == change.path + "_requested");
    if (!named) return refused(change, fmt::format("setting {} does not write it", setting.id));
    const bool lines =
        is_one_line(change.before) && is_one_line(change.after) && is_one_line(change.undo_value);
    return lines ? Expected<void>() : refused(change, "a value of more than one line");
  }
  if (is_own_file(change.path) || row_names(setting, change.path)) return {};
  return refused(change, "it is no file of assay's own");
}

Expected<void> check_ethtool(const Change& change, const Setting& setting) {
  if (!row_names(setting, change.path)) {
    return refused(change, fmt::format("setting {} does not ask for it", setting.id));
  }
  if (change.path.starts_with("ethtool.") && !is_interface_name(change.local)) {
    return refused(change, "it is no interface's name");
  }
  for (const std::string& values : {change.before, change.after}) {
    const auto pairs = parse_pairs(values);
    if (!pairs || pairs->empty()) return refused(change, "its values are not key=value");
    if (change.path == "ethtool.requested") continue;
    if (!check_change({change.path, change.local}, *pairs)) {
      return refused(change, "it sets what no driver lets change");
    }
  }
  return {};
}

}  // namespace

bool is_own_file(std::string_view path) {
  if (is_persisted_file(path)) return true;
  return std::ranges::any_of(kOwnFiles, [&](const OwnFile& own) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return false;
    const std::string_view name = path.substr(slash + 1);
    return matches_path(own.folder, path.substr(0, slash)) && is_plain_name(name) &&
           matches_glob(own.name, name);
  });
}

Expected<void> check_allowed(const Change& change) {
  if (change.version != 1) return refused(change, "it was made by a newer assay");
  const Setting* setting = find_setting(change.setting_id);
  if (setting == nullptr) {
    return refused(change, fmt::format("there is no setting \"{}\"", change.setting_id));
  }
  if (!change.local.empty() && !is_plain_name(change.local)) {
    return refused(change, "its target is no plain name");
  }
  const bool has_place = change.path.find("{}") != std::string::npos;
  if (has_place && change.local.empty()) return refused(change, "it has no target");
  switch (change.kind) {
    case ChangeKind::write_file:
    case ChangeKind::replace_file:
    case ChangeKind::remove_file:
      return check_file(change, *setting);
    case ChangeKind::ethtool:
      return check_ethtool(change, *setting);
    case ChangeKind::run:
      if (!change.path.empty() && !row_names(*setting, change.path)) {
        return refused(change, "the setting names no such process");
      }
      if (is_allowed_line(change.argv) && is_allowed_line(change.undo_argv)) return {};
      return refused(change, "the command line is not one of assay's");
  }
  return refused(change, "it is of no kind");
}

}  // namespace assay::tuner
