#include "machine.hpp"

#include <fmt/format.h>

namespace assay::probes {
namespace {

const std::string kCpus = "/sys/devices/system/cpu";

}  // namespace

void put_cpu(MemoryHost& host, const CpuPlace& place) {
  const std::string base = fmt::format("{}/cpu{}/topology/", kCpus, place.cpu);
  host.put(base + "physical_package_id", fmt::format("{}\n", place.package));
  host.put(base + "core_id", fmt::format("{}\n", place.core));
  if (!place.threads.empty()) host.put(base + "thread_siblings_list", place.threads + "\n");
  if (!place.members.empty()) host.put(base + "core_siblings_list", place.members + "\n");
}

void put_two_sockets(MemoryHost& host) {
  for (const char* name : {"possible", "present", "online"}) {
    host.put(kCpus + "/" + name, "0-7\n");
  }
  for (unsigned cpu = 0; cpu < 8; ++cpu) {
    const unsigned first_thread = cpu % 4;
    const unsigned package = first_thread / 2;
    put_cpu(host,
            {cpu, package, first_thread % 2, fmt::format("{},{}", first_thread, first_thread + 4),
             package == 0 ? "0-1,4-5" : "2-3,6-7"});
  }
  const std::string nodes = "/sys/devices/system/node";
  host.put(nodes + "/online", "0-1\n");
  host.put(nodes + "/node0/cpulist", "0-1,4-5\n");
  host.put(nodes + "/node1/cpulist", "2-3,6-7\n");
  host.put(nodes + "/node0/distance", "10 21\n");
  host.put(nodes + "/node1/distance", "21 10\n");
  for (const char* node : {"0", "1"}) {
    host.put(
        fmt::format("{}/node{}/meminfo", nodes, node),
        fmt::format("Node {0} MemTotal:       1048576 kB\nNode {0} MemFree:  524288 kB\n", node));
  }
  host.put("/proc/meminfo", "MemTotal:        2097152 kB\nMemAvailable:    1048576 kB\n");
}

void put_pci(MemoryHost& host, const std::string& address, const std::string& path,
             const std::string& class_id, const std::string& driver) {
  const std::string real = "/sys/devices/" + path;
  host.put(real + "/uevent", fmt::format("DRIVER={}\nPCI_CLASS={}\nPCI_ID=8086:1521\n"
                                         "PCI_SLOT_NAME={}\n",
                                         driver, class_id, address));
  host.put(real + "/numa_node", "0\n");
  host.link("/sys/bus/pci/devices/" + address, real);
}

}  // namespace assay::probes
