// Which configuration files count, and in which order.
#include "tuner/persisted.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <span>

#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

// The files of a "*.d" family by name: the same name in an earlier directory hides the later ones
// (sysctl.d(5), modprobe.d(5)), and names, not directories, give the order.
std::vector<std::string> drop_ins(const Host& host, std::span<const std::string_view> directories,
                                  std::string_view suffix) {
  std::map<std::string, std::string> by_name;
  for (std::string_view directory : directories) {
    auto names = host.list(directory);
    if (!names) continue;
    for (const std::string& name : *names) {
      if (name.ends_with(suffix)) by_name.try_emplace(name, fmt::format("{}/{}", directory, name));
    }
  }
  std::vector<std::string> files;
  for (auto& [name, path] : by_name) files.push_back(path);
  return files;
}

// sysctl.d(5). The old single file comes last, as procps and Debian's 99-sysctl.conf link do it.
void read_sysctl_files(const Host& host, PersistedMap& into) {
  static constexpr std::array<std::string_view, 5> kDirectories{
      "/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d",
      "/lib/sysctl.d"};
  std::vector<std::string> files = drop_ins(host, kDirectories, ".conf");
  files.emplace_back("/etc/sysctl.conf");
  for (const std::string& file : files) {
    if (auto text = host.read(file)) parse_sysctl(*text, file, into);
  }
}

// Both forms are inputs of a boot loader's configuration, not that configuration: what update-grub
// would write at its next run.
std::optional<PersistedValue> read_boot_line(const Host& host) {
  static constexpr std::array<std::string_view, 1> kDirectories{"/etc/default/grub.d"};
  std::vector<std::string> files{"/etc/default/grub"};
  std::ranges::copy(drop_ins(host, kDirectories, ".cfg"), std::back_inserter(files));
  std::vector<std::string> fragments;
  std::string last;
  for (const std::string& file : files) {
    if (auto text = host.read(file)) {
      if (text->find("GRUB_CMDLINE_LINUX") != std::string::npos) last = file;
      fragments.push_back(*std::move(text));
    }
  }
  if (!last.empty()) return PersistedValue{grub_command_line(fragments), last};
  static constexpr std::string_view kSystemdBoot = "/etc/kernel/cmdline";
  if (auto text = host.read_trimmed(kSystemdBoot)) {
    return PersistedValue{*text, std::string(kSystemdBoot)};
  }
  return std::nullopt;
}

// pam_limits reads the main file first, then the drop-ins by name.
void read_limit_files(const Host& host, PersistedMap& into) {
  static constexpr std::array<std::string_view, 1> kDirectories{"/etc/security/limits.d"};
  std::vector<std::string> files{"/etc/security/limits.conf"};
  std::ranges::copy(drop_ins(host, kDirectories, ".conf"), std::back_inserter(files));
  for (const std::string& file : files) {
    if (auto text = host.read(file)) parse_limits(*text, file, into);
  }
}

// modprobe.d(5).
void read_module_files(const Host& host, PersistedMap& into) {
  static constexpr std::array<std::string_view, 4> kDirectories{
      "/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"};
  for (const std::string& file : drop_ins(host, kDirectories, ".conf")) {
    if (auto text = host.read(file)) parse_modprobe(*text, file, into);
  }
}

// A TuneD profile includes others, whose values it overrides.
void read_tuned_profile(const Host& host, std::string_view name, unsigned depth,
                        PersistedMap& into) {
  static constexpr unsigned kMaxDepth = 8;  // a cycle must end
  if (depth > kMaxDepth || name.empty() || name.find('/') != std::string_view::npos) return;
  for (std::string_view directory :
       {"/etc/tuned", "/etc/tuned/profiles", "/usr/lib/tuned", "/usr/lib/tuned/profiles"}) {
    // /etc comes first: an administrator's profile hides the distribution's of the same name.
    const std::string file = fmt::format("{}/{}/tuned.conf", directory, name);
    auto text = host.read(file);
    if (!text) continue;
    PersistedMap own;
    parse_ini(*text, file, own);
    if (auto include = own.find("main.include"); include != own.end()) {
      for (std::string_view parent : split(include->second.value, ',')) {
        read_tuned_profile(host, trimmed(parent), depth + 1, into);
      }
    }
    for (auto& [key, value] : own) into[key] = value;
    return;
  }
}

// Without an active profile TuneD does nothing; several names are merged in their order.
void read_tuned(const Host& host, PersistedMap& into) {
  auto active = host.read_trimmed("/etc/tuned/active_profile");
  if (!active) return;
  for (std::string_view name : words_of(*active)) read_tuned_profile(host, name, 0, into);
}

}  // namespace

Persisted read_persisted(const Host& host) {
  Persisted persisted;
  read_sysctl_files(host, persisted.sysctl);
  persisted.boot_line = read_boot_line(host);
  read_limit_files(host, persisted.limits);
  read_module_files(host, persisted.modules);
  read_tuned(host, persisted.tuned);
  // Only the administrator's rules: the distribution's name no latency settings, and are hundreds.
  static constexpr std::array<std::string_view, 1> kUdev{"/etc/udev/rules.d"};
  for (const std::string& file : drop_ins(host, kUdev, ".rules")) {
    if (auto text = host.read(file)) parse_udev(*text, file, persisted.udev);
  }
  return persisted;
}

}  // namespace assay::tuner
