// Lines of configuration files that set what settings rows set. Internal to probes; pure functions
// over hostile text, thread-safe.
//
// Each parser takes a file's whole text and appends the assignments that concern assay: key, value
// and the line that they stand on. Everything else in the file is passed over.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace assay::probes {

struct Line {
  unsigned number = 0;  // from 1
  std::string key, value;
};
using Lines = std::vector<Line>;

// "vm.swappiness = 10", "-net/core/rmem_max=1": sysctls that assay looks at.
void parse_sysctl(std::string_view text, Lines& lines);
// ATTR{queue/scheduler}="none" and other attributes of queues, power and CPUs; lines that end in a
// backslash go on.
void parse_udev(std::string_view text, Lines& lines);
// "options nvme poll_queues=4": one line of the result a parameter, "nvme.poll_queues"; of drivers
// that matter here.
void parse_modprobe(std::string_view text, Lines& lines);
// "w /sys/kernel/mm/transparent_hugepage/enabled - - - - never"
void parse_tmpfiles(std::string_view text, Lines& lines);
// CPU placement, scheduling and limits of units, and the manager's own.
void parse_systemd(std::string_view text, Lines& lines);
// GRUB_CMDLINE_LINUX="...": what the next boot line will hold.
void parse_grub(std::string_view text, Lines& lines);
// A file that is the boot line.
void parse_command_line(std::string_view text, Lines& lines);
void parse_irqbalance(std::string_view text, Lines& lines);
// "@traders - memlock unlimited" → key "@traders.-.memlock".
void parse_limits(std::string_view text, Lines& lines);
// Every assignment, with its section: "sysctl.vm.swappiness", "main.include".
void parse_tuned(std::string_view text, Lines& lines);

}  // namespace assay::probes
