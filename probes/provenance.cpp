// Files of others that set what the settings table sets: what applies them at boot, or when a
// device appears, will undo a change of ours. Formats: sysctl.d(5), udev(7), modprobe.d(5),
// systemd.exec(5), tuned.conf(5), limits.conf(5), tmpfiles.d(5).
#include <algorithm>
#include <array>

#include "probes/provenance_lines.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// A directory of drop-in files with its less important namesakes. In all of them /etc hides what
// has the same name in /run, and that what the distribution installed.
struct DropIns {
  std::string_view by, below, suffix;
  void (*parse)(std::string_view text, Lines& lines);
};
constexpr auto kDropIns =
    std::to_array<DropIns>({{"sysctl", "sysctl.d", ".conf", parse_sysctl},
                            {"udev", "udev/rules.d", ".rules", parse_udev},
                            {"modprobe", "modprobe.d", ".conf", parse_modprobe},
                            {"tmpfiles", "tmpfiles.d", ".conf", parse_tmpfiles}});
constexpr auto kRoots =
    std::to_array<std::string_view>({"/etc/", "/run/", "/usr/local/lib/", "/usr/lib/", "/lib/"});

// Files that stand alone, and directories of which there is one.
struct Place {
  std::string_view by, path;
  std::string_view suffix;  // "": the path is a file
  void (*parse)(std::string_view text, Lines& lines);
};
constexpr auto kPlaces = std::to_array<Place>({
    {"sysctl", "/etc/sysctl.conf", "", parse_sysctl},
    {"boot", "/etc/default/grub", "", parse_grub},
    {"boot", "/etc/default/grub.d", ".cfg", parse_grub},
    {"boot", "/etc/kernel/cmdline", "", parse_command_line},
    {"irqbalance", "/etc/default/irqbalance", "", parse_irqbalance},
    {"irqbalance", "/etc/sysconfig/irqbalance", "", parse_irqbalance},
    {"limits", "/etc/security/limits.conf", "", parse_limits},
    {"limits", "/etc/security/limits.d", ".conf", parse_limits},
    {"systemd", "/etc/systemd/system.conf", "", parse_systemd},
    {"systemd", "/etc/systemd/system.conf.d", ".conf", parse_systemd},
});

// Larger ones are no configuration that a person wrote; nobody reads more entries than this either.
constexpr std::size_t kFileMax = 1U << 20;
constexpr std::size_t kEntriesMax = 10'000;

void take(std::string_view by, const std::string& file, const Lines& lines, bool overridden,
          Environment& environment) {
  for (const Line& line : lines) {
    if (environment.provenance.size() >= kEntriesMax) return;
    environment.provenance.push_back({std::string(by), printable(file), line.number,
                                      printable(line.key), printable(line.value), overridden});
  }
}

void read_file(Reader& reader, std::string_view by, const std::string& file, bool overridden,
               void (*parse)(std::string_view, Lines&), Environment& environment) {
  const std::string text = reader.table(file);
  if (text.size() > kFileMax) return;
  Lines lines;
  parse(text, lines);
  take(by, file, lines, overridden, environment);
}

void read_drop_ins(Reader& reader, const DropIns& row, Environment& environment) {
  std::set<std::string> directories;  // /lib is a link to /usr/lib on most systems
  std::set<std::string> names;
  for (const std::string_view root : kRoots) {
    const std::string directory = std::string(root) + std::string(row.below);
    const std::string real = reader.resolved(directory);
    if (real.empty() || !directories.insert(real).second) continue;
    for (const std::string& name : reader.names(directory)) {
      if (!name.ends_with(row.suffix)) continue;
      const bool overridden = !names.insert(name).second;
      read_file(reader, row.by, directory + "/" + name, overridden, row.parse, environment);
    }
  }
}

// Units of the administrator's own and drop-ins to any: "/etc/systemd/system/x.service.d/y.conf".
void read_units(Reader& reader, Environment& environment) {
  const std::string base = "/etc/systemd/system";
  for (const std::string& name : reader.names(base)) {
    const std::string path = base + "/" + name;
    if (name.ends_with(".d")) {
      for (const std::string& drop_in : reader.names(path)) {
        if (!drop_in.ends_with(".conf")) continue;
        read_file(reader, "systemd", path + "/" + drop_in, false, parse_systemd, environment);
      }
      continue;
    }
    const bool is_unit = name.ends_with(".service") || name.ends_with(".slice");
    // A link is an alias or switches a unit on: the unit itself is the distribution's.
    const auto status = reader.host().status(path);
    if (!is_unit || !status || status->kind != FileKind::regular) continue;
    read_file(reader, "systemd", path, false, parse_systemd, environment);
  }
}

// A profile of TuneD, its own file first, then those that it includes.
void read_profile(Reader& reader, const std::string& name, std::set<std::string>& seen,
                  Environment& environment) {
  constexpr std::size_t kProfilesMax = 16;
  const bool is_name = !name.empty() && name.find('/') == std::string::npos && name != "..";
  if (!is_name || seen.size() >= kProfilesMax || !seen.insert(name).second) return;
  for (const char* base :
       {"/etc/tuned/", "/etc/tuned/profiles/", "/usr/lib/tuned/", "/usr/lib/tuned/profiles/"}) {
    const std::string file = base + name + "/tuned.conf";
    const std::string text = reader.table(file);
    if (text.empty() || text.size() > kFileMax) continue;
    Lines lines;
    parse_tuned(text, lines);
    std::string includes;
    std::erase_if(lines, [&](const Line& line) {
      if (line.key != "main.include") return false;
      includes = line.value;
      return true;
    });
    take("tuned", file, lines, false, environment);
    for (const std::string& parent : split(includes, ", ")) {
      read_profile(reader, parent, seen, environment);
    }
    return;
  }
}

}  // namespace

void read_provenance(Reader& reader, Environment& environment) {
  for (const DropIns& row : kDropIns) read_drop_ins(reader, row, environment);
  for (const Place& place : kPlaces) {
    const std::string path(place.path);
    if (place.suffix.empty()) {
      if (reader.exists(path)) {
        read_file(reader, place.by, path, false, place.parse, environment);
      }
      continue;
    }
    for (const std::string& name : reader.names(path)) {
      if (!name.ends_with(place.suffix)) continue;
      read_file(reader, place.by, path + "/" + name, false, place.parse, environment);
    }
  }
  read_units(reader, environment);
  environment.tuned_profile = reader.word("/etc/tuned/active_profile");
  std::set<std::string> seen;
  for (const std::string& name : split(environment.tuned_profile, " ")) {
    read_profile(reader, name, seen, environment);
  }
}

}  // namespace assay::probes
