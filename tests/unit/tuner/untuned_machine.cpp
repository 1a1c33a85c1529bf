#include "untuned_machine.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/cpuset.hpp"
#include "core/queries.hpp"
#include "fake_machine.hpp"
#include "probes/probe.hpp"
#include "profiles/loader.hpp"
#include "tuner/text.hpp"

namespace assay::tuner::testing {
namespace {

const std::string kQueue =
    std::string("/sys/devices/pci0000:00/") + kDrivePci + "/nvme/nvme0/nvme0n1/queue/";

// Keeps the words that the file offers, and moves the brackets.
MemoryHost::WriteHook choosing(MemoryHost& host, std::string path, bool reset_queue = false) {
  return [&host, path, reset_queue](std::string_view content) -> Expected<std::string> {
    std::string offered = host.read_trimmed(path).value();
    std::erase_if(offered, [](char c) { return c == '[' || c == ']'; });
    std::string now;
    bool known = false;
    for (std::string_view word : words_of(offered)) {
      const bool chosen = word == content;
      known = known || chosen;
      now += fmt::format("{}{}", now.empty() ? "" : " ",
                         chosen ? fmt::format("[{}]", word) : std::string(word));
    }
    if (!known) return fail_errno(EINVAL, "write", path);
    if (reset_queue) {
      host.put(kQueue + "nr_requests", content == "none" ? "1023\n" : "256\n");
      host.put(kQueue + "wbt_lat_usec", content == "none" ? "2000\n" : "75000\n");
    }
    return now + "\n";
  };
}

MemoryHost::WriteHook masking(std::string path) {
  return [path](std::string_view content) -> Expected<std::string> {
    const auto cpus = CpuSet::parse_mask(content);
    if (!cpus || cpus->empty()) return fail_errno(EINVAL, "write", path);
    std::string mask = cpus->to_mask();
    mask.erase(0, mask.find_first_not_of('0'));
    return mask + "\n";
  };
}

MemoryHost::WriteHook plain() {
  return
      [](std::string_view content) -> Expected<std::string> { return std::string(content) + "\n"; };
}

// Bytes and ratio exclude each other, and bytes cannot be taken back to 0 by writing it.
void couple_dirty(MemoryHost& host, const std::string& name) {
  const std::string bytes = fmt::format("/proc/sys/vm/{}_bytes", name);
  const std::string ratio = fmt::format("/proc/sys/vm/{}_ratio", name);
  host.put(bytes, "0\n");
  host.put(ratio, name == "dirty" ? "20\n" : "10\n");
  host.on_write(bytes, [&host, bytes, ratio](std::string_view value) -> Expected<std::string> {
    if (value == "0") return fail_errno(EINVAL, "write", bytes);
    host.put(ratio, "0\n");
    return std::string(value) + "\n";
  });
  host.on_write(ratio, [&host, bytes](std::string_view value) -> Expected<std::string> {
    host.put(bytes, "0\n");
    return std::string(value) + "\n";
  });
}

void untune_cpus(MemoryHost& host) {
  for (unsigned cpu = 0; cpu < 4; ++cpu) {
    const std::string base = fmt::format("/sys/devices/system/cpu/cpu{}/", cpu);
    const std::string preference = base + "cpufreq/energy_performance_preference";
    host.put(base + "cpufreq/scaling_governor", "powersave\n");
    host.put(base + "cpufreq/scaling_min_freq", "800000\n");
    host.put(base + "cpufreq/scaling_max_freq", "3000000\n");
    host.put(preference, "balance_power\n");
    host.put(base + "power/energy_perf_bias", "6\n");
    host.put(base + "cpuidle/state2/disable", "0\n");
    for (const char* file : {"cpufreq/scaling_min_freq", "cpufreq/scaling_max_freq",
                             "cpufreq/energy_performance_preference", "power/energy_perf_bias",
                             "power/pm_qos_resume_latency_us"}) {
      host.on_write(base + file, plain());
    }
    host.on_write(base + "cpufreq/scaling_governor",
                  [&host, preference](std::string_view governor) -> Expected<std::string> {
                    host.put(preference,
                             governor == "performance" ? "performance\n" : "balance_performance\n");
                    return std::string(governor) + "\n";
                  });
  }
  const std::string uncore = "/sys/devices/system/cpu/intel_uncore_frequency/package_00_die_00/";
  host.put(uncore + "min_freq_khz", "800000\n");
  host.on_write(uncore + "min_freq_khz", plain());
  // Threads stay as they are: what happens when they go is a test of its own.
  host.put("/sys/devices/system/cpu/smt/control", "notsupported\n");
  host.put("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
  host.on_write("/sys/devices/system/cpu/intel_pstate/no_turbo", plain());
}

void untune_memory(MemoryHost& host) {
  const std::string thp = "/sys/kernel/mm/transparent_hugepage/";
  host.put(thp + "enabled", "[always] madvise never\n");
  host.put(thp + "defrag", "always defer defer+madvise [madvise] never\n");
  host.on_write(thp + "enabled", choosing(host, thp + "enabled"));
  host.on_write(thp + "defrag", choosing(host, thp + "defrag"));
  host.put("/sys/kernel/mm/ksm/run", "1\n");
  host.on_write("/sys/kernel/mm/ksm/run", plain());
  for (unsigned node = 0; node < 2; ++node) {
    const std::string pages = fmt::format(
        "/sys/devices/system/node/node{}/hugepages/hugepages-2048kB/nr_hugepages", node);
    host.on_write(pages, plain());
  }
  couple_dirty(host, "dirty");
  couple_dirty(host, "dirty_background");
}

void untune_sysctls(MemoryHost& host) {
  const std::array<std::array<const char*, 2>, 20> values{{{"vm/swappiness", "60"},
                                                           {"vm/stat_interval", "1"},
                                                           {"vm/zone_reclaim_mode", "1"},
                                                           {"vm/compaction_proactiveness", "20"},
                                                           {"vm/nr_hugepages", "16"},
                                                           {"kernel/numa_balancing", "1"},
                                                           {"kernel/soft_watchdog", "1"},
                                                           {"kernel/nmi_watchdog", "1"},
                                                           {"kernel/timer_migration", "1"},
                                                           {"kernel/sched_autogroup_enabled", "1"},
                                                           {"kernel/sched_rt_runtime_us", "950000"},
                                                           {"kernel/io_uring_disabled", "2"},
                                                           {"kernel/perf_event_paranoid", "4"},
                                                           {"fs/nr_open", "65536"},
                                                           {"net/core/busy_poll", "0"},
                                                           {"net/core/busy_read", "0"},
                                                           {"net/core/rmem_max", "212992"},
                                                           {"net/core/wmem_max", "212992"},
                                                           {"net/core/netdev_max_backlog", "1000"},
                                                           {"net/core/somaxconn", "128"}}};
  for (const auto& [name, value] : values) {
    const std::string path = std::string("/proc/sys/") + name;
    host.put(path, std::string(value) + "\n");
    host.on_write(path, plain());
  }
}

void untune_interrupts(MemoryHost& host) {
  for (const char* number : {"9", "40", "41"}) {
    const std::string path = fmt::format("/proc/irq/{}/smp_affinity_list", number);
    host.put(path, "0-3\n");
    host.on_write(path, plain());
  }
  const std::string managed = "/proc/irq/41/smp_affinity_list";
  host.on_write(managed, [managed](std::string_view) -> Expected<std::string> {
    return fail_errno(EIO, "write", managed);
  });
  for (const char* path :
       {"/proc/irq/default_smp_affinity", "/sys/devices/virtual/workqueue/cpumask"}) {
    host.put(path, "f\n");
    host.on_write(path, masking(path));
  }
  host.erase("/sys/devices/virtual/workqueue/cpumask_requested");
  host.put("/proc/77/comm", "irqbalance\n");
  host.put("/etc/default/irqbalance", "# ours\nIRQBALANCE_ONESHOT=0\n");
  host.on_run([&host](const std::vector<std::string>& argv) -> Expected<RunResult> {
    if (argv.size() == 3 && argv[1] == "stop") host.erase("/proc/77");
    if (argv.size() == 3 && argv[1] == "start") host.put("/proc/77/comm", "irqbalance\n");
    return RunResult{};
  });
}

// Names move between the two lists of the driver's features, and ethtool's short names with them.
Expected<void> switch_features(MemoryHost& host, const Reply& values) {
  Reply lists = host.ask({"ethtool.requested", "eth0"}).value();
  for (const auto& [state, names] : values) {
    for (std::string_view name : split(names, ',')) {
      for (auto& [list, have] : lists) {
        std::string kept;
        for (std::string_view one : split(have, ',')) {
          if (!one.empty() && one != name) kept += (kept.empty() ? "" : ",") + std::string(one);
        }
        have = kept;
        if (list == state) have += (have.empty() ? "" : ",") + std::string(name);
      }
    }
  }
  // The kernel lists features in an order of its own.
  for (auto& [list, have] : lists) {
    auto names = split(have, ',');
    std::ranges::sort(names);
    std::string sorted;
    for (std::string_view name : names) sorted += (sorted.empty() ? "" : ",") + std::string(name);
    have = sorted;
  }
  host.reply({"ethtool.requested", "eth0"}, lists);
  const auto on = [&](std::string_view name) {
    return lists["on"].find(name) != std::string::npos ? "on" : "off";
  };
  host.reply({"ethtool.features", "eth0"},
             {{"gro", on("rx-gro")}, {"lro", on("rx-lro")}, {"tso", on("tx-tcp")}, {"fixed", ""}});
  return {};
}

void untune_nic(MemoryHost& host) {
  const std::string nic = std::string("/sys/devices/pci0000:00/") + kNicPci + "/net/eth0/";
  for (const char* queue : {"rx-0", "rx-1"}) {
    const std::string path = nic + "queues/" + queue + "/rps_cpus";
    host.put(path, "f\n");
    host.on_write(path, masking(path));
  }
  host.reply({"ethtool.ringparam", "eth0"},
             {{"rx", "512"}, {"rx_max", "4096"}, {"tx", "512"}, {"tx_max", "4096"}});
  host.reply({"ethtool.channels", "eth0"}, {{"combined", "2"}, {"combined_max", "4"}, {"rx", "0"}});
  host.reply({"ethtool.coalesce", "eth0"}, {{"rx_usecs", "50"}, {"adaptive_rx", "1"}});
  host.on_change({"ethtool.coalesce", "eth0"}, [&host](const Reply& values) -> Expected<void> {
    Reply now = host.ask({"ethtool.coalesce", "eth0"}).value();
    for (const auto& [key, value] : values) now[key] = value;
    // The driver starts from its own figure whenever it is switched.
    if (values.contains("adaptive_rx")) now["rx_usecs"] = "8";
    host.reply({"ethtool.coalesce", "eth0"}, now);
    return {};
  });
  host.reply({"ethtool.requested", "eth0"},
             {{"on", "rx-gro,tx-tcp-segmentation,tx-tcp6-segmentation"}, {"off", "rx-lro"}});
  host.reply({"ethtool.features", "eth0"},
             {{"gro", "on"}, {"lro", "off"}, {"tso", "on"}, {"fixed", ""}});
  host.on_change({"ethtool.requested", "eth0"},
                 [&host](const Reply& values) { return switch_features(host, values); });
}

void untune_drive(MemoryHost& host) {
  const std::array<std::array<const char*, 2>, 8> values{
      {{"nomerges", "0"},
       {"rq_affinity", "1"},
       {"nr_requests", "64"},
       {"add_random", "1"},
       {"iostats", "1"},
       {"wbt_lat_usec", "75000"},
       {"read_ahead_kb", "4096"},
       {"scheduler", "none [mq-deadline] kyber"}}};
  for (const auto& [name, value] : values) {
    host.put(kQueue + name, std::string(value) + "\n");
    host.on_write(kQueue + name, plain());
  }
  host.on_write(kQueue + "scheduler", choosing(host, kQueue + "scheduler", true));
  const std::string tolerance = std::string("/sys/devices/pci0000:00/") + kDrivePci +
                                "/nvme/nvme0/power/pm_qos_latency_tolerance_us";
  host.put(tolerance, "100000\n");
  host.on_write(tolerance, plain());
}

void collect(const MemoryHost& host, const std::string& path, std::string& out) {
  const auto status = host.status(path);
  if (!status) return;
  if (status->kind == FileKind::directory) {
    const auto names = host.list(path);
    if (!names) return;
    for (const std::string& name : *names) collect(host, path + "/" + name, out);
    return;
  }
  const auto text = status->kind == FileKind::symlink ? host.read_link(path) : host.read(path);
  out += fmt::format("{} {:o} {}\n", path, status->mode, text ? *text : text.error().message());
}

}  // namespace

std::unique_ptr<MemoryHost> make_untuned_machine() {
  auto host = make_machine();
  host->put("/proc/sys/kernel/random/boot_id", "5a1e0000-0000-4000-8000-000000000001\n");
  host->directory("/var/lib");
  host->reply({"process.identity", ""}, {{"pid", "1"}, {"uid", "0"}, {"euid", "0"}});
  untune_cpus(*host);
  untune_memory(*host);
  untune_sysctls(*host);
  untune_interrupts(*host);
  untune_nic(*host);
  untune_drive(*host);
  return host;
}

std::string snapshot(const MemoryHost& host) {
  std::string out;
  for (const char* top : {"/sys", "/proc", "/etc"}) collect(host, top, out);
  for (const QueryKind& kind : query_kinds()) {
    const auto answer = host.ask({std::string(kind.kind), "eth0"});
    if (kind.change == nullptr || !answer) continue;
    for (const auto& [key, value] : *answer)
      out += fmt::format("{} {}={}\n", kind.kind, key, value);
  }
  return out;
}

profiles::Profile shipped(std::string_view name) {
  const std::vector<std::string_view> ids = setting_ids();
  auto profile = profiles::load_profile(name, {ids, {}});
  if (!profile) {
    ADD_FAILURE() << profile.error().message();
    return {};
  }
  // The machine has one core a node: as shipped nothing of it would be left to isolate.
  if (profile->cpu_roles.contains("isolated")) profile->cpu_roles["housekeeping"] = "first-core";
  return *profile;
}

Plan plan_now(const Host& host, const profiles::Profile& profile, PlanOptions options) {
  auto plan = make_plan(host, probes::probe(host), profile, options);
  if (!plan) {
    ADD_FAILURE() << plan.error().message();
    return {};
  }
  return *std::move(plan);
}

const PlanRow& plan_row(const Plan& plan, std::string_view id, std::string_view target) {
  for (const PlanRow& row : plan.rows) {
    if (row.setting->id == id && (target.empty() || row.target == target)) return row;
  }
  static const PlanRow none{.setting = find_setting("cpu.governor")};
  ADD_FAILURE() << "no row " << id << " on " << target;
  return none;
}

}  // namespace assay::tuner::testing
