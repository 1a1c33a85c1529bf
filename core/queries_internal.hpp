// The functions behind the rows of core/queries.cpp. Internal to core.
//
// Each asks the running system about one target and gives the reply's keys as the table names
// them. Thread-safe; none but set_...() changes anything, or needs root, though some say more to
// root.
#pragma once

#include <string_view>

#include "core/host.hpp"

namespace assay::queries {

// --- queries_system.cpp: this process and this kernel; the target is "" unless said ---
Expected<Reply> uname(std::string_view target);
Expected<Reply> rlimit(std::string_view target);  // target: "memlock", "rtprio" or "nofile"
Expected<Reply> sched_affinity(std::string_view target);
Expected<Reply> process_identity(std::string_view target);
Expected<Reply> cpuid(std::string_view target);
Expected<Reply> sysconf(std::string_view target);
Expected<Reply> clock(std::string_view target);  // target: a clock's name, "monotonic_raw"

// --- queries_clock.cpp ---
Expected<Reply> adjtimex(std::string_view target);

// --- queries_rings.cpp ---
Expected<Reply> io_uring_probe(std::string_view target);

// --- queries_files.cpp; the target is an absolute path ---
Expected<Reply> statx_dioalign(std::string_view target);
Expected<Reply> statfs(std::string_view target);
Expected<Reply> blockdev_info(std::string_view target);

// --- queries_net.cpp; the target is an interface ---
Expected<Reply> ethtool_drvinfo(std::string_view target);
Expected<Reply> ethtool_ringparam(std::string_view target);
Expected<Reply> ethtool_channels(std::string_view target);
Expected<Reply> ethtool_coalesce(std::string_view target);
Expected<Reply> ethtool_features(std::string_view target);
Expected<Reply> ethtool_requested(std::string_view target);
Expected<Reply> ethtool_pauseparam(std::string_view target);
Expected<Reply> ethtool_eee(std::string_view target);
Expected<Reply> ethtool_ts_info(std::string_view target);
Expected<Reply> ethtool_rxfh(std::string_view target);
Expected<Reply> ethtool_link(std::string_view target);
Expected<Reply> ethtool_fec(std::string_view target);
Expected<Reply> ethtool_rxnfc(std::string_view target);
Expected<Reply> vlan_info(std::string_view target);

// --- changes_net.cpp; these change the interface, and need root ---
//
// Each reads the driver's values, puts the named ones in their place, and writes them back. Error:
// invalid for a value that is no number; else the driver's errno.
Expected<void> set_ringparam(std::string_view target, const Reply& values);
Expected<void> set_channels(std::string_view target, const Reply& values);
Expected<void> set_coalesce(std::string_view target, const Reply& values);
Expected<void> set_pauseparam(std::string_view target, const Reply& values);
Expected<void> set_eee(std::string_view target, const Reply& values);
// queries_net_sets.cpp; keys "on" and "off": the kernel's names of features, comma-separated.
// Names in neither stay as they are.
Expected<void> set_requested(std::string_view target, const Reply& values);

// Key "indirection": the queue of each entry, as many as the table has.
Expected<void> set_rxfh(std::string_view target, const Reply& values);

// --- changes_system.cpp; the changing ones need root ---
//
// target: "15:rcu_preempt", a thread of the kernel (a '/' in its name is '!'). Error: absent when
// no such thread has that name now.
Expected<Reply> thread_affinity(std::string_view target);
Expected<void> set_thread_affinity(std::string_view target, const Reply& values);
// target: a file or device with '!' for each '/': "!dev!dm-1". state: "off", "on", "on:PRIORITY".
Expected<Reply> swap_area(std::string_view target);
Expected<void> set_swap_area(std::string_view target, const Reply& values);
// target: a group of assay's own below the root of cgroup v2. state "none": there is no such group;
// else "isolated", "root" or "member". controller: whether the root passes cpuset on.
Expected<Reply> cpuset_partition(std::string_view target);
Expected<void> set_cpuset_partition(std::string_view target, const Reply& values);

// --- queries_qdisc.cpp; the target is an interface ---
Expected<Reply> net_qdisc(std::string_view target);

// --- queries_xdp.cpp; the target is an interface ---
Expected<Reply> net_xdp(std::string_view target);

// --- queries_nvme.cpp; the target is a controller's or a namespace's name; most need root ---
Expected<Reply> nvme_identify(std::string_view target);
Expected<Reply> nvme_smart(std::string_view target);
Expected<Reply> nvme_namespace(std::string_view target);

}  // namespace assay::queries
