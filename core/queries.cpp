#include "core/queries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/queries_internal.hpp"

namespace assay {
namespace {

constexpr std::array kKinds = std::to_array<QueryKind>({
    {"uname", "", "sysname,nodename,release,version,machine", "uname(2)", queries::uname},
    {"rlimit", "limit", "soft,hard", "getrlimit(2); \"unlimited\" or a number (memlock: bytes)",
     queries::rlimit},
    {"sched.affinity", "", "cpus", "sched_getaffinity(2)", queries::sched_affinity},
    {"process.identity", "", "pid,uid,euid,cap_eff", "capabilities(7); cap_eff in hexadecimal",
     queries::process_identity},
    {"cpuid", "", "vendor,tsc_invariant,tsc_hz,hypervisor",
     "Intel SDM volume 2A and AMD APM volume 3, CPUID", queries::cpuid},
    {"sysconf", "", "page_size_bytes,clk_tck,cpus_configured,cpus_online", "sysconf(3)",
     queries::sysconf},
    {"clock", "clock", "resolution_ns", "clock_getres(2)", queries::clock},
    {"adjtimex", "",
     "synchronized,offset_ns,frequency_ppb,maximum_error_us,estimated_error_us,tai_offset_s",
     "adjtimex(2); read only", queries::adjtimex},
    {"io_uring.probe", "", "ops,features",
     "io_uring_register(2); ops: opcodes as a list, \"0-50\"; features: IORING_FEAT_* bits",
     queries::io_uring_probe},
    {"statx.dioalign", "path", "mem_align_bytes,offset_align_bytes", "statx(2), STATX_DIOALIGN",
     queries::statx_dioalign},
    {"statfs", "path",
     "type,magic,block_size_bytes,size_bytes,free_bytes,available_bytes,read_only", "statfs(2)",
     queries::statfs},
    {"blockdev.info", "path",
     "logical_block_bytes,physical_block_bytes,size_bytes,read_only,rotational",
     "ioctl_list(2), BLKSSZGET and others", queries::blockdev_info},
    {"ethtool.drvinfo", "interface", "driver,version,firmware,bus_info", "ETHTOOL_GDRVINFO",
     queries::ethtool_drvinfo},
    {"ethtool.ringparam", "interface", "rx,tx,rx_max,tx_max", "ETHTOOL_GRINGPARAM",
     queries::ethtool_ringparam, "rx,tx", queries::set_ringparam},
    {"ethtool.channels", "interface", "rx,tx,combined,other,rx_max,tx_max,combined_max,other_max",
     "ETHTOOL_GCHANNELS", queries::ethtool_channels, "rx,tx,combined", queries::set_channels},
    {"ethtool.coalesce", "interface",
     "rx_usecs,rx_frames,tx_usecs,tx_frames,rx_usecs_irq,tx_usecs_irq,adaptive_rx,adaptive_tx",
     "ETHTOOL_GCOALESCE", queries::ethtool_coalesce,
     "rx_usecs,rx_frames,tx_usecs,tx_frames,adaptive_rx,adaptive_tx", queries::set_coalesce},
    {"ethtool.features", "interface", "gro,lro,tso,gso,ntuple,rxhash,rx_checksum,tx_checksum,fixed",
     "ETHTOOL_GFEATURES; \"on\" or \"off\"; fixed: those that the driver does not let change",
     queries::ethtool_features},
    {"ethtool.requested", "interface", "on,off",
     "ETHTOOL_GFEATURES; the kernel's names of what may be switched, by what was asked for it",
     queries::ethtool_requested, "on,off", queries::set_requested},
    {"ethtool.pauseparam", "interface", "autoneg,rx,tx", "ETHTOOL_GPAUSEPARAM",
     queries::ethtool_pauseparam, "autoneg,rx,tx", queries::set_pauseparam},
    {"ethtool.eee", "interface", "enabled,active,tx_lpi_enabled,tx_lpi_usecs", "ETHTOOL_GEEE",
     queries::ethtool_eee, "enabled", queries::set_eee},
    {"ethtool.ts_info", "interface",
     "phc_index,hardware_tx,hardware_rx,hardware_clock,software_tx,software_rx",
     "ETHTOOL_GET_TS_INFO; phc_index -1: no PTP clock", queries::ethtool_ts_info},
    {"ethtool.link", "interface", "speed_mbps,duplex,autoneg,port",
     "ETHTOOL_GLINKSETTINGS; speed_mbps \"\": no link", queries::ethtool_link},
    {"ethtool.fec", "interface", "configured,active", "ETHTOOL_GFECPARAM; modes as a list",
     queries::ethtool_fec},
    {"ethtool.rxnfc", "interface", "rings,rules,table_size",
     "ETHTOOL_GRXRINGS, ETHTOOL_GRXCLSRLCNT; rules of ntuple filters, \"\": not told",
     queries::ethtool_rxnfc},
    {"ethtool.rxfh", "interface", "indirection_size,queues,indirection", "ETHTOOL_GRSSH",
     queries::ethtool_rxfh, "indirection", queries::set_rxfh},
    {"thread.affinity", "thread", "cpus", "sched_setaffinity(2); of a thread of the kernel",
     queries::thread_affinity, "cpus", queries::set_thread_affinity},
    {"swap.area", "name", "state", "swapon(2); \"off\", \"on\" or \"on:PRIORITY\"",
     queries::swap_area, "state", queries::set_swap_area},
    {"cpuset.partition", "name", "controller,cpus,state",
     "Documentation/admin-guide/cgroup-v2.rst, cpuset.cpus.partition", queries::cpuset_partition,
     "controller,cpus,state", queries::set_cpuset_partition},
    {"net.qdisc", "interface", "root,leaves",
     "rtnetlink(7), RTM_GETQDISC; leaves: kinds below a multi-queue root, \"fq_codel,fq\"",
     queries::net_qdisc},
    {"net.xdp", "interface", "features,zero_copy_segments",
     "Documentation/netlink/specs/netdev.yaml; \"\": the driver has no XDP of its own",
     queries::net_xdp},
    {"vlan.info", "interface", "id,lower", "SIOCGIFVLAN, <linux/if_vlan.h>", queries::vlan_info},
    {"nvme.identify", "nvme",
     "version,max_transfer_bytes,volatile_write_cache,write_cache_on,warning_celsius,"
     "critical_celsius,namespaces_max,power_states,power_state,apst,apst_on,apst_table",
     "NVM Express Base Specification, Identify Controller and Get Features; power_states: "
     "\"max_milliwatt/entry_us/exit_us/operational\" each; apst_table: \"state>next:idle_ms\" "
     "each; "
     "\"\": not told",
     queries::nvme_identify},
    {"nvme.smart", "nvme",
     "critical_warning,temperature_celsius,spare_percent,spare_threshold_percent,used_percent,"
     "read_bytes,written_bytes,power_cycles,power_on_hours,unsafe_shutdowns,media_errors,"
     "error_log_entries,warning_minutes,critical_minutes",
     "NVM Express Base Specification, SMART / Health Information; needs root", queries::nvme_smart},
    {"nvme.namespace", "nvme", "id,blocks,used_blocks,format,formats",
     "NVM Express NVM Command Set Specification, Identify Namespace; formats: "
     "\"data_bytes/metadata_bytes/performance\" each; needs root",
     queries::nvme_namespace},
});

std::string subject_of(const Query& query) {
  return query.target.empty() ? query.kind : query.kind + " " + query.target;
}

// What the row says its target names, checked before anything is asked.
Expected<void> check_target(const QueryKind& row, const Query& query) {
  const auto bad = [&](std::string_view cause) {
    return fail(ErrorCode::invalid, "ask", subject_of(query), cause);
  };
  const std::string_view target = query.target;
  if (target.find('\0') != std::string_view::npos) return bad("the target holds a NUL byte");
  if (row.target.empty() && !target.empty()) return bad("this question has no target");
  if (!row.target.empty() && target.empty()) {
    return bad(fmt::format("expected a target: {}", row.target));
  }
  if (row.target == "path" && !target.starts_with('/')) return bad("expected an absolute path");
  if (row.target == "interface" && !is_interface_name(target)) {
    return bad("expected the name of an interface: below 16 bytes, no slash, no white space");
  }
  const auto odd = [](char c) { return c <= ' ' || c >= '\x7f' || c == '/'; };
  if ((row.target == "thread" || row.target == "name") &&
      (target.starts_with('.') || std::ranges::any_of(target, odd))) {
    return bad("expected one plain name without slashes");
  }
  if (row.target == "nvme" && !is_nvme_name(target)) {
    return bad("expected the name of an NVMe controller or namespace, such as nvme0 or nvme0n1");
  }
  return {};
}

}  // namespace

std::span<const QueryKind> query_kinds() { return kKinds; }

const QueryKind* find_query_kind(std::string_view kind) {
  for (const QueryKind& row : kKinds) {
    if (row.kind == kind) return &row;
  }
  return nullptr;
}

bool is_interface_name(std::string_view name) {
  constexpr std::size_t kNameMax = 15;  // IFNAMSIZ without the final NUL
  if (name.empty() || name.size() > kNameMax || name == "." || name == "..") return false;
  // As the kernel's dev_valid_name(): no '/', no ':', no white space; NUL cannot be sent at all.
  constexpr std::string_view kForbidden("/: \t\n\v\f\r\0", 9);
  return name.find_first_of(kForbidden) == std::string_view::npos;
}

bool is_nvme_name(std::string_view name) {
  constexpr std::string_view kPrefix = "nvme";
  constexpr std::size_t kNameMax = 31;  // DISK_NAME_LEN without the final NUL
  if (!name.starts_with(kPrefix) || name.size() > kNameMax) return false;
  const std::string_view rest = name.substr(kPrefix.size());
  const bool good = rest.find_first_not_of("0123456789n") == std::string_view::npos;
  const bool digit_ends = !rest.empty() && rest.front() != 'n' && rest.back() != 'n';
  return good && digit_ends && std::count(rest.begin(), rest.end(), 'n') <= 1;
}

Expected<Reply> answer_query(const Query& query) {
  const QueryKind* row = find_query_kind(query.kind);
  if (row == nullptr) return missing_reply(query);
  if (auto good = check_target(*row, query); !good) return Failure(good.error());
  return row->answer(query.target);
}

Expected<void> check_change(const Query& request, const Reply& values) {
  const QueryKind* row = find_query_kind(request.kind);
  if (row == nullptr || row->change == nullptr) {
    return fail(ErrorCode::unsupported, "change", subject_of(request), "this cannot be set");
  }
  if (auto good = check_target(*row, request); !good) return good;
  if (values.empty()) {
    return fail(ErrorCode::invalid, "change", subject_of(request), "expected a value to set");
  }
  const std::string keys = fmt::format(",{},", row->changeable);
  for (const auto& [key, value] : values) {
    if (keys.find(fmt::format(",{},", key)) != std::string::npos) continue;
    return fail(ErrorCode::unsupported, "change", subject_of(request),
                fmt::format("\"{}\" cannot be set; these can: {}", key, row->changeable));
  }
  return {};
}

Expected<void> change_by_query(const Query& request, const Reply& values) {
  if (auto good = check_change(request, values); !good) return good;
  return find_query_kind(request.kind)->change(request.target, values);
}

Failure missing_reply(const Query& query) {
  if (find_query_kind(query.kind) == nullptr) {
    return fail(ErrorCode::unsupported, "ask", subject_of(query), "no such question is known");
  }
  return fail(ErrorCode::absent, "ask", subject_of(query), "the capture did not record it");
}

}  // namespace assay
