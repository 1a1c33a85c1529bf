// Groups of cgroup v2 that a process can be placed in. Read-only; thread-safe.
// Source: Documentation/admin-guide/cgroup-v2.rst, "cpuset.cpus.partition".
#pragma once

#include <string_view>
#include <vector>

#include "core/cpuset.hpp"
#include "core/host.hpp"
#include "tuner/placement.hpp"

namespace assay::tuner {

// A valid partition: its CPUs belong to it alone, so that a process outside cannot use them.
struct Partition {
  JoinGroup group;
  CpuSet cpus;            // in effect
  bool isolated = false;  // without load balancing
};

// Every valid partition below the root, at most a few levels deep; empty without cgroup v2.
std::vector<Partition> find_partitions(const Host& host);

// A group by its name below the root ("trading/feed"). Errors: invalid for a name with ".." or an
// odd character; absent when there is no such group, or no cgroup v2.
Expected<JoinGroup> find_group(const Host& host, std::string_view name);

// Whether this process is in the group, or in one below it.
bool is_own_group(const Host& host, std::string_view name);
// This process's group, "/user.slice"; "" when it is not told.
std::string own_group(const Host& host);

}  // namespace assay::tuner
