// One row of the settings table: how to read, want, change, keep and undo one kernel setting.
//
// The rows are constant data plus small functions over a HostView. The check, `assay explain`,
// docs/settings.md and the vocabulary of profiles all come from these rows. Stateless and
// thread-safe; rows live for the whole program.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/host.hpp"
#include "probes/inventory.hpp"
#include "profiles/profile.hpp"
#include "profiles/selectors.hpp"
#include "tuner/change.hpp"
#include "tuner/persisted.hpp"

namespace assay::tuner {

// The worst that a change does to running work.
enum class Disruption : std::uint8_t { none, stall, link_reset, driver_reload, reboot };
enum class Privilege : std::uint8_t { none, root };
enum class Risk : std::uint8_t { low, medium, high };
// How a value lasts over a reboot.
enum class Lasting : std::uint8_t {
  boot_line,     // a drop-in of the boot loader
  sysctl,        // a file in /etc/sysctl.d
  startup_unit,  // a systemd unit that runs once at boot
  udev,          // a udev rule, since the device may come and go
  modprobe,      // an option in /etc/modprobe.d
  limits,        // /etc/security/limits.d and a systemd drop-in
  drop_in,       // a drop-in of a unit, which the change itself is
  recorded       // nothing is changed: the value is only recorded
};

// Stable words: "link-reset", "startup-unit", ...
std::string_view to_string(Disruption disruption);
std::string_view to_string(Privilege privilege);
std::string_view to_string(Risk risk);
std::string_view to_string(Lasting lasting);

// What kind of thing a setting is set on.
enum class TargetKind : std::uint8_t { host, cpu, node, package, irq, nic, drive };
std::string_view to_string(TargetKind kind);  // "host", "each cpu", ...

// What one setting is set on: stable over reboots (PCI address, never "sda" or an IRQ number).
struct Target {
  std::string name;        // "host", "cpu3", "node0", "pci-0000:00:02.0", "msix1@pci-0000:00:02.0"
  std::string local;       // this boot's name, as paths have it: "3", "vda", "eth0", "36"
  std::string label = {};  // what people call it, where that is neither: "virtio1-req.0"
};

// What the host says. `effective` differs from `configured` where asking is not getting.
struct Reading {
  std::string configured = {};
  std::optional<std::string> effective = {};  // absent: no separate effect to read
  bool kernel_managed = false;                // the kernel alone decides
  std::string note = {};                      // why effective differs, if known

  // How the two are judged. By default both must be as wanted.
  bool effect_decides = false;  // only `effective` counts; `configured` is for the reader
  bool effective_within =
      false;  // the kernel picks from the asked: inside what is wanted is enough

  // What will hold after the next boot (or login), and the file that says so.
  std::optional<std::string> later = {};
  std::string later_source = {};
  bool later_at_boot = true;    // false: a reboot is not what brings it (a login, or more memory)
  bool later_at_login = false;  // a new session is what brings it
};

// How configured and wanted are compared; see tuner/values.hpp.
enum class ValueKind : std::uint8_t { word, number, bytes, duration, cpu_list, flag, frequency };
std::string_view to_string(ValueKind kind);  // "word", "CPU list", ...

// What a profile wants, made concrete for this host.
struct Wanted {
  const profiles::WantedSetting* from = nullptr;
  std::string value;  // selectors resolved to CPU lists, words such as hardware-max to numbers
  profiles::Match match = profiles::Match::equal;
};

// Everything that a row may look at. All references outlive the call.
struct HostView {
  const Host& host;
  const probes::Inventory& inventory;
  const Persisted& persisted;    // what the configuration files ask for
  const profiles::Roles& roles;  // empty when there is no profile
};

struct Setting {
  std::string_view id = {};  // "cpu.governor"; stable, used in profiles, JSON and waivers
  ValueKind kind = ValueKind::word;
  std::string_view unit = {};  // of the kernel's bare number: "us", "KiB", "s"; "" when it has none
  TargetKind set_on = TargetKind::host;
  std::string_view where = {};  // the kernel's own name; "{}" stands for the target's local name
  Disruption disruption = Disruption::none;
  Risk risk = Risk::low;
  Privilege privilege = Privilege::root;
  Lasting lasting = Lasting::startup_unit;
  std::string_view reason = {};  // one sentence, in the user's words
  std::string_view source = {};  // kernel document or man page that defines it
  std::string_view low_latency =
      {};  // what a low-latency profile wants: "never", "at_least 10s", "keep"
  std::string_view throughput =
      {};  // what an NVMe-throughput profile wants; "" when it does not care
  std::span<const std::string_view> after = {};  // ids that must be set first

  // Which things of this host the setting exists on. Empty: not applicable here.
  std::vector<Target> (*targets)(const HostView&) = nullptr;
  // Configured and effective. Errors: absent → not-applicable, denied → denied.
  Expected<Reading> (*read)(const HostView&, const Setting&, const Target&) = nullptr;
  // Why the setting does not exist here, in words, when targets() is empty.
  std::string_view not_applicable = {};
  // Words that a profile may write beside values of the kind: "hardware-max", "max".
  std::span<const std::string_view> words = {};
  // What a wanted word means for this target ("hardware-max" → "3800000"). Null: the word itself.
  Expected<std::string> (*meaning)(const HostView&, const Target&, std::string_view) = nullptr;
  // --- the changing half ---

  // What makes the target as wanted, in order; empty when nothing here can. Null for a row that is
  // only recorded, or that only a boot or a login can bring. Called when the reading differs.
  // Errors: the host's own; unsupported, with words, where this host cannot have the value.
  Expected<std::vector<Change>> (*plan)(const HostView&, const Setting&, const Target&,
                                        const Reading&, const Wanted&) = nullptr;
  // What a plan may write: files with "{}" for the local name and "*" for one name, requests of
  // Host::change(), processes. Empty: the row's `where`. Nothing else is ever written for a row,
  // whatever a journal says.
  std::span<const std::string_view> writes = {};
  // Ids of settings that move this one when they are changed on the same target.
  std::span<const std::string_view> moved_by = {};
};

// Every row, area by area ("cpu.governor" is in area "cpu"). Lives for the whole program.
std::span<const Setting> settings();
const Setting* find_setting(std::string_view id);
// All ids, in the table's order: the vocabulary of profiles.
std::vector<std::string_view> setting_ids();
// The part of an id before the dot.
std::string_view area_of(std::string_view id);
// Every area once, in the table's order.
std::vector<std::string_view> setting_areas();

}  // namespace assay::tuner
