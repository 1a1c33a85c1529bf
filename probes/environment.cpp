#include <algorithm>
#include <array>
#include <charconv>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

struct Sign {
  std::string_view text, name;
};

// The twelve letters of CPUID leaf 0x40000000.
constexpr auto kSignatures = std::to_array<Sign>({{"KVMKVMKVM", "KVM"},
                                                  {"Microsoft Hv", "Hyper-V"},
                                                  {"VMwareVMware", "VMware"},
                                                  {"XenVMMXenVMM", "Xen"},
                                                  {"TCGTCGTCGTCG", "QEMU TCG"},
                                                  {"bhyve bhyve", "bhyve"},
                                                  {"ACRNACRNACRN", "ACRN"}});

// What the board of a virtual machine calls itself.
constexpr auto kVirtualBoards = std::to_array<Sign>({{"KVM", "KVM"},
                                                     {"QEMU", "QEMU"},
                                                     {"Amazon EC2", "KVM"},
                                                     {"Google Compute Engine", "KVM"},
                                                     {"VMware", "VMware"},
                                                     {"VirtualBox", "VirtualBox"},
                                                     {"Virtual Machine", "Hyper-V"},
                                                     {"Xen", "Xen"},
                                                     {"BHYVE", "bhyve"}});

std::string value_of(const Reply& reply, const char* key) {
  const auto found = reply.find(key);
  return found == reply.end() ? std::string() : found->second;
}

std::string find_hypervisor(Reader& reader, const Inventory& inventory) {
  const std::string signature = value_of(reader.ask("cpuid"), "hypervisor");
  for (const Sign& sign : kSignatures) {
    if (signature.starts_with(sign.text)) return std::string(sign.name);
  }
  if (!signature.empty()) return signature;
  if (reader.word("/sys/hypervisor/type") == "xen") return "Xen";
  const Topology& topology = inventory.topology;
  const bool flagged =
      std::binary_search(topology.flags.begin(), topology.flags.end(), "hypervisor");
  // A metal server of a cloud carries the cloud's name on its board as well: on x86 the CPU's own
  // flag decides, on Arm the board's word is all there is.
  const Environment& environment = inventory.environment;
  const bool metal = environment.product_name.ends_with("metal");
  if (flagged || (topology.architecture == "aarch64" && !metal)) {
    const std::string board = environment.board_vendor + " " + environment.product_name;
    for (const Sign& sign : kVirtualBoards) {
      if (board.find(sign.text) != std::string::npos) return std::string(sign.name);
    }
  }
  return flagged ? "unknown" : "";
}

// Each engine leaves its own mark (systemd-detect-virt(1) looks for the same).
std::string find_container(Reader& reader) {
  // The first PID namespace has a fixed number (include/linux/proc_ns.h, PROC_PID_INIT_INO). A
  // machine whose disk was made from a container image carries the image's marks for ever.
  if (reader.link_name("/proc/self/ns/pid") == "pid:[4026531836]") return {};
  const std::string told = reader.word("/run/systemd/container");
  if (!told.empty()) return told;
  if (reader.exists("/run/.containerenv")) return "podman";
  if (reader.exists("/.dockerenv")) return "docker";
  const std::string first_groups = reader.table("/proc/1/cgroup");
  for (const Sign& sign : {Sign{"kubepods", "kubernetes"}, Sign{"/docker/", "docker"},
                           Sign{"/lxc/", "lxc"}, Sign{"/lxc.payload", "lxc"}}) {
    if (first_groups.find(sign.text) != std::string::npos) return std::string(sign.name);
  }
  return {};
}

// CPUs' worth of time: "max 100000" or "50000 100000" (v2); two files in v1, -1 for none.
std::optional<double> read_quota(Reader& reader, const CgroupView& group) {
  std::optional<double> least;
  // A limit anywhere above binds as well.
  std::string directory = group.directory;
  while (!directory.empty() && directory.size() >= group.root.size()) {
    auto words = split(reader.word(directory + "/cpu.max"), " ");
    if (words.empty()) {
      words = {reader.word(directory + "/cpu.cfs_quota_us"),
               reader.word(directory + "/cpu.cfs_period_us")};
    }
    const auto quota = parse_int(words[0]);
    const auto period = words.size() > 1 ? parse_int(words[1]) : Expected<std::int64_t>(0);
    if (quota && period && *quota > 0 && *period > 0) {
      const double cpus = static_cast<double>(*quota) / static_cast<double>(*period);
      least = std::min(least.value_or(cpus), cpus);
    }
    if (directory == group.root) break;
    directory.resize(directory.rfind('/'));
  }
  return least;
}

void read_group(Reader& reader, Environment& environment) {
  const CgroupView group = read_cgroup(reader);
  environment.cgroup_version = group.version;
  environment.cgroup = printable(group.path);
  environment.cpu_quota_cpus = read_quota(reader, group);
  environment.group_limits = read_group_limits(reader, group);
  environment.cpuset_isolated = reader.cpus("/sys/fs/cgroup/cpuset.cpus.isolated");
}

// "cpu  user nice system idle iowait irq softirq steal guest guest_nice" of /proc/stat.
double steal_percent(Reader& reader) {
  const std::string table = reader.table("/proc/stat");
  const auto words = split(std::string_view(table).substr(0, table.find('\n')), " ");
  if (words.size() < 9 || words[0] != "cpu") return 0;
  double total = 0;
  double steal = 0;
  // Guest time (after steal) is contained in user time already.
  for (std::size_t i = 1; i <= 8; ++i) {
    const auto value = parse_uint(words[i]);
    if (!value) return 0;
    total += static_cast<double>(*value);
    if (i == 8) steal = static_cast<double>(*value);
  }
  return total > 0 ? 100.0 * steal / total : 0;
}

// Containers mount /sys read-only; "ro" then stands among the mount's own options.
bool sys_writable(const Inventory& inventory) {
  bool writable = true;
  for (const Mount& mount : inventory.mounts) {
    if (mount.point == "/sys") writable = split(mount.options, ",").front() != "ro";
  }
  return writable;
}

void read_board(Reader& reader, Environment& environment) {
  // The class is a link to the device; some captures hold that alone.
  const bool has_class = reader.exists("/sys/class/dmi/id");
  const std::string dmi = has_class ? "/sys/class/dmi/id/" : "/sys/devices/virtual/dmi/id/";
  environment.board_vendor = reader.word(dmi + "sys_vendor");
  if (environment.board_vendor.empty())
    environment.board_vendor = reader.word(dmi + "board_vendor");
  environment.product_name = reader.word(dmi + "product_name");
  if (environment.product_name.empty()) environment.product_name = reader.word(dmi + "board_name");
  environment.bios_version = reader.word(dmi + "bios_version");
  // Arm, POWER and RISC-V boards have a device tree in place of DMI.
  for (const char* model : {"/sys/firmware/devicetree/base/model", "/proc/device-tree/model"}) {
    if (environment.product_name.empty()) environment.product_name = reader.word(model);
  }
  environment.machine_id_hash = hide("machine id", reader.word("/etc/machine-id"));
}

}  // namespace

void read_environment(Reader& reader, const std::set<std::string>& running, Inventory& inventory) {
  // The hypervisor shows in the CPU's flags, which are there unless nobody asked for the topology.
  if (inventory.topology.flags.empty()) read_cpu_model(reader, inventory.topology);
  Environment& environment = inventory.environment;
  read_board(reader, environment);
  environment.hypervisor = find_hypervisor(reader, inventory);
  environment.container = find_container(reader);
  read_group(reader, environment);
  environment.sys_writable = sys_writable(inventory);
  environment.privileged = value_of(reader.ask("process.identity"), "euid") == "0";
  environment.steal_percent = steal_percent(reader);
  read_tuners(reader, running, inventory);
}

void read_host(Reader& reader, Inventory& inventory) {
  inventory.host_name = value_of(reader.ask("uname"), "nodename");
  if (inventory.host_name.empty()) {
    inventory.host_name = reader.word("/proc/sys/kernel/hostname");
  }
  const std::string load = reader.word("/proc/loadavg");
  double value = 0;
  const auto [end, error] = std::from_chars(load.data(), load.data() + load.size(), value);
  if (error == std::errc{} && value >= 0 && value < 1e9) inventory.load_1m = value;
}

}  // namespace assay::probes
