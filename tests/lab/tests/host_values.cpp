#include "tests/lab/tests/host_values.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include "tests/lab/tests/lab_guest.hpp"

namespace lab {
namespace {

// A path in the words of fnmatch(3), where "*" is also for "/"; and why it is no setting.
struct Pattern {
  const char* paths;
  const char* reason;
};

// Writable, but not what somebody set: it may differ at any time although nobody changed it.
constexpr std::array kViews{
    // File systems of their own.
    Pattern{"/sys/kernel/debug", "debugfs: what the kernel tells its developers"},
    Pattern{"/sys/kernel/tracing", "tracefs: the tracers' buffers"},
    Pattern{"/sys/fs/pstore", "what an earlier kernel said last"},
    Pattern{"/sys/fs/bpf", "maps and programs that processes pinned"},
    Pattern{"/sys/fs/selinux", "a policy's own interface"},
    Pattern{"/proc/sys/fs/binfmt_misc", "mounted when somebody looks"},
    Pattern{"/sys/firmware", "counters of ACPI events, variables of the firmware"},
    // Writing asks for something; reading tells what is, or acts.
    Pattern{"*/uevent", "writing sends an event; what reads are the device's properties"},
    Pattern{"*/slab/*/shrink", "writing acts, reading is empty"},
    Pattern{"*/slab/*/validate", "writing acts, reading is empty"},
    Pattern{"/proc/sys/vm/stat_refresh", "reading sums up counters"},
    Pattern{"*/wakealarm", "a time, which passes"},
    Pattern{"*/resource[0-9]*", "the device's own memory and ports; reading one may act"},
    Pattern{"*/rom", "the device's firmware"},
    Pattern{"*/pci*/config", "registers: status bits, and the vectors that the kernel chose"},
    Pattern{"*/nvmem", "memory of the board's clock chip"},
    // Pressure stall information is writable for the triggers. cgroup.pressure is a setting.
    Pattern{"*/cpu.pressure", "how long tasks waited"},
    Pattern{"*/io.pressure", "how long tasks waited"},
    Pattern{"*/irq.pressure", "how long tasks waited"},
    Pattern{"*/memory.pressure", "how long tasks waited"},
    // Which processes there are.
    Pattern{"*/cgroup.procs", "which processes there are"},
    Pattern{"*/cgroup.threads", "which threads there are"},
    Pattern{"/proc/sys/kernel/ns_last_pid", "the last process's number"},
    // Counters, and high-water marks that writing resets.
    Pattern{"*.peak", "the most that was used; writing starts anew"},
    Pattern{"*/cooling_device*/cur_state", "moves with the temperature"},
    Pattern{"*/byte_queue_limits/limit", "moves with the traffic between its minimum and maximum"},
    Pattern{"/sys/power/wakeup_count", "a counter"},
    Pattern{"/sys/class/net/*/carrier", "whether the wire is in"},
    Pattern{"*/net/*/carrier", "whether the wire is in"},
    Pattern{"/proc/sys/kernel/tainted", "what the kernel has been through"},
    Pattern{"/proc/sys/kernel/hung_task_warnings", "counts down with each warning"},
    Pattern{"/proc/sys/kernel/perf_event_max_sample_rate",
            "the kernel lowers it when taking a sample is slow"},
    Pattern{"/sys/kernel/mm/page_idle/bitmap", "which pages were used"},
};

// What comes and goes by itself; while it is there, its values are compared.
constexpr std::array kPassing{
    Pattern{"/sys/kernel/slab/*", "caches are made when first used, and go with their modules"},
    Pattern{"/sys/fs/cgroup/*/*", "groups live as long as their services"},
    Pattern{"/sys/devices/virtual/bdi/*", "lives as long as something is mounted"},
};

// Worked out at each boot from the pages that are free then: it differs between two boots of a host
// that nobody tunes. What follows from the memory as a whole (threads-max, the users' limits,
// min_free_kbytes) was the same at the first and the third boot of every pair of the matrix.
constexpr std::array kDecidedAtBoot{
    Pattern{"/proc/sys/vm/user_reserve_kbytes", "mm/mmap.c, init_user_reserve"},
    Pattern{"/proc/sys/vm/admin_reserve_kbytes", "mm/mmap.c, init_admin_reserve"},
    Pattern{"/proc/sys/fs/file-max", "fs/file_table.c, files_maxfiles_init"},
    Pattern{"/proc/sys/net/ipv4/*_mem", "net/ipv4/tcp.c, tcp_init_mem; udp.c, udp_init"},
};

// Names with a number that is handed out in the order in which things came: another one after each
// boot, so only the name counts.
constexpr std::array kNumbered{"nvme",  "nvme-subsys", "ng",  "hwmon", "wakeup", "input",
                               "event", "mouse",       "rtc", "ptp",   "serio",  "259:"};

// "nvme1n1" -> "nvme#n1", "hwmon0" -> "hwmon#"; anything else as it is.
std::string without_number(const std::string& name) {
  for (const std::string prefix : kNumbered) {
    if (!name.starts_with(prefix)) continue;
    const std::size_t end = name.find_first_not_of("0123456789", prefix.size());
    const bool digits = end != prefix.size() && name.size() > prefix.size();
    const bool whole = end == std::string::npos || name[end] == 'n' || name[end] == ':';
    if (digits && whole) return prefix + "#" + (end == std::string::npos ? "" : name.substr(end));
  }
  return name;
}

// An interrupt by its place in its chip: numbers are handed out in the order of asking.
std::string interrupt_name(const std::string& number) {
  const std::string folder = "/sys/kernel/irq/" + number + "/";
  const std::string chip = lab::first_line(folder + "chip_name");
  const std::string place = lab::first_line(folder + "hwirq");
  return chip.empty() || place.empty() ? number : chip + " " + place;
}

// The path with names that stay the same from boot to boot.
std::string lasting_path(const std::string& path) {
  std::string lasting;
  std::size_t at = 0;
  std::string above;
  while (at < path.size()) {
    const std::size_t end = std::min(path.find('/', at + 1), path.size());
    std::string name = path.substr(at + 1, end - at - 1);
    const bool is_irq = above == "irq" && name.find_first_not_of("0123456789") == std::string::npos;
    above = name;
    lasting += "/" + (is_irq ? interrupt_name(name) : without_number(name));
    at = end;
  }
  return lasting;
}

template <std::size_t N>
bool matches(const std::array<Pattern, N>& table, const std::string& path) {
  return std::ranges::any_of(
      table, [&](const Pattern& pattern) { return fnmatch(pattern.paths, path.c_str(), 0) == 0; });
}

// A few attributes are bytes and no text; what is compared can be printed, and be put into JSON.
std::string plain(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    const bool shown = byte == '\n' || byte == '\t' || (value >= ' ' && value < 0x7f);
    if (shown) text += byte;
    if (!shown) text += {'\\', 'x', kHex[value / 16], kHex[value % 16]};
  }
  return text;
}

std::string read_start(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return "(cannot be opened)";
  std::array<char, 16384> text{};
  const ssize_t length = read(fd, text.data(), text.size());
  close(fd);
  if (length < 0) return "(cannot be read)";
  return plain({text.data(), static_cast<std::size_t>(length)});
}

void collect(const std::string& path, Values& into) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0 || matches(kViews, path)) return;
  if (S_ISREG(status.st_mode)) {
    constexpr mode_t kOwnerReads = 0400, kOwnerWrites = 0200;
    const bool both = (status.st_mode & kOwnerReads) != 0 && (status.st_mode & kOwnerWrites) != 0;
    if (!both) return;
    // Things that share a lasting name (a host's NVMe subsystems) share an entry.
    std::string& entry = into[lasting_path(path)];
    const std::string value = read_start(path);
    entry = entry.empty() ? value : std::min(entry, value) + std::max(entry, value);
    return;
  }
  if (!S_ISDIR(status.st_mode)) return;
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return;
  while (const dirent* entry = readdir(folder)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") collect(path + "/" + name, into);
  }
  closedir(folder);
}

std::string on_one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::ranges::replace(text, '\n', '|');
  return text;
}

}  // namespace

Values writable_values() {
  Values values;
  for (const char* top : {"/sys", "/proc/sys", "/proc/irq"}) collect(top, values);
  return values;
}

std::set<std::string> restless_values() {
  const Values first = writable_values();
  std::ofstream("/tmp/lab-work") << std::string(1 << 20, 'x');
  sync();
  lab::run({"assay", "check", "default"});
  sleep(1);
  std::set<std::string> names;
  for (const auto& [path, value] : writable_values()) {
    const auto before = first.find(path);
    if (before == first.end() || before->second != value) names.insert(path);
  }
  return names;
}

std::vector<std::string> differences(const Values& before, const Values& after, Between between,
                                     const std::set<std::string>& restless) {
  std::vector<std::string> found;
  for (const auto& [path, value] : before) {
    if (restless.contains(path)) continue;
    if (between == Between::boots && matches(kDecidedAtBoot, path)) continue;
    const auto now = after.find(path);
    if (now == after.end()) {
      if (!matches(kPassing, path)) found.push_back(path + ": " + on_one_line(value) + " -> gone");
    } else if (now->second != value) {
      found.push_back(path + ": " + on_one_line(value) + " -> " + on_one_line(now->second));
    }
  }
  return found;
}

}  // namespace lab
