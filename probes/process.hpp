// One running process by name or number, and what limits it. Read-only, thread-safe; the limits of
// other users' processes need root. Source: proc_pid_limits(5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/host.hpp"
#include "probes/inventory_system.hpp"

namespace assay::probes {

struct Process {
  std::string pid, name;  // name: /proc/PID/comm, 15 characters at most
};

// "1234" is a process's number, anything else a name. Errors: absent; invalid where several have
// the name, with their numbers.
Expected<Process> find_process(const Host& host, std::string_view name_or_pid);

// The limits in force, as Limits::process. Errors: absent, denied.
Expected<std::vector<Limit>> limits_of_process(const Host& host, const Process& process);

// The table of /proc/PID/limits; lines that are no limit of ours are passed over. Pure.
std::vector<Limit> parse_limits_table(std::string_view table);

}  // namespace assay::probes
