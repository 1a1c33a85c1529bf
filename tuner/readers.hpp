// What the rows of all areas share: which targets a host has, and how one kernel file, sysctl or
// word of the boot line is read. Every function is pure over its HostView and thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner {

// --- targets ---

std::vector<Target> the_host(const HostView& view);
std::vector<Target> online_cpus(const HostView& view);       // "cpu3" / "3"
std::vector<Target> nodes(const HostView& view);             // "node0" / "0"
std::vector<Target> interrupts(const HostView& view);        // "msix1@pci-0000:00:02.0" / "36"
std::vector<Target> device_nics(const HostView& view);       // those with a device behind them
std::vector<Target> physical_drives(const HostView& view);   // Inventory::block that are drives
std::vector<Target> nvme_controllers(const HostView& view);  // "pci-0000:01:00.0" / "nvme0"

// What a target's local name stands for; null when the inventory has no such thing.
const probes::Cpu* cpu_of(const HostView& view, const Target& target);
const probes::Irq* irq_of(const HostView& view, const Target& target);
const probes::Nic* nic_of(const HostView& view, const Target& target);
const probes::BlockDevice* drive_of(const HostView& view, const Target& target);

// --- readers; each is a Setting::read ---

// The row's file, as one value of the row's kind and unit.
Expected<Reading> read_file(const HostView& view, const Setting& setting, const Target& target);
// The word in brackets: "none [mq-deadline] kyber" → "mq-deadline".
Expected<Reading> read_chosen(const HostView& view, const Setting& setting, const Target& target);
// A CPU mask file, as a list.
Expected<Reading> read_mask(const HostView& view, const Setting& setting, const Target& target);
// A file below /proc/sys. When sysctl.d sets it, `configured` is what that will set at the next
// boot and `effective` the running value, which alone decides.
Expected<Reading> read_sysctl(const HostView& view, const Setting& setting, const Target& target);
// A word of the boot line that has no effect to read back; the row's `where` is "skew_tick=".
Expected<Reading> read_boot_word(const HostView& view, const Setting& setting,
                                 const Target& target);
// PCIe link and NUMA node of a NIC or drive, as "yes" (full speed and width; near) or "no".
Expected<Reading> read_link_full(const HostView& view, const Setting& setting,
                                 const Target& target);
Expected<Reading> read_near(const HostView& view, const Setting& setting, const Target& target);

// --- pieces for readers of their own ---

// What a driver counts queues as: pairs ("combined"), or receive queues alone ("rx").
std::string_view channel_key(const probes::Nic& nic);

// The row's path with the target's local name in place of "{}".
std::string path_of(const Setting& setting, const Target& target);
// "/proc/sys/vm/swappiness" → "vm.swappiness"; "" for a path that is no sysctl.
std::string sysctl_key(std::string_view path);
// The running kernel's command line. Error: absent or denied, when it could not be read.
Expected<std::string> running_boot_line(const HostView& view);

// A word of the boot line as it was asked for, and what the next boot will ask.
struct BootAsk {
  std::optional<std::string> now = {}, next = {};
  std::string next_file = {};
};
Expected<BootAsk> boot_ask(const HostView& view, std::string_view word);
// A Reading whose `configured` and `later` come from the ask; `show` turns a word's value into the
// row's form. Words that are not on the line read as `unset`.
Reading boot_reading(const BootAsk& ask, const std::function<std::string(std::string_view)>& show,
                     std::string_view unset);

std::string yes_no(bool value);
// Error absent, in this folder's words.
Failure not_here(const Setting& setting, std::string_view why);

}  // namespace assay::tuner
