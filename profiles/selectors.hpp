// CPU selectors: roles by topology instead of by number.
//
//   all | online | allowed | isolated | housekeeping | ROLE | rest | one-core-per-node |
//   one-core-per-package | first-core | node(N) | package(N) | siblings-of(X) | cores-of(X) |
//   whole-cores(X) | not(X) | at-most(N, X) | kind(performance) | kind(efficiency) |
//   near(nic:NAME) | near(drive:NAME) | list such as "0-3,8" |
//   X + Y or X, Y (union), X - Y (difference), X & Y (intersection, binds tighter), parentheses
// Cores are whole: first-core, one-core-per-... and cores-of() hold every online hardware thread of
// a core; siblings-of(X) holds the other threads of X's cores, without X. at-most(N, X) is X, or N
// of its CPUs evenly spread, second threads of cores last; whole-cores(X) is X without threads
// whose sibling is not in X. kind() tells the CPUs of hybrid machines; on others all perform.
// near() is the CPUs of the NUMA node of a device (profiles/near.hpp). A result holds online CPUs
// only: a listed CPU that is offline is left out. `rest`, in a role, is every online CPU that no
// other role took. "isolated" and "housekeeping" are roles when the profile defines them; otherwise
// what the kernel isolates now, and everything else.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "probes/inventory.hpp"
#include "profiles/profile.hpp"

namespace assay::profiles {

using Roles = std::map<std::string, CpuSet, std::less<>>;

// Resolves every role of the profile on this host. Errors: invalid for syntax, unknown names,
// cycles, CPUs that the host does not have, or an empty housekeeping role.
Expected<Roles> resolve_roles(const Profile& profile, const probes::Inventory& inventory);
// The same where no device is known: near() is an error.
Expected<Roles> resolve_roles(const Profile& profile, const probes::Topology& topology);

// Resolves one selector, given resolved roles.
Expected<CpuSet> select_cpus(std::string_view selector, const probes::Inventory& inventory,
                             const Roles& roles);
Expected<CpuSet> select_cpus(std::string_view selector, const probes::Topology& topology,
                             const Roles& roles);

}  // namespace assay::profiles
