// What a host's configuration files ask for: the values that the next boot or login will set.
//
// A running value that no file repeats is lost at the next boot; one that a file contradicts comes
// back. Read once for a check and then shared by its rows. Files that are absent or unreadable ask
// for nothing. Plain values: thread-safe to read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/host.hpp"

namespace assay::tuner {

// A value and the file that it was found in.
struct PersistedValue {
  std::string value;
  std::string file;  // "/etc/sysctl.d/90-latency.conf"
};

// An attribute that a udev rule of the administrator writes: ATTR{queue/scheduler}="none".
struct UdevAssignment {
  std::string attribute;  // "queue/scheduler"
  std::string value;
  std::string file;
};

using PersistedMap = std::map<std::string, PersistedValue, std::less<>>;

struct Persisted {
  // "vm.swappiness" → the last assignment in the order of sysctl.d(5).
  PersistedMap sysctl;
  // The next boot's kernel command line, from /etc/default/grub and its drop-ins, else
  // /etc/kernel/cmdline.
  std::optional<PersistedValue> boot_line;
  // "memlock" → soft limit of new sessions (limits.conf(5)); bytes for memlock, else the number.
  PersistedMap limits;
  // "nvme.poll_queues" → option of a module (modprobe.d(5)).
  PersistedMap modules;
  // What the active TuneD profile sets: "sysctl.vm.swappiness", "cpu.governor", "disk.elevator".
  PersistedMap tuned;
  std::vector<UdevAssignment> udev;
};

// Never fails: what cannot be read asks for nothing. A few dozen small files.
Persisted read_persisted(const Host& host);

// --- the parsers, pure, for tests and fuzzing ---

// "key = value" lines of sysctl.d(5) into `into`; '/' in keys becomes '.', a leading '-' is
// dropped.
void parse_sysctl(std::string_view text, std::string_view file, PersistedMap& into);
// The kernel command line that a set of GRUB shell fragments ends up with; quotes and references
// to the variables themselves ("$GRUB_CMDLINE_LINUX ...") are understood. Empty: they set none.
std::string grub_command_line(const std::vector<std::string>& fragments);
// limits.conf(5) lines; the domain "*" and other domains alike, later lines win.
void parse_limits(std::string_view text, std::string_view file, PersistedMap& into);
// "options MODULE key=value ..." lines of modprobe.d(5).
void parse_modprobe(std::string_view text, std::string_view file, PersistedMap& into);
// Assignments (not matches) of ATTR{...} in udev(7) rules.
void parse_udev(std::string_view text, std::string_view file, std::vector<UdevAssignment>& into);
// "[section]" and "key=value" of TuneD profiles and systemd files: "section.key" → value.
void parse_ini(std::string_view text, std::string_view file, PersistedMap& into);

// The value of one word of a kernel command line: "isolcpus" → "managed_irq,2-3". The last one
// counts, as in the kernel; quoted values and '-' for '_' in names are understood. A word without
// '=' has the value "". Absent: not on the line (what follows "--" is not the kernel's).
std::optional<std::string> boot_word(std::string_view command_line, std::string_view name);

}  // namespace assay::tuner
