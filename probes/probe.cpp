#include "probes/probe.hpp"

#include <array>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/bounded_host.hpp"
#include "probes/hwloc_witness.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

using Clock = std::chrono::steady_clock;

void read_all_of_topology(Reader& reader, Inventory& inventory) {
  read_topology(reader, inventory);
  read_nodes(reader, inventory);
  read_memory_tiers(reader, inventory.topology);
  read_caches(reader, inventory.topology);
  read_power_of_all(reader, inventory.topology);
  read_cpu_kinds(reader, inventory.topology);
  count_cpu_groups(inventory.topology);
}

// Reads the power facts of a large host's CPUs while the other probes work; on a small host a
// thread would cost more than it saves. Has a host and a reader of its own, so that what a tree's
// limits cut off does not depend on who was faster.
class PowerReader {
 public:
  PowerReader(const Host& host, const Topology& topology)
      : bounded_(host), reader_(bounded_), cpus_(topology.online.to_vector()) {
    constexpr std::size_t kManyCpus = 32;
    if (cpus_.size() < kManyCpus) return;
    thread_ = std::jthread([this] { powers_ = read_power_of(reader_, cpus_); });
  }

  // Waits for the facts and hands them over; once.
  void finish(Inventory& inventory) {
    if (thread_.joinable()) {
      thread_.join();
    } else {
      powers_ = read_power_of(reader_, cpus_);
    }
    set_power(std::move(powers_), inventory.topology);
    for (std::string& line : reader_.take_unreadable()) {
      inventory.unreadable.push_back(std::move(line));
    }
    if (const std::string rest = bounded_.shortfall(); !rest.empty()) {
      inventory.unreadable.push_back(rest);
    }
  }

 private:
  const BoundedHost bounded_;
  Reader reader_;
  const std::vector<unsigned> cpus_;
  std::vector<CpuPower> powers_;
  std::jthread thread_;  // last: it ends before what it writes to goes
};

struct Step {
  Area area;
  void (*read)(Reader& reader, Inventory& inventory);
};
// The order matters: each may look at what stands before it.
constexpr auto kSteps = std::to_array<Step>({{Area::memory, read_memory},
                                             {Area::topology, read_all_of_topology},
                                             {Area::pci, read_pci},
                                             {Area::interrupts, read_interrupts},
                                             {Area::net, read_nics},
                                             {Area::block, read_block},
                                             {Area::nvme, read_nvme},
                                             {Area::rdma, read_rdma},
                                             {Area::mounts, read_mounts},
                                             {Area::kernel, read_kernel},
                                             {Area::limits, read_limits}});

// Sleeps in pieces, so that Ctrl-C does not wait for the end of a long window.
void wait_until(Clock::time_point end, const std::atomic<bool>* stop) {
  constexpr auto kPiece = std::chrono::milliseconds(50);
  while (Clock::now() < end && (stop == nullptr || !*stop)) {
    std::this_thread::sleep_for(std::min<Clock::duration>(kPiece, end - Clock::now()));
  }
}

}  // namespace

Inventory probe(const Host& host, const ProbeOptions& options) {
  // A tree that lies about its size ends here, whatever each probe believes.
  const BoundedHost bounded(host);
  Reader reader(bounded);
  Inventory inventory;
  const Areas areas = with_needs(options.areas);
  read_host(reader, inventory);
  std::optional<PowerReader> power;
  Clock::time_point counted;
  for (const Step& step : kSteps) {
    if (!has(areas, step.area)) continue;
    if (step.area == Area::interrupts) counted = Clock::now();
    step.read(reader, inventory);
    if (step.area == Area::topology) power.emplace(host, inventory.topology);
  }
  name_interrupt_queues(inventory);
  if (has(areas, Area::time) || has(areas, Area::environment) || has(areas, Area::kernel) ||
      has(options.areas, Area::interrupts)) {
    const std::set<std::string> running = running_programs(reader);
    inventory.interrupts.irqbalance_running = running.contains("irqbalance");
    note_rcu_threads(running, inventory.kernel);
    if (has(areas, Area::time)) read_time(reader, running, inventory);
    if (has(areas, Area::environment)) read_environment(reader, running, inventory);
  }
  if (options.window.count() > 0 && has(areas, Area::interrupts)) {
    wait_until(counted + options.window, options.stop);
    const auto window = Clock::now() - counted;
    add_interrupt_rates(reader.table("/proc/interrupts"), window, inventory.interrupts);
  }
  inventory.unreadable = reader.take_unreadable();
  if (power) {
    power->finish(inventory);
    if (in_doubt(inventory.topology)) ask_hwloc(bounded, inventory.topology);
  }
  if (const std::string rest = bounded.shortfall(); !rest.empty()) {
    inventory.unreadable.push_back(rest);
  }
  return inventory;
}

Inventory probe(const Host& host) { return probe(host, ProbeOptions{}); }

}  // namespace assay::probes
