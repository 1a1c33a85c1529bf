// How each kind of text is made private: boot lines, mount tables, configuration files, names.
//
// Internal to core. Every function returns a text that the probes read as they read the original,
// but for what was replaced. Safe on any input.
#pragma once

#include <string>
#include <string_view>

#include "core/privacy.hpp"

namespace assay::privacy {

// One name that somebody chose (a directory, a volume): kept when it is a device's, a number or a
// name that every system has ("home", "var", "docker"); else "p-" and eight digits.
std::string chosen_name(std::string_view name, Pseudonyms& pseudonyms);
// A path of such names. What stands below "home" and "media" is always replaced.
std::string chosen_path(std::string_view path, Pseudonyms& pseudonyms);

// The kernel's boot line: words that are known to name nobody stay, the value of any other is
// replaced; what follows "--", the arguments of init, is left out.
std::string boot_line(std::string_view text, Pseudonyms& pseudonyms);
// GRUB's shell variables: only the lines that make the boot line, each as boot_line().
std::string grub(std::string_view text, Pseudonyms& pseudonyms);

// /proc/self/mountinfo and /proc/mounts: points, sources and roots as chosen_path(); options that
// hold a value are left out, except those of control groups, which tell the hierarchies apart.
std::string mountinfo(std::string_view text, Pseudonyms& pseudonyms);
std::string mounts(std::string_view text, Pseudonyms& pseudonyms);
std::string swaps(std::string_view text, Pseudonyms& pseudonyms);

// A configuration file below /etc or /usr: without its comments; values of keys that speak of
// serial numbers, names or addresses are replaced.
std::string config(std::string_view text, Pseudonyms& pseudonyms);
// limits.conf: without comments; users and groups replaced.
std::string limits(std::string_view text, Pseudonyms& pseudonyms);

// "Linux version 6.1.0 (builder@host) ...": without who built it where.
std::string kernel_banner(std::string_view text, Pseudonyms& pseudonyms);
// /proc/cpuinfo: boards of Arm put their serial number there.
std::string cpuinfo(std::string_view text, Pseudonyms& pseudonyms);

// A file that holds one serial number or unique name, and nothing else; and the SCSI page of one,
// which has four bytes before it.
std::string serial_file(std::string_view text, Pseudonyms& pseudonyms);
std::string serial_page(std::string_view text, Pseudonyms& pseudonyms);
// The number in such a file, without what stands around it.
std::string_view serial_in(std::string_view text);
std::string host_name_file(std::string_view text, Pseudonyms& pseudonyms);
std::string chosen_name_file(std::string_view text, Pseudonyms& pseudonyms);
std::string chosen_path_file(std::string_view text, Pseudonyms& pseudonyms);
// "LVM-..." and "CRYPT-LUKS2-...": the kind stays.
std::string mapper_uuid(std::string_view text, Pseudonyms& pseudonyms);
// A PCI function's configuration space: the capability that holds its serial number, which network
// cards make from their address, is zeroed.
std::string pci_config(std::string_view bytes, Pseudonyms& pseudonyms);
// Versions look like addresses: as they are.
std::string as_it_is(std::string_view text, Pseudonyms& pseudonyms);
// Everything else: Pseudonyms::scrub().
std::string scrubbed(std::string_view text, Pseudonyms& pseudonyms);

}  // namespace assay::privacy
