// Small hosts in memory for the probes' tests.
#pragma once

#include <string>

#include "core/memory_host.hpp"
#include "probes/probe.hpp"

namespace assay::probes {

// Where one CPU sits, as sysfs has it.
struct CpuPlace {
  unsigned cpu = 0, package = 0, core = 0;
  std::string threads;  // thread_siblings_list
  std::string members;  // core_siblings_list
};

// Writes cpuN/topology.
void put_cpu(MemoryHost& host, const CpuPlace& place);
// Two packages of two cores with two threads each: CPUs 0-7, numbered as Intel's firmware does
// (0,4 are the threads of the first core of package 0), one NUMA node a package.
void put_two_sockets(MemoryHost& host);
// A PCI function with a driver; its place in the tree is `path`, below /sys/devices.
void put_pci(MemoryHost& host, const std::string& address, const std::string& path,
             const std::string& class_id, const std::string& driver);

}  // namespace assay::probes
