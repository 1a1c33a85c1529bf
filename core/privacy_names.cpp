#include <algorithm>
#include <array>

#include "core/privacy_patterns.hpp"
#include "core/privacy_texts.hpp"

namespace assay::privacy {
namespace {

// Directories, mount sources and file system names that every system of some kind has.
constexpr auto kPublicNames = std::to_array<std::string_view>({"EFI",
                                                               "acct",
                                                               "apt",
                                                               "auto",
                                                               "autofs",
                                                               "bin",
                                                               "binfmt_misc",
                                                               "blkio",
                                                               "boot",
                                                               "bpf",
                                                               "by-id",
                                                               "by-label",
                                                               "by-partuuid",
                                                               "by-path",
                                                               "by-uuid",
                                                               "cache",
                                                               "cgroup",
                                                               "cgroup2",
                                                               "config",
                                                               "configfs",
                                                               "connections",
                                                               "containerd",
                                                               "containers",
                                                               "core",
                                                               "cpu",
                                                               "cpu,cpuacct",
                                                               "cpuacct",
                                                               "cpuset",
                                                               "credentials",
                                                               "debug",
                                                               "debugfs",
                                                               "dev",
                                                               "devices",
                                                               "devpts",
                                                               "devtmpfs",
                                                               "diff",
                                                               "disk",
                                                               "dm",
                                                               "docker",
                                                               "efi",
                                                               "efivarfs",
                                                               "efivars",
                                                               "elasticsearch",
                                                               "etc",
                                                               "firmware",
                                                               "freezer",
                                                               "fs",
                                                               "fuse",
                                                               "fusectl",
                                                               "gvfsd-fuse",
                                                               "home",
                                                               "host",
                                                               "hostname",
                                                               "hosts",
                                                               "huge",
                                                               "hugepages",
                                                               "hugetlb",
                                                               "hugetlbfs",
                                                               "initctl",
                                                               "kernel",
                                                               "kubelet",
                                                               "kubernetes",
                                                               "lib",
                                                               "lib32",
                                                               "lib64",
                                                               "libx32",
                                                               "local",
                                                               "lock",
                                                               "log",
                                                               "lost+found",
                                                               "lxc",
                                                               "lxcfs",
                                                               "machines",
                                                               "mapper",
                                                               "media",
                                                               "memory",
                                                               "merged",
                                                               "misc",
                                                               "mnt",
                                                               "modules",
                                                               "mqueue",
                                                               "mysql",
                                                               "net",
                                                               "net_cls",
                                                               "net_cls,net_prio",
                                                               "net_prio",
                                                               "netns",
                                                               "nfs",
                                                               "nfsd",
                                                               "none",
                                                               "ns",
                                                               "nsfs",
                                                               "opt",
                                                               "overlay",
                                                               "overlay2",
                                                               "perf_event",
                                                               "pids",
                                                               "pods",
                                                               "postgresql",
                                                               "proc",
                                                               "pstore",
                                                               "ptmx",
                                                               "pts",
                                                               "ramfs",
                                                               "rdma",
                                                               "redis",
                                                               "resctrl",
                                                               "resolv.conf",
                                                               "root",
                                                               "rootfs",
                                                               "rpc_pipefs",
                                                               "run",
                                                               "sbin",
                                                               "security",
                                                               "securityfs",
                                                               "selinux",
                                                               "selinuxfs",
                                                               "share",
                                                               "shm",
                                                               "snap",
                                                               "snapd",
                                                               "spool",
                                                               "srv",
                                                               "src",
                                                               "sunrpc",
                                                               "swap",
                                                               "swap.img",
                                                               "swapfile",
                                                               "swap_file",
                                                               "sys",
                                                               "sysfs",
                                                               "systemd",
                                                               "systemd-1",
                                                               "tmp",
                                                               "tmpfs",
                                                               "tracefs",
                                                               "tracing",
                                                               "udev",
                                                               "unified",
                                                               "user",
                                                               "usr",
                                                               "var",
                                                               "vmware",
                                                               "volumes",
                                                               "work",
                                                               "zvol"});

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "sda", "vdb1", "nvme0n1p2", "dm-3", "md127", "loop0": the kernel's names, not somebody's.
bool is_device(std::string_view name) {
  constexpr auto kPrefixes =
      std::to_array<std::string_view>({"sd", "vd", "xvd", "hd", "nvme", "mmcblk", "loop", "dm-",
                                       "md", "zram", "ram", "sr", "pmem", "nbd", "bcache", "zd"});
  for (const std::string_view prefix : kPrefixes) {
    if (!name.starts_with(prefix)) continue;
    std::string_view rest = name.substr(prefix.size());
    // Drives have letters first: no more than three, then digits; others digits with 'n' and 'p'.
    const bool lettered = prefix == "sd" || prefix == "vd" || prefix == "xvd" || prefix == "hd";
    std::size_t letters = 0;
    while (lettered && letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z') {
      ++letters;
    }
    if (lettered && (letters == 0 || letters > 3)) continue;
    rest.remove_prefix(letters);
    if (rest.empty() && lettered) return true;
    if (!lettered && (rest.empty() || rest[0] < '0' || rest[0] > '9')) continue;
    if (rest.find_first_not_of(lettered ? "0123456789" : "0123456789npc") ==
        std::string_view::npos) {
      return true;
    }
  }
  return false;
}

bool is_public(std::string_view name) {
  return name.empty() || name == "." || name == ".." || all_digits(name) || is_device(name) ||
         std::ranges::find(kPublicNames, name) != kPublicNames.end();
}

// The value without blanks at its ends, replaced by what `replace` makes of it.
template <typename Replace>
std::string replace_inside(std::string_view text, Replace replace) {
  constexpr std::string_view kBlank(" \t\r\n\v\f\0", 7);
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return std::string(text);
  const std::size_t last = text.find_last_not_of(kBlank);
  return std::string(text.substr(0, first)) + replace(text.substr(first, last - first + 1)) +
         std::string(text.substr(last + 1));
}

}  // namespace

std::string chosen_name(std::string_view name, Pseudonyms& pseudonyms) {
  if (is_public(name)) return std::string(name);
  return "p-" + pseudonyms.digits("name", name, 8);
}

std::string chosen_path(std::string_view path, Pseudonyms& pseudonyms) {
  std::string result;
  bool somebodys = false;  // what stands next is named after a person
  while (true) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    result += somebodys && !part.empty() ? "p-" + pseudonyms.digits("name", part, 8)
                                         : chosen_name(part, pseudonyms);
    somebodys = part == "home" || part == "media";
    if (slash == path.size()) return result;
    result += '/';
    path.remove_prefix(slash + 1);
  }
}

std::string_view serial_in(std::string_view text) {
  constexpr std::string_view kBlank(" \t\r\n\v\f\0", 7);
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  text = text.substr(first, text.find_last_not_of(kBlank) - first + 1);
  // "naa.", "eui.", "t10.": the kind of number.
  constexpr std::size_t kKindMax = 4;
  const std::size_t dot = text.find('.');
  if (dot != std::string_view::npos && dot <= kKindMax) text.remove_prefix(dot + 1);
  // A number that nobody gave.
  return text.find_first_not_of("0:- xX") == std::string_view::npos ? std::string_view{} : text;
}

std::string serial_file(std::string_view text, Pseudonyms& pseudonyms) {
  const std::string_view number = serial_in(text);
  if (number.empty()) return std::string(text);
  const auto at = static_cast<std::size_t>(number.data() - text.data());
  return std::string(text.substr(0, at)) + pseudonyms.serial(number) +
         std::string(text.substr(at + number.size()));
}

std::string serial_page(std::string_view text, Pseudonyms& pseudonyms) {
  constexpr std::size_t kHeader = 4;
  if (text.size() <= kHeader) return std::string(text);
  return std::string(text.substr(0, kHeader)) + serial_file(text.substr(kHeader), pseudonyms);
}

std::string host_name_file(std::string_view text, Pseudonyms& pseudonyms) {
  return replace_inside(text, [&](std::string_view name) {
    return name == "(none)" ? std::string(name) : pseudonyms.host(name);
  });
}

std::string chosen_name_file(std::string_view text, Pseudonyms& pseudonyms) {
  return replace_inside(text, [&](std::string_view name) { return chosen_name(name, pseudonyms); });
}

std::string chosen_path_file(std::string_view text, Pseudonyms& pseudonyms) {
  return replace_inside(text, [&](std::string_view path) { return chosen_path(path, pseudonyms); });
}

std::string mapper_uuid(std::string_view text, Pseudonyms& pseudonyms) {
  return replace_inside(text, [&](std::string_view uuid) {
    std::size_t kind = uuid.find('-');
    if (kind == std::string_view::npos) return pseudonyms.serial(uuid);
    if (uuid.substr(kind + 1).starts_with("LUKS")) kind = uuid.find('-', kind + 1);
    kind = std::min(kind, uuid.size() - 1);
    return std::string(uuid.substr(0, kind + 1)) + pseudonyms.serial(uuid.substr(kind + 1));
  });
}

std::string pci_config(std::string_view bytes, Pseudonyms&) {
  // PCI Express Base Specification: extended capabilities from 256 on, each with a header of id (16
  // bits), version (4) and the next one's offset (12); id 3 is the device serial number.
  constexpr std::size_t kFirst = 256;
  constexpr std::size_t kHeader = 4;
  constexpr std::size_t kSerial = 8;
  constexpr unsigned kSerialId = 3;
  constexpr unsigned kCapabilitiesMax = 128;  // a list that bites its tail must end
  std::string result(bytes);
  std::size_t at = kFirst;
  for (unsigned i = 0; i < kCapabilitiesMax && at >= kFirst && at + kHeader <= result.size(); ++i) {
    const auto byte = [&](std::size_t offset) {
      return static_cast<unsigned>(static_cast<unsigned char>(result[at + offset]));
    };
    const unsigned id = byte(0) | byte(1) << 8U;
    const std::size_t next = (byte(2) >> 4U | byte(3) << 4U) & 0xffcU;
    const std::size_t start = at + kHeader;
    if (id == kSerialId) {
      std::fill_n(result.begin() + static_cast<std::ptrdiff_t>(start),
                  std::min(kSerial, result.size() - start), '\0');
    }
    at = next;
  }
  return result;
}

std::string as_it_is(std::string_view text, Pseudonyms&) { return std::string(text); }

std::string scrubbed(std::string_view text, Pseudonyms& pseudonyms) {
  return pseudonyms.scrub(text);
}

}  // namespace assay::privacy
