// How values last over a reboot: whole files of assay's own, written and removed as one set.
//
// Each setting says by its `lasting` which file holds it. The set of files is fixed and known
// (persisted_files()); a file that is not needed any more is removed, one that says what it should
// is left alone, and one at such a path that assay did not write is never touched. One profile is
// persisted at a time: the next one replaces it whole. What only sysfs can hold is set again by a
// start-up unit, which applies the profile's own copy in /etc/assay.
//
// Everything here is pure over the host's reading side, and thread-safe. Formats: sysctl.d(5),
// modprobe.d(5), udev(7), limits.conf(5), systemd-system.conf(5), systemd.unit(5),
// Documentation/admin-guide/kernel-parameters.txt; Debian's /etc/default/grub.d.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tuner/setting.hpp"

namespace assay::tuner {

// One value that shall last.
struct PersistItem {
  const Setting* setting = nullptr;
  Target target;
  // The kernel file of the value ("/sys/block/nvme0n1/queue/scheduler"); of settings without one
  // file (the boot line, ethtool) it does not count.
  std::string path = {};
  // As the kernel takes it: "none", "10", "unlimited"; of a boot line's setting the value of the
  // word ("2-3"), of limits bytes.
  std::string value = {};
};

// The profile that the start-up unit applies.
struct PersistedProfile {
  std::string name;  // a profile's: a-z, 0-9, '.', '_', '-'
  std::string yaml;  // whole: it extends nothing (profiles::profile_yaml())
  std::string program = "/usr/bin/assay";
  // The worst that it may do at boot, when nothing runs yet. What a device event starts later never
  // disturbs anything, whatever stands here.
  Disruption max_disruption = Disruption::link_reset;
};

// The files' changes, and after them the programs that make them known: systemctl daemon-reload,
// udevadm control --reload, update-grub, where the host has them. Empty when all files say it
// already. The order of items does not matter; equal items give equal bytes.
// Errors: invalid for a value or name with a character that its file has no place for, for two
// items that contradict each other, and for a file at one of our paths that is not ours;
// unsupported without a profile, when an item needs the start-up unit. Else the host's own.
Expected<std::vector<Change>> persist_changes(const HostView& view,
                                              std::span<const PersistItem> items,
                                              const PersistedProfile& profile);
Expected<std::vector<Change>> persist_changes(const HostView& view,
                                              std::span<const PersistItem> items);
// Takes all of it away again. Empty when nothing is there.
Expected<std::vector<Change>> unpersist_changes(const HostView& view);

// What a person has to do, since assay does not know how on this host: a boot loader other than
// GRUB, a host without systemd, udev or PAM. In words, each with the line to add. Empty: nothing.
std::vector<std::string> persist_by_hand(const HostView& view, std::span<const PersistItem> items);

// Every path that this folder ever writes. Profiles stand in kProfileFolder under their names.
std::span<const std::string_view> persisted_files();
inline constexpr std::string_view kProfileFolder = "/etc/assay";
// Whether a path is one of these, or a profile's copy.
bool is_persisted_file(std::string_view path);

// Something that will set a value anew, after us.
struct Override {
  std::string by;       // "sysctl", "udev", "tuned", "irqbalance", "boot", ...: Provenance::by
  std::string file;     // "/etc/sysctl.conf"
  unsigned line = 0;    // 0: the file as a whole
  std::string value;    // what it sets
  std::string setting;  // the item that it overrides
  std::string target;   // its target
  std::string reason;   // why it comes after us: "sysctl.conf is applied after sysctl.d"
};
// "/etc/sysctl.conf:3 sets memory.swappiness to 60 (...)".
std::string to_string(const Override& one);

// What will override the items later, in the order of items. Whoever sets the same value is not
// named. A view whose inventory has no environment finds nothing.
std::vector<Override> overrides(const HostView& view, std::span<const PersistItem> items);

}  // namespace assay::tuner
