#include <algorithm>
#include <array>

#include "core/privacy_texts.hpp"

namespace assay::privacy {
namespace {

// Words of the boot line whose values say how the kernel runs and nothing about whose it is
// (Documentation/admin-guide/kernel-parameters.txt). Written with '-'; the kernel takes '_' too.
constexpr auto kKept = std::to_array<std::string_view>({"acpi",
                                                        "acpi-irq-balance",
                                                        "amd-iommu",
                                                        "amd-pstate",
                                                        "apparmor",
                                                        "audit",
                                                        "cgroup-disable",
                                                        "cgroup-enable",
                                                        "cgroup-no-v1",
                                                        "clocksource",
                                                        "console",
                                                        "cpufreq.default-governor",
                                                        "cpuidle.governor",
                                                        "cpuidle.off",
                                                        "crashkernel",
                                                        "default-hugepagesz",
                                                        "deferred-probe-timeout",
                                                        "edac-mc",
                                                        "efi",
                                                        "elevator",
                                                        "gbpages",
                                                        "hpet",
                                                        "hugepages",
                                                        "hugepagesz",
                                                        "hugetlb-free-vmemmap",
                                                        "idle",
                                                        "init-on-alloc",
                                                        "init-on-free",
                                                        "intel-idle.max-cstate",
                                                        "intel-iommu",
                                                        "intel-pstate",
                                                        "io-delay",
                                                        "iommu",
                                                        "iommu.passthrough",
                                                        "iommu.strict",
                                                        "irqaffinity",
                                                        "isolcpus",
                                                        "kvm.nx-huge-pages",
                                                        "kvm-intel.nested",
                                                        "lockdown",
                                                        "loglevel",
                                                        "lsm",
                                                        "max-cstate",
                                                        "maxcpus",
                                                        "mce",
                                                        "memhp-default-state",
                                                        "mem-sleep-default",
                                                        "mitigations",
                                                        "nmi-watchdog",
                                                        "nohz",
                                                        "nohz-full",
                                                        "nosmt",
                                                        "nosoftlockup",
                                                        "nr-cpus",
                                                        "numa",
                                                        "numa-balancing",
                                                        "nvme.poll-queues",
                                                        "nvme.write-queues",
                                                        "panic",
                                                        "nvme-core.default-ps-max-latency-us",
                                                        "nvme-core.io-timeout",
                                                        "nvme-core.multipath",
                                                        "pci",
                                                        "pcie-aspm",
                                                        "pcie-aspm.policy",
                                                        "pcie-port-pm",
                                                        "possible-cpus",
                                                        "preempt",
                                                        "processor.max-cstate",
                                                        "psi",
                                                        "quiet",
                                                        "random.trust-cpu",
                                                        "rcu-nocb-poll",
                                                        "rcu-nocbs",
                                                        "rcupdate.rcu-expedited",
                                                        "rcutree.kthread-prio",
                                                        "reboot",
                                                        "rhash-entries",
                                                        "rootflags",
                                                        "rootfstype",
                                                        "sched-debug",
                                                        "scsi-mod.use-blk-mq",
                                                        "security",
                                                        "selinux",
                                                        "skew-tick",
                                                        "spectre-v2",
                                                        "swiotlb",
                                                        "systemd.cpu-affinity",
                                                        "systemd.unified-cgroup-hierarchy",
                                                        "thash-entries",
                                                        "threadirqs",
                                                        "transparent-hugepage",
                                                        "tsc",
                                                        "tsx",
                                                        "tuned.non-isolcpus",
                                                        "usbcore.autosuspend",
                                                        "vga",
                                                        "virtio-blk.poll-queues",
                                                        "watchdog",
                                                        "workqueue.power-efficient",
                                                        "workqueue.unbound-cpus",
                                                        "x86-intel-mid-timer",
                                                        "zswap.enabled"});

// Values that stay whatever the word is: they are too few to tell anybody apart.
bool is_plain_value(std::string_view value) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {"", "y", "n", "Y", "N", "on", "off", "yes", "no", "true", "false", "auto", "force", "none"});
  constexpr std::size_t kDigitsMax = 4;
  return std::ranges::find(kWords, value) != kWords.end() ||
         (value.size() <= kDigitsMax &&
          value.find_first_not_of("0123456789") == std::string_view::npos);
}

bool is_plain_word(std::string_view word) {
  constexpr std::size_t kLongest = 24;
  return word.size() <= kLongest &&
         word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_-.") == std::string_view::npos;
}

bool is_kept(std::string_view key) {
  std::string name(key);
  std::ranges::replace(name, '_', '-');
  return std::ranges::find(kKept, name) != kKept.end();
}

// root=/dev/sda1, root=UUID=..., resume=/dev/mapper/vg-swap.
bool is_device_word(std::string_view key) {
  return key == "root" || key == "resume" || key == "rootflags" || key == "init" ||
         key == "rdinit" || key == "BOOT_IMAGE";
}

std::string device_value(std::string_view key, std::string_view value, Pseudonyms& pseudonyms) {
  // GRUB's "(hd0,gpt2)/boot/vmlinuz-6.1.0-13-amd64": the image's name is the kernel's release.
  if (key == "BOOT_IMAGE") return pseudonyms.scrub(value.substr(value.rfind('/') + 1));
  if (value.starts_with('/')) return chosen_path(value, pseudonyms);
  const std::size_t equals = value.find('=');
  const std::string_view kind = value.substr(0, equals);
  if (kind == "UUID" || kind == "PARTUUID") {
    return std::string(kind) + "=" + pseudonyms.serial(value.substr(equals + 1));
  }
  return "x-" + pseudonyms.digits("value", value, 8);
}

std::string private_word(std::string_view word, Pseudonyms& pseudonyms) {
  const std::size_t equals = word.find('=');
  const std::string_view key = word.substr(0, equals);
  if (equals == std::string_view::npos) {
    if (is_kept(key) || is_plain_word(key)) return pseudonyms.scrub(word);
    return "x-" + pseudonyms.digits("value", word, 8);
  }
  const std::string_view value = word.substr(equals + 1);
  const std::string start = pseudonyms.scrub(key) + "=";
  if (is_device_word(key)) return start + device_value(key, value, pseudonyms);
  if (is_kept(key)) return start + pseudonyms.scrub(value);
  if (is_plain_value(value)) return start + std::string(value);
  return start + "x-" + pseudonyms.digits("value", value, 8);
}

// Blanks part the words, but not within double quotes.
std::string private_line(std::string_view line, Pseudonyms& pseudonyms) {
  std::string result;
  std::string word;
  bool quoted = false;
  for (std::size_t at = 0; at <= line.size(); ++at) {
    const char c = at < line.size() ? line[at] : '\n';
    if (c == '"') quoted = !quoted;
    const bool blank = c == ' ' || c == '\t' || c == '\n';
    if (!blank || (quoted && at < line.size())) {
      word += c;
      continue;
    }
    if (word == "--") return result;
    if (!word.empty()) result += (result.empty() ? "" : " ") + private_word(word, pseudonyms);
    word.clear();
  }
  return result;
}

}  // namespace

std::string boot_line(std::string_view text, Pseudonyms& pseudonyms) {
  const bool ends = text.ends_with('\n');
  return private_line(ends ? text.substr(0, text.size() - 1) : text, pseudonyms) +
         (ends ? "\n" : "");
}

std::string grub(std::string_view text, Pseudonyms& pseudonyms) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t name = line.find("GRUB_CMDLINE_LINUX");
    const std::size_t equals = line.find('=');
    const bool comment = line.find('#') < name;
    if (name == std::string_view::npos || equals == std::string_view::npos || comment) {
      result += '\n';  // the others keep their numbers
      continue;
    }
    // Quotes stay outside the words: GRUB_CMDLINE_LINUX="isolcpus=2-3 quiet".
    std::string_view value = line.substr(equals + 1);
    value = value.substr(0, value.find_last_not_of(" \t\r") + 1);
    std::string quote;
    if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0]) {
      quote = value.substr(0, 1);
      value = value.substr(1, value.size() - 2);
    }
    // References to the other variables stay, so that the lines still build on one another.
    std::string made;
    for (std::size_t at = 0; at < value.size();) {
      const std::size_t dollar = std::min(value.find('$', at), value.size());
      made += private_line(value.substr(at, dollar - at), pseudonyms);
      at = dollar;
      if (at >= value.size()) break;
      if (!made.empty()) made += ' ';
      std::size_t stop = value.find_first_of(" \t", at);
      stop = std::min(stop, value.size());
      made += std::string(value.substr(at, stop - at)) + (stop < value.size() ? " " : "");
      at = stop;
    }
    result += std::string(line.substr(0, equals + 1)) + quote + made + quote + "\n";
  }
  return result;
}

}  // namespace assay::privacy
