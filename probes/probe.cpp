#include "probes/probe.hpp"

#include <array>
#include <thread>

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
  read_cpu_power(reader, inventory.topology);
  read_cpu_kinds(reader, inventory.topology);
  count_cpu_groups(inventory.topology);
  if (in_doubt(inventory.topology)) ask_hwloc(reader.host(), inventory.topology);
}

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
  Clock::time_point counted;
  for (const Step& step : kSteps) {
    if (!has(areas, step.area)) continue;
    if (step.area == Area::interrupts) counted = Clock::now();
    step.read(reader, inventory);
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
  if (const std::string rest = bounded.shortfall(); !rest.empty()) {
    inventory.unreadable.push_back(rest);
  }
  return inventory;
}

Inventory probe(const Host& host) { return probe(host, ProbeOptions{}); }

}  // namespace assay::probes
