#include <algorithm>
#include <array>

#include "probes/programs.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// A program that changes the same settings, and where it keeps what it wants.
struct Tuner {
  std::string_view name;                  // for people
  std::string_view program;               // as /proc/N/comm has it: at most 15 characters
  std::array<std::string_view, 2> files;  // Debian's place, Red Hat's place
};

constexpr auto kTuners = std::to_array<Tuner>({
    {"irqbalance", "irqbalance", {"/etc/default/irqbalance", "/etc/sysconfig/irqbalance"}},
    {"tuned", "tuned", {"/etc/tuned/active_profile", ""}},
    {"power-profiles-daemon", "power-profiles-", {"/var/lib/power-profiles-daemon/state.ini", ""}},
    {"thermald", "thermald", {"/etc/thermald/thermal-conf.xml", ""}},
    {"tlp", "tlp", {"/etc/tlp.conf", ""}},
    {"auto-cpufreq", "auto-cpufreq", {"/etc/auto-cpufreq.conf", ""}},
    {"cpufrequtils", "", {"/etc/default/cpufrequtils", "/etc/sysconfig/cpupower"}},
    {"numad", "numad", {"/etc/numad.conf", ""}},
    {"ksmtuned", "ksmtuned", {"/etc/ksmtuned.conf", ""}},
    {"saptune", "saptune", {"/etc/sysconfig/saptune", ""}},
});

// Directories whose files the system applies at boot or when a device appears.
struct Directory {
  std::string_view path, suffix;
};
constexpr auto kDirectories = std::to_array<Directory>({{"/etc/sysctl.d", ".conf"},
                                                        {"/run/sysctl.d", ".conf"},
                                                        {"/etc/udev/rules.d", ".rules"},
                                                        {"/etc/modprobe.d", ".conf"},
                                                        {"/etc/tmpfiles.d", ".conf"},
                                                        {"/etc/security/limits.d", ".conf"}});

void add_tuner(Reader& reader, const Tuner& tuner, bool running, Environment& environment) {
  std::string line;
  for (const std::string_view file : tuner.files) {
    const std::string path(file);
    if (path.empty() || !reader.exists(path)) continue;
    line = ", " + path;
    // TuneD's file holds nothing but its profile's name.
    if (path.ends_with("active_profile")) line += " (" + reader.word(path) + ")";
    break;
  }
  if (!running && line.empty()) return;
  environment.tuners.push_back(std::string(tuner.name) + ": " +
                               (running ? "running" : "not running") + line);
}

// Whether the timer that tells drives of free blocks starts at boot.
std::optional<bool> fstrim_enabled(Reader& reader) {
  const std::string wants = "/timers.target.wants/fstrim.timer";
  for (const char* base :
       {"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}) {
    // A link may point outside a capture: that it is there is the answer.
    if (reader.host().status(base + wants)) return true;
  }
  const bool installed = reader.exists("/usr/lib/systemd/system/fstrim.timer") ||
                         reader.exists("/lib/systemd/system/fstrim.timer");
  return installed ? std::optional(false) : std::nullopt;
}

}  // namespace

void read_tuners(Reader& reader, const std::set<std::string>& running, Inventory& inventory) {
  Environment& environment = inventory.environment;
  for (const Tuner& tuner : kTuners) {
    const bool runs = !tuner.program.empty() && running.contains(std::string(tuner.program));
    add_tuner(reader, tuner, runs, environment);
  }
  if (reader.exists("/etc/sysctl.conf")) environment.tuners.emplace_back("file: /etc/sysctl.conf");
  for (const Directory& directory : kDirectories) {
    const std::string path(directory.path);
    for (const std::string& name : reader.names(path)) {
      if (!name.ends_with(directory.suffix)) continue;
      environment.tuners.push_back("file: " + path + "/" + printable(name));
    }
  }
  environment.fstrim_timer = fstrim_enabled(reader);
  read_provenance(reader, environment);
}

bool is_tuner(std::string_view program) {
  return !program.empty() && std::any_of(kTuners.begin(), kTuners.end(),
                                         [&](const Tuner& row) { return row.program == program; });
}

}  // namespace assay::probes
