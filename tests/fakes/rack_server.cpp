#include "tests/fakes/rack_server.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

namespace assay::fakes {
namespace {

struct File {
  const char* path;
  const char* content;
};

constexpr unsigned kCpus = 8;

constexpr auto kSystem = std::to_array<File>({
    {"/proc/version",
     "Linux version 6.1.0-13-amd64 (builder@forge.acme.test) (gcc-12) #1 SMP PREEMPT_DYNAMIC\n"},
    {"/proc/cmdline",
     "BOOT_IMAGE=/boot/vmlinuz-6.1.0-13-amd64 root=UUID=0fb3f5cc-9a0c-4e3e-8a3f-2d5c7b9a1e44 ro "
     "quiet isolcpus=managed_irq,domain,2-3 nohz_full=2-3 ip=10.20.30.40::10.20.30.1:255.255.255.0:"
     "nyc4-rack12:eth0:off nfsroot=10.20.30.2:/export/nyc4-rack12 rd.luks.key=hunter2secret "
     "rd.lvm.lv=nyc4vg/root vault.token=s.4f9c mitigations=auto -- --api-key abcdef\n"},
    {"/proc/meminfo",
     "MemTotal:        2097152 kB\nMemFree:         1048576 kB\nMemAvailable:    1572864 kB\n"
     "SwapTotal:       1048576 kB\nSwapFree:        1048576 kB\n"},
    {"/proc/swaps",
     "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
     "/home/alice/swap.bin                   file\t\t1048576\t\t0\t\t-2\n"},
    {"/proc/stat", "cpu  1000 0 1000 8000 0 0 0 40 0 0\n"},
    {"/proc/loadavg", "0.42 0.30 0.20 1/200 4242\n"},
    {"/proc/interrupts",
     "      CPU0  CPU1  CPU2  CPU3  CPU4  CPU5  CPU6  CPU7\n"
     "  9:     1     0     0     0     0     0     0     0  IO-APIC   9-fasteoi   acpi\n"
     " 40:    10     0     0     0     0     0     0     0  PCI-MSIX-0000:03:00.0   0-edge  "
     "enx001b213c9df8-rx-0\n"
     " 41:     0    12     0     0     0     0     0     0  PCI-MSIX-0000:03:00.0   1-edge  "
     "enx001b213c9df8-rx-1\n"
     " 42:     0     0    14     0     0     0     0     0  PCI-MSIX-0000:01:00.0   1-edge  "
     "nvme0q1\n"
     "NMI:     0     0     0     0     0     0     0     0   Non-maskable interrupts\n"},
    {"/proc/irq/default_smp_affinity", "ff\n"},
    {"/proc/sys/kernel/hostname", "nyc4-rack12\n"},
    {"/proc/sys/kernel/random/boot_id", "5f1c6b0e-60f7-4f4b-9e55-0c8f6a1b2c3d\n"},
    {"/proc/sys/kernel/numa_balancing", "0\n"},
    {"/proc/sys/vm/swappiness", "10\n"},
    {"/proc/sys/net/core/busy_poll", "50\n"},
    {"/proc/sys/fs/nr_open", "1048576\n"},
    {"/proc/4242/status", "Name:\tassay\nCpus_allowed_list:\t0-7\nMems_allowed_list:\t0-1\n"},
    {"/proc/4242/limits",
     "Limit                     Soft Limit           Hard Limit           Units     \n"
     "Max open files            1024                 1048576              files     \n"},
    {"/proc/4242/cgroup",
     "0::/system.slice/docker-4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d."
     "scope\n"},
    {"/proc/4242/mountinfo",
     "22 1 0:21 / /sys rw,nosuid shared:2 - sysfs sysfs rw\n"
     "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/mapper/nyc4vg-root rw,errors=remount-ro\n"
     "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
     "31 27 0:40 /volumes/alice /home/alice rw shared:3 - nfs4 filer.acme.test:/volumes/alice "
     "rw,addr=10.20.30.2,clientaddr=10.20.30.40\n"
     "32 27 259:1 / /srv/acme-trading rw - xfs /dev/nvme0n1 rw\n"},
    {"/proc/4242/comm", "assay\n"},
    {"/proc/1/comm", "systemd\n"},
    {"/proc/1/cgroup", "0::/init.scope\n"},
    {"/proc/321/comm", "chronyd\n"},
    {"/proc/987/comm", "alices-bot\n"},
    {"/etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n"},
    {"/etc/default/grub",
     "# nyc4-rack12, ask alice@acme.test\nGRUB_TIMEOUT=5\n"
     "GRUB_CMDLINE_LINUX=\"isolcpus=2-3 password=hunter2secret\"\n"
     "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet $GRUB_CMDLINE_EXTRA\"\n"},
    {"/etc/sysctl.d/90-latency.conf",
     "# set by alice\nvm.swappiness = 10\nkernel.hostname = nyc4-rack12\n"},
    {"/etc/security/limits.d/90-rt.conf", "alice soft memlock unlimited # her own\n"},
    {"/etc/udev/rules.d/60-drive.rules",
     "ACTION==\"add\", ATTRS{serial}==\"S6CKNT0W700123\", ATTR{queue/scheduler}=\"none\"\n"
     "SUBSYSTEM==\"net\", ATTR{address}==\"00:1b:21:3c:9d:f8\", ATTR{tx_queue_len}=\"500\"\n"},
    {"/sys/class/dmi/id/sys_vendor", "Example Corp\n"},
    {"/sys/class/dmi/id/product_name", "Rack 2000\n"},
    {"/sys/class/dmi/id/bios_version", "2.10.1.7\n"},
    {"/sys/fs/cgroup/cgroup.controllers", "cpuset cpu\n"},
    {"/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"},
    {"/sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm\n"},
    {"/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"},
    {"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "16\n"},
    {"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "16\n"},
});

void put_all(MemoryHost& host, std::string_view base, std::initializer_list<File> files) {
  for (const File& file : files) host.put(std::string(base) + file.path, file.content);
}

void put_cpus(MemoryHost& host) {
  const std::string base = "/sys/devices/system/cpu/";
  for (const char* name : {"possible", "present", "online"}) host.put(base + name, "0-7\n");
  host.put(base + "isolated", "2-3\n");
  host.put(base + "vulnerabilities/meltdown", "Not affected\n");
  std::string cpuinfo;
  for (unsigned cpu = 0; cpu < kCpus; ++cpu) {
    const unsigned core = cpu % 4;
    const bool second = core >= 2;
    const std::string own = fmt::format("{}cpu{}/", base, cpu);
    host.put(own + "topology/physical_package_id", second ? "1\n" : "0\n");
    host.put(own + "topology/core_id", fmt::format("{}\n", core % 2));
    host.put(own + "topology/thread_siblings_list", fmt::format("{},{}\n", core, core + 4));
    host.put(own + "topology/core_siblings_list", second ? "2-3,6-7\n" : "0-1,4-5\n");
    // Masks beside the lists: hwloc reads those.
    const std::string core_mask = fmt::format("{:x}\n", 0x11U << core);
    const std::string package_mask = second ? "cc\n" : "33\n";
    host.put(own + "topology/thread_siblings", core_mask);
    host.put(own + "topology/core_siblings", package_mask);
    host.put(own + "cache/index0/shared_cpu_map", core_mask);
    host.put(own + "cache/index1/shared_cpu_map", package_mask);
    put_all(host, own,
            {{"cpufreq/scaling_governor", "performance\n"},
             {"cpufreq/cpuinfo_max_freq", "3800000\n"},
             {"cpuidle/state1/name", "C1\n"},
             {"cpuidle/state1/latency", "2\n"},
             {"cache/index0/level", "1\n"},
             {"cache/index0/type", "Data\n"},
             {"cache/index0/size", "32K\n"},
             {"cache/index1/level", "3\n"},
             {"cache/index1/type", "Unified\n"},
             {"cache/index1/size", "16384K\n"}});
    host.put(own + "cache/index0/shared_cpu_list", fmt::format("{},{}\n", core, core + 4));
    host.put(own + "cache/index1/shared_cpu_list", second ? "2-3,6-7\n" : "0-1,4-5\n");
    cpuinfo += fmt::format(
        "processor\t: {}\nvendor_id\t: GenuineIntel\nmodel name\t: Example CPU\n"
        "microcode\t: 0x2b\nflags\t\t: fpu tsc constant_tsc nonstop_tsc\n\n",
        cpu);
  }
  host.put("/proc/cpuinfo", cpuinfo + "Serial\t\t: 00000000deadbe01\n");
  host.put("/sys/devices/system/node/online", "0-1\n");
  for (unsigned node = 0; node < 2; ++node) {
    const std::string own = fmt::format("/sys/devices/system/node/node{}/", node);
    host.put(own + "cpulist", node == 0 ? "0-1,4-5\n" : "2-3,6-7\n");
    host.put(own + "cpumap", node == 0 ? "33\n" : "cc\n");
    host.put(own + "distance", node == 0 ? "10 21\n" : "21 10\n");
    host.put(own + "meminfo",
             fmt::format("Node {0} MemTotal: 1048576 kB\nNode {0} MemFree: 524288 kB\n", node));
  }
}

void put_pci(MemoryHost& host, const std::string& address, const char* class_id,
             const char* driver) {
  const std::string device = "/sys/devices/pci0000:00/" + address;
  host.link("/sys/bus/pci/devices/" + address, "../../../devices/pci0000:00/" + address);
  host.put(device + "/uevent",
           fmt::format("DRIVER={}\nPCI_CLASS={}\nPCI_ID=8086:1521\nPCI_SLOT_NAME={}\n", driver,
                       class_id, address));
  put_all(host, device,
          {{"/numa_node", "1\n"},
           {"/max_link_speed", "8.0 GT/s PCIe\n"},
           {"/current_link_speed", "8.0 GT/s PCIe\n"},
           {"/max_link_width", "8\n"},
           {"/current_link_width", "4\n"}});
}

void put_nic(MemoryHost& host) {
  put_pci(host, "0000:03:00.0", "20000", "ixgbe");
  const std::string device = "/sys/devices/pci0000:00/0000:03:00.0";
  const std::string name = "enx001b213c9df8";
  host.link("/sys/class/net/" + name, "../../devices/pci0000:00/0000:03:00.0/net/" + name);
  const std::string own = device + "/net/" + name;
  host.link(own + "/device", "../../../0000:03:00.0");
  put_all(host, own,
          {{"/address", "00:1b:21:3c:9d:f8\n"},
           {"/type", "1\n"},
           {"/operstate", "up\n"},
           {"/speed", "10000\n"},
           {"/mtu", "9000\n"},
           {"/dev_port", "0\n"},
           {"/queues/rx-0/rps_cpus", "00\n"},
           {"/queues/rx-1/rps_cpus", "00\n"},
           {"/queues/tx-0/xps_cpus", "01\n"}});
  host.fail(own + "/queues/tx-0/xps_cpus", 22);
  host.reply({"ethtool.drvinfo", name}, {{"driver", "ixgbe"},
                                         {"version", "6.1.0"},
                                         {"firmware", "218.0.219.13"},
                                         {"bus_info", "0000:03:00.0"}});
  host.reply({"ethtool.ringparam", name},
             {{"rx", "512"}, {"tx", "512"}, {"rx_max", "4096"}, {"tx_max", "4096"}});
  host.reply({"ethtool.coalesce", name}, {{"rx_usecs", "1"}, {"adaptive_rx", "1"}});
  host.reply_error({"ethtool.eee", name}, errno_error(95, "ethtool eee", name));  // EOPNOTSUPP
  host.link("/sys/class/net/lo", "../../devices/virtual/net/lo");
  put_all(host, "/sys/devices/virtual/net/lo",
          {{"/address", "00:00:00:00:00:00\n"}, {"/type", "772\n"}, {"/mtu", "65536\n"}});
}

void put_drives(MemoryHost& host) {
  put_pci(host, "0000:01:00.0", "10802", "nvme");
  const std::string nvme = "/sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0";
  host.link("/sys/class/nvme/nvme0", "../../devices/pci0000:00/0000:01:00.0/nvme/nvme0");
  host.link("/sys/block/nvme0n1", "../devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1");
  host.link("/sys/dev/block/259:1", "../../devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1");
  host.link(nvme + "/nvme0n1/device", "../../nvme0");
  put_all(host, nvme,
          {{"/model", "Example NVMe 1T                \n"},
           {"/serial", "S6CKNT0W700123      \n"},
           {"/firmware_rev", "1.2.3.4\n"},
           {"/transport", "pcie\n"},
           {"/state", "live\n"},
           {"/queue_count", "9\n"},
           {"/hwmon1/temp1_input", "41850\n"},
           {"/nvme0n1/size", "1953525168\n"},
           {"/nvme0n1/wwid", "eui.0025385b71b0c8a4\n"},
           {"/nvme0n1/queue/scheduler", "[none] mq-deadline\n"},
           {"/nvme0n1/queue/logical_block_size", "512\n"},
           {"/nvme0n1/queue/rotational", "0\n"}});
  const std::string scsi = "/sys/devices/pci0000:00/0000:02:00.0/host0/target0:0:0/0:0:0:0";
  host.link("/sys/block/sda",
            "../devices/pci0000:00/0000:02:00.0/host0/target0:0:0/0:0:0:0/block/sda");
  host.link(scsi + "/block/sda/device", "../../../0:0:0:0");
  put_pci(host, "0000:02:00.0", "10700", "mpt3sas");
  put_all(host, scsi,
          {{"/model", "EX-4000\n"},
           {"/rev", "1.0.0.7\n"},
           {"/wwid", "naa.5000c500a1b2c3d4\n"},
           {"/block/sda/size", "7814037168\n"},
           {"/block/sda/queue/scheduler", "none [mq-deadline]\n"},
           {"/block/sda/queue/rotational", "1\n"},
           {"/block/sda/sda1/partition", "1\n"}});
  host.put(scsi + "/vpd_pg80", std::string("\0\x80\0\x08", 4) + "ZC1A9X7Q");
  host.link("/sys/block/dm-0", "../devices/virtual/block/dm-0");
  put_all(host, "/sys/devices/virtual/block/dm-0",
          {{"/size", "7814000000\n"},
           {"/dm/name", "nyc4vg-root\n"},
           {"/dm/uuid", "LVM-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKlMnOpQrStUvWx\n"},
           {"/queue/scheduler", "none\n"},
           {"/slaves/sda1/partition", "1\n"}});
  host.link("/sys/dev/block/254:0", "../../devices/virtual/block/dm-0");
}

}  // namespace

std::unique_ptr<MemoryHost> make_rack_server() {
  auto host = std::make_unique<MemoryHost>();
  host->link("/proc/self", "4242");
  host->link("/proc/4242/ns/pid", "pid:[4026531836]");
  for (const File& file : kSystem) host->put(file.path, file.content);
  for (const char* irq : {"9", "40", "41", "42"}) {
    host->put(fmt::format("/proc/irq/{}/smp_affinity_list", irq), "0-7\n");
    host->put(fmt::format("/proc/irq/{}/effective_affinity_list", irq), "0\n");
  }
  put_cpus(*host);
  put_nic(*host);
  put_drives(*host);
  host->fail("/sys/kernel/debug/sched/preempt", 13);  // EACCES
  host->link("/etc/systemd/system/timers.target.wants/fstrim.timer",
             "/lib/systemd/system/fstrim.timer");
  host->reply({"uname", ""}, {{"sysname", "Linux"},
                              {"nodename", "nyc4-rack12.acme.test"},
                              {"release", "6.1.0-13-amd64"},
                              {"version", "#1 SMP PREEMPT_DYNAMIC"},
                              {"machine", "x86_64"}});
  host->reply({"process.identity", ""}, {{"pid", "4242"}, {"uid", "1000"}, {"euid", "1000"}});
  return host;
}

std::vector<std::string_view> rack_server_secrets() {
  return {"nyc4",         "acme",         "alice",    "hunter2",      "builder@",     "10.20.30.",
          "00:1b:21",     "001b213c9df8", "3d1219c7", "0fb3f5cc",     "5f1c6b0e",     "S6CKNT0W",
          "0025385b71b0", "5000c500a1b2", "ZC1A9X7Q", "AbCdEfGhIjKl", "4e5f60718293", "deadbe01",
          "s.4f9c",       "abcdef",       "forge",    "filer",        "trading"};
}

}  // namespace assay::fakes
