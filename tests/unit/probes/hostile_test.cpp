// Whatever a tree holds, the probes end, and what they say can be printed.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "machine.hpp"
#include "probes/inventory_json.hpp"
#include "probes/inventory_table.hpp"
#include "probes/yaml_text.hpp"

namespace assay::probes {
namespace {

// Files that the probes read, one of each shape.
constexpr std::array kPaths{"/proc/cpuinfo",
                            "/proc/interrupts",
                            "/proc/meminfo",
                            "/proc/swaps",
                            "/proc/stat",
                            "/proc/self/status",
                            "/proc/self/limits",
                            "/proc/self/mountinfo",
                            "/proc/self/cgroup",
                            "/proc/mounts",
                            "/proc/loadavg",
                            "/proc/cmdline",
                            "/proc/version",
                            "/proc/7/comm",
                            "/proc/irq/24/smp_affinity_list",
                            "/proc/irq/default_smp_affinity",
                            "/sys/devices/system/cpu/present",
                            "/sys/devices/system/cpu/online",
                            "/sys/devices/system/cpu/isolated",
                            "/sys/devices/system/cpu/cpu0/topology/core_id",
                            "/sys/devices/system/cpu/cpu0/topology/thread_siblings",
                            "/sys/devices/system/cpu/cpu1/topology/core_siblings_list",
                            "/sys/devices/system/cpu/cpu1/topology/physical_package_id",
                            "/sys/devices/system/cpu/cpu0/cache/index0/level",
                            "/sys/devices/system/cpu/cpu0/cache/index0/type",
                            "/sys/devices/system/cpu/cpu0/cache/index0/size",
                            "/sys/devices/system/cpu/cpu0/cache/index0/shared_cpu_map",
                            "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq",
                            "/sys/devices/system/cpu/cpu0/cpuidle/state0/latency",
                            "/sys/devices/system/cpu/cpu0/cpu_capacity",
                            "/sys/devices/system/node/online",
                            "/sys/devices/system/node/node0/cpulist",
                            "/sys/devices/system/node/node0/meminfo",
                            "/sys/devices/system/node/node0/distance",
                            "/sys/devices/system/node/node1/cpumap",
                            "/sys/bus/pci/devices/0000:00:02.0/uevent",
                            "/sys/bus/pci/devices/0000:00:02.0/class",
                            "/sys/bus/pci/devices/0000:00:02.0/max_link_speed",
                            "/sys/bus/pci/devices/0000:00:02.0/numa_node",
                            "/sys/class/net/eth0/speed",
                            "/sys/class/net/eth0/uevent",
                            "/sys/class/net/eth0/queues/rx-0/rps_cpus",
                            "/sys/block/vda/size",
                            "/sys/block/vda/queue/scheduler",
                            "/sys/block/vda/serial",
                            "/sys/block/vda/queue/nr_requests",
                            "/sys/class/nvme/nvme0/queue_count",
                            "/sys/class/nvme/nvme0/hwmon0/temp1_input",
                            "/sys/class/dmi/id/product_name",
                            "/sys/fs/cgroup/cpu.max",
                            "/etc/machine-id",
                            "/proc/config.gz",
                            "/proc/net/vlan/eth0",
                            "/sys/block/dm-0/dm/uuid",
                            "/sys/block/dm-0/size",
                            "/sys/block/dm-0/slaves/vda",
                            "/sys/block/md0/md/level",
                            "/sys/block/loop0/loop/backing_file",
                            "/sys/block/vda/vda1/start",
                            "/sys/class/infiniband/mlx5_0/ports/1/state",
                            "/sys/class/infiniband/mlx5_0/node_type",
                            "/sys/class/infiniband/mlx5_0/ports/1/gid_attrs/ndevs/0",
                            "/sys/class/net/bond0/bonding/mode",
                            "/sys/class/net/bond0/bonding/slaves",
                            "/sys/class/net/eth0/statistics/rx_dropped",
                            "/sys/class/nvme/nvme0/sqsize",
                            "/sys/class/nvme/nvme0/state",
                            "/sys/class/ptp/ptp0/max_adjustment",
                            "/sys/devices/system/node/node0/access0/initiators/read_latency",
                            "/sys/devices/system/node/node0/memory_side_cache/index1/size",
                            "/sys/devices/virtual/memory_tiering/memory_tier4/nodelist",
                            "/sys/fs/btrfs/1/devices/vda",
                            "/sys/fs/cgroup/cpu.stat",
                            "/sys/fs/cgroup/io.max",
                            "/sys/fs/cgroup/memory.max",
                            "/sys/kernel/debug/block/vda/hctx0/type",
                            "/etc/default/grub",
                            "/etc/modprobe.d/x.conf",
                            "/etc/security/limits.conf",
                            "/etc/sysctl.d/x.conf",
                            "/etc/systemd/system.conf",
                            "/etc/tuned/active_profile",
                            "/etc/udev/rules.d/x.rules",
                            "/run/systemd/container"};

rc::Gen<std::string> content() {
  // Pieces that a kernel could print, lies about them, and bytes of any kind.
  const auto piece = rc::gen::element<std::string>(
      "0", "1", "-1", "0-3", "0-65535", "99999999999999999999", ",", "ffffffff", "\n", " ", ":",
      "CPU0", "cpu0", "processor", " - ", "/", "..", "[none]", "[", "]", "(", "kB", "\t", "=",
      "DRIVER=", "PCI_ID=", "24:", "PCI-MSIX-0000:00:02.0", "Unified", "32K", "MemTotal:", "max",
      "0::/", "cgroup2", "ATTR{queue/x}=\"", "options nvme a=b", "upperdir=/", "VID: 5", "\\\n",
      std::string(1, '\0'), "\xff", "\xe2\x82\xac", "Node 0 MemTotal: 5 kB\n");
  const auto bytes = rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(piece, bytes)),
                      [](const std::vector<std::string>& pieces) {
                        std::string text;
                        for (const std::string& part : pieces) text += part;
                        return text;
                      });
}

RC_GTEST_PROP(Hostile, AnyTreeGivesAPrintableInventory, ()) {
  MemoryHost host;
  for (const char* path : kPaths) {
    if (*rc::gen::arbitrary<bool>()) host.put(path, *content());
  }
  const Inventory inventory = probe(host);
  const auto document = to_json(inventory);
  // dump() throws on broken UTF-8 in this mode: nothing unprintable may get this far.
  const std::string text = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::strict);
  RC_ASSERT(nlohmann::ordered_json::parse(text) == document);
  RC_ASSERT(!to_table(inventory).empty());
  RC_ASSERT(!to_yaml(document).empty());
  const Counts& counts = inventory.topology.counts;
  RC_ASSERT(counts.cores <= counts.cpus);
  RC_ASSERT(counts.packages <= counts.cpus);
  RC_ASSERT((counts.cpus == 0) || (counts.cores > 0 && counts.packages > 0));
  RC_ASSERT(counts.cpus == inventory.topology.online.count());
  RC_ASSERT(inventory.topology.online.is_subset_of(inventory.topology.present));
}

}  // namespace
}  // namespace assay::probes
