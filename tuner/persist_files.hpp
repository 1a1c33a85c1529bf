// The texts of the files that make values last. Internal to persist.cpp and its tests.
//
// Each function takes items, picks those that its file holds, and gives the file's lines without
// its heading; "" when it would hold none. Pure, thread-safe. Error: invalid, naming the setting.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tuner/persist.hpp"

namespace assay::tuner {

// "vm.swappiness = 10"
Expected<std::string> sysctl_lines(std::span<const PersistItem> items);
// "options nvme poll_queues=4"
Expected<std::string> modprobe_lines(std::span<const PersistItem> items);
// One rule an item, keyed by PCI address: what a device must have from its first moment on.
Expected<std::string> udev_lines(std::span<const PersistItem> items);
// "* - memlock unlimited"; `nr_open` bounds nofile, which would otherwise end every login.
Expected<std::string> limits_lines(std::span<const PersistItem> items, std::uint64_t nr_open);
// "DefaultLimitMEMLOCK=infinity", for services.
Expected<std::string> manager_lines(std::span<const PersistItem> items, std::uint64_t nr_open);
// The words of the boot line, "isolcpus=managed_irq,domain,2-3 ...", in a fixed order.
Expected<std::string> boot_words(const HostView& view, std::span<const PersistItem> items);
// The module options again, as words of the boot line: they reach a driver that is built in or
// loaded by the initramfs, which has a copy of modprobe.d of its own.
Expected<std::string> module_words(std::span<const PersistItem> items);

// Whether the item can only be set by the start-up unit.
bool needs_unit(const PersistItem& item);
// "0000:03:00.0" of "pci-0000:03:00.0/0"; "" when the target is not a PCI device's.
std::string_view pci_address_of(const Target& target);

// Printable ASCII without quotes, backslash, '$', '`', '%' and line breaks: the same text in every
// one of our files. Blanks only with `blanks`.
bool is_plain(std::string_view text, bool blanks);
Failure not_plain(const PersistItem& item, std::string_view what, std::string_view text);

}  // namespace assay::tuner
