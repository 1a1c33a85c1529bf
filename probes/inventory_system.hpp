// Kernel, time, limits and environment: part of the Inventory (probes/inventory.hpp), whose rules
// hold here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "core/units.hpp"

namespace assay::probes {

// --- kernel, limits, environment ---

struct Vulnerability {
  std::string name, state;
};

struct Kernel {
  std::string release, version;
  std::string preempt_model;  // "PREEMPT_RT", "PREEMPT_DYNAMIC", "PREEMPT", "voluntary or none"
  std::string preempt_mode;   // in force with PREEMPT_DYNAMIC: "full", ...; root and debugfs only
  bool realtime = false;
  std::string command_line;
  // The sysctls that settings and techniques look at: "vm.swappiness" → "60".
  std::map<std::string, std::string, std::less<>> sysctls;
  // Module parameters, the same way: "nvme.poll_queues" → "0".
  std::map<std::string, std::string, std::less<>> module_parameters;
  std::optional<CpuSet> workqueue_cpus;  // unbound work queues may run here
  std::string security_modules;          // "lockdown,capability,apparmor"
  std::vector<Vulnerability> vulnerabilities;
  std::string clocksource;
  std::vector<std::string> clocksources;
  bool tsc_constant = false, tsc_nonstop = false;
  std::optional<std::uint64_t> tsc_hz;            // as CPUID tells; many CPUs do not
  std::optional<std::int64_t> io_uring_disabled;  // sysctl; absent: the kernel has no such switch
  bool io_uring = false;                          // the setup call works for this process
  std::vector<std::string> io_uring_ops;
  std::vector<std::string> io_uring_features;  // IORING_FEAT_* in lower case: "single_mmap"
  std::string boot_id;
  // The build options that settings and techniques look at: "CONFIG_NO_HZ_FULL" → "y"; "n" when
  // not set. Empty where no configuration can be read.
  std::map<std::string, std::string, std::less<>> config;
  std::string config_source;           // "/proc/config.gz"
  std::vector<std::string> tsc_flags;  // all of the CPU's that concern the time stamp counter
  std::optional<bool> tsc_offered;     // the kernel trusts it as a clocksource
  std::string lockdown;                // "none", "integrity", "confidentiality"; "" no lockdown
  std::optional<std::int64_t> tainted;
  // CPUs whose RCU callbacks run elsewhere in effect: those that have a thread rcuop/N. Absent:
  // none was seen.
  std::optional<CpuSet> rcu_offloaded;
  // What ordinary tasks keep on a CPU that real-time ones fill (sched/fair_server); root only.
  std::optional<std::int64_t> fair_server_runtime_ns;
  std::vector<std::string> modules;  // loaded or built in, of those that techniques need
  std::vector<std::string> tracers;  // "osnoise", "timerlat" ...; root only
  std::vector<std::string> iommus;   // "dmar0": units in use; empty: no IOMMU
};

struct PtpClock {
  std::string name;        // "ptp0"
  std::string clock_name;  // the driver's: "igb clock"
  std::string pci_address;
  std::vector<std::string> interfaces;
  std::optional<std::int64_t> max_adjustment_ppb, external_channels;
  std::optional<bool> pulse_per_second;
};

// What keeps the clock right.
struct TimeSync {
  std::optional<bool> synchronized;       // the kernel's view (adjtimex: not STA_UNSYNC)
  std::optional<std::int64_t> offset_ns;  // the kernel's remaining correction
  std::optional<std::int64_t> estimated_error_us, maximum_error_us;
  std::vector<std::string> daemons;           // running: "chronyd", "ptp4l", ...
  std::vector<std::string> ptp_clocks;        // "ptp0: KVM virtual PTP"
  std::vector<PtpClock> ptp;                  // the same clocks in full
  std::optional<std::int64_t> frequency_ppb;  // how far the kernel corrects the clock's rate
  std::optional<std::int64_t> tai_offset_s;   // 0: nobody told the kernel about leap seconds
};

struct Limit {
  std::string name;        // "memlock"
  std::string soft, hard;  // number or "unlimited"; bytes for memlock
};

struct Limits {
  std::vector<Limit> process;  // of this process
  std::optional<std::int64_t> aio_max_nr, nr_open;
  std::optional<std::int64_t> aio_nr;  // of them in use
};

// What the control groups of this process allow it; the tightest of the group and those above it.
struct GroupLimits {
  std::optional<Bytes> memory_max, memory_high, memory_current;
  std::optional<std::uint64_t> pids_max, pids_current;
  std::optional<std::int64_t> cpu_weight;
  std::optional<std::uint64_t> throttled_periods;  // the quota stopped the group so often
  std::vector<std::string> io_max;  // "259:0 rbps=1048576 ...": v2's io.max, v1's blkio.throttle
  std::map<std::string, Bytes, std::less<>> huge_pages_max;  // "2MB"
};

// Where a value comes from that somebody else sets, and will set again.
struct Provenance {
  std::string by;    // "sysctl", "udev", "modprobe", "systemd", "tuned", "irqbalance", "boot",
                     // "limits", "tmpfiles"
  std::string file;  // "/etc/sysctl.d/99-x.conf"
  unsigned line = 0;
  std::string key, value;  // "vm.swappiness" = "10"; 'ATTR{queue/scheduler}' = "none"
  // A file of the same name in a directory that counts more hides this one (sysctl.d(5)).
  bool overridden = false;
};

struct Environment {
  std::string hypervisor;      // "KVM", ""; from CPUID and DMI
  std::string container;       // "docker", "lxc", "" ...
  std::string cgroup_version;  // "v2", "v1", "hybrid", "none"
  std::string cgroup;  // this process's, in the hierarchy that limits its CPUs: "/user.slice"
  std::optional<double> cpu_quota_cpus;
  std::optional<CpuSet> cpuset_isolated;  // CPUs in isolated cgroup v2 partitions
  bool sys_writable = true;
  bool privileged = false;   // this process is root
  double steal_percent = 0;  // of CPU time since boot, taken by the hypervisor
  std::string board_vendor, product_name, bios_version;
  std::string machine_id_hash;
  // What else tunes, with the file that says so: "irqbalance: running, /etc/default/irqbalance".
  std::vector<std::string> tuners;
  std::optional<bool> fstrim_timer;  // enabled at boot; absent without systemd units
  GroupLimits group_limits;
  std::string tuned_profile;  // TuneD's active one; "" when there is none
  std::vector<Provenance> provenance;
};

}  // namespace assay::probes
