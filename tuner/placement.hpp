// Where a program shall run: what `assay run` was asked for, made concrete for one host, and given.
//
// plan_placement() is pure over what was read; apply_placement() changes the calling process alone
// (and the cgroup that it is in), step by step, and reads each step back: a kernel that takes a
// request and does less is found out. What cannot be given is told and stops nothing; the caller
// decides whether that is an error. Sources: sched(7), set_mempolicy(2), getrlimit(2), and
// Documentation/admin-guide/cgroup-v2.rst for partitions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

#include "core/host.hpp"
#include "core/own_process.hpp"
#include "probes/inventory.hpp"
#include "profiles/selectors.hpp"

namespace assay::tuner {

// As the user wrote it; "" leaves a thing as it is.
struct PlacementRequest {
  std::string cpus = {};        // a selector: "isolated", "2-3", "cores-of(4)"
  std::string near = {};        // a NIC or drive: only CPUs of its NUMA node
  std::string memory = {};      // "local", "0-1", "preferred:0", "interleave:0-1"
  std::string scheduling = {};  // "fifo:80", "rr:10", "deadline:100us/500us/1ms", "other", ...
  std::string group = "auto";   // a cgroup v2 group; "auto": the partition that holds the CPUs
  bool lock_memory = false;     // memory may be locked without bound
  std::vector<std::string> limits = {};  // "nofile=65536", "memlock=unlimited", "rtprio=95"
};

struct JoinGroup {
  std::string directory;  // "/sys/fs/cgroup/trading"
  std::string name;       // "/trading"
};
struct RaiseLimit {
  LimitKind kind = LimitKind::memlock;
  std::uint64_t value = kUnlimited;  // the soft limit; the hard one is only ever raised to it
};
using PlacementValue = std::variant<JoinGroup, CpuSet, MemoryPolicy, RaiseLimit, Scheduling>;

struct PlacementStep {
  std::string option;  // "--cpus isolated"
  PlacementValue value;
};

// What became of one wish.
struct PlacementOutcome {
  std::string option;  // "--sched fifo:80"
  std::string wanted;  // "scheduling fifo:80"
  std::string given;   // as read back from the kernel; "" when nothing was
  std::string reason;  // why not; "" when it was given
};

struct Placement {
  std::vector<PlacementStep> steps;       // in the order in which they are to be made
  std::vector<PlacementOutcome> missing;  // what this host cannot give, known beforehand
  std::vector<std::string> notes;         // what a user should know; no failures
};

// Error: invalid for a text that means nothing (a selector's syntax, a priority of 100).
Expected<Placement> plan_placement(const Host& host, const probes::Inventory& inventory,
                                   profiles::Roles roles, const PlacementRequest& request);

// Makes every step, in order; one that fails does not stop the others. One outcome a step.
std::vector<PlacementOutcome> apply_placement(Host& host, OwnProcess& process,
                                              const Placement& placement);

// --- the language of the options; errors: invalid, with what was expected ---

// "fifo:80", "rr:10", "deadline:RUNTIME/DEADLINE[/PERIOD]", "other", "batch", "idle".
Expected<Scheduling> parse_scheduling(std::string_view text);
// "bind:0-1" or a bare list, "preferred:0", "interleave:0-1". "local" is plan_placement()'s.
Expected<MemoryPolicy> parse_memory_policy(std::string_view text);
// "memlock=64MiB", "rtprio=95", "nofile=unlimited".
Expected<RaiseLimit> parse_limit(std::string_view text);

// --- for people and programs; pure ---

// "CPUs 2-3", "memory bind:1", "memlock unlimited", "group /trading", "scheduling fifo:80".
std::string to_string(const PlacementValue& value);
// What would be set, as a table. Ends with a newline.
std::string render_placement(const Placement& placement, const std::vector<std::string>& command);
// {"schema":"assay.run","version":1,...}: docs/schemas/run.schema.json.
nlohmann::ordered_json to_json(const Placement& placement, const std::vector<std::string>& command);

}  // namespace assay::tuner
