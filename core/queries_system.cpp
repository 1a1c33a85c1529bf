#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "core/cpuset.hpp"
#include "core/queries_internal.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif
// Declares the kernel's own capability structures; libcap is not needed to read one's own.
#include <linux/capability.h>

namespace assay::queries {
namespace {

std::string limit_text(rlim_t value) {
  return value == RLIM_INFINITY ? "unlimited" : fmt::format("{}", value);
}

template <typename Key, typename Value, std::size_t kCount>
const Value* find_name(const std::array<std::pair<Key, Value>, kCount>& table,
                       std::string_view name) {
  for (const auto& [key, value] : table) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace

Expected<Reply> uname(std::string_view) {
  utsname names{};
  if (::uname(&names) != 0) return fail_errno(errno, "uname");
  return Reply{{"sysname", names.sysname},
               {"nodename", names.nodename},
               {"release", names.release},
               {"version", names.version},
               {"machine", names.machine}};
}

Expected<Reply> rlimit(std::string_view target) {
  constexpr std::array<std::pair<std::string_view, int>, 3> kLimits{
      {{"memlock", RLIMIT_MEMLOCK}, {"rtprio", RLIMIT_RTPRIO}, {"nofile", RLIMIT_NOFILE}}};
  const int* resource = find_name(kLimits, target);
  if (resource == nullptr) {
    return fail(ErrorCode::invalid, "getrlimit", target, "expected memlock, rtprio or nofile");
  }
  struct rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(*resource), &limit) != 0) {
    return fail_errno(errno, "getrlimit", target);
  }
  return Reply{{"soft", limit_text(limit.rlim_cur)}, {"hard", limit_text(limit.rlim_max)}};
}

Expected<Reply> sched_affinity(std::string_view) {
  // Through the raw call: it takes masks wider than cpu_set_t's 1024 CPUs.
  std::array<std::uint64_t, CpuSet::kMaxCpus / 64> mask{};
  const long bytes = ::syscall(SYS_sched_getaffinity, 0, sizeof mask, mask.data());
  if (bytes < 0) return fail_errno(errno, "sched_getaffinity");
  CpuSet cpus;
  for (std::size_t word = 0; word < static_cast<std::size_t>(bytes) / sizeof mask[0]; ++word) {
    for (unsigned bit = 0; bit < 64; ++bit) {
      if ((mask.at(word) >> bit & 1U) != 0) cpus.add(static_cast<unsigned>(word) * 64 + bit);
    }
  }
  return Reply{{"cpus", cpus.to_list()}};
}

Expected<Reply> process_identity(std::string_view) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return fail_errno(errno, "capget");
  const std::uint64_t effective =
      std::uint64_t{data[1].effective} << 32 | std::uint64_t{data[0].effective};
  return Reply{{"pid", fmt::format("{}", ::getpid())},
               {"uid", fmt::format("{}", ::getuid())},
               {"euid", fmt::format("{}", ::geteuid())},
               {"cap_eff", fmt::format("{:016x}", effective)}};
}

#if defined(__x86_64__) || defined(__i386__)
namespace {

struct Leaf {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
};

// All zero when the CPU does not have the leaf.
Leaf read_leaf(unsigned number) {
  Leaf leaf;
  if (__get_cpuid_count(number, 0, &leaf.eax, &leaf.ebx, &leaf.ecx, &leaf.edx) == 0) return {};
  return leaf;
}

// Twelve characters out of three registers, as both vendor strings are stored.
std::string vendor_text(unsigned first, unsigned second, unsigned third) {
  std::array<char, 13> text{};
  std::memcpy(text.data(), &first, 4);
  std::memcpy(text.data() + 4, &second, 4);
  std::memcpy(text.data() + 8, &third, 4);
  return text.data();
}

}  // namespace

Expected<Reply> cpuid(std::string_view) {
  Reply reply;
  const Leaf vendor = read_leaf(0);
  reply["vendor"] = vendor_text(vendor.ebx, vendor.edx, vendor.ecx);
  constexpr unsigned kInvariantTsc = 1U << 8;
  reply["tsc_invariant"] = (read_leaf(0x80000007).edx & kInvariantTsc) != 0 ? "1" : "0";
  // Leaf 0x15: TSC = crystal (ecx, Hz) * ebx / eax; 0 where the CPU does not say.
  const Leaf ratio = read_leaf(0x15);
  std::uint64_t tsc_hz = 0;
  if (ratio.eax != 0 && ratio.ebx != 0 && ratio.ecx != 0) {
    tsc_hz = std::uint64_t{ratio.ecx} * ratio.ebx / ratio.eax;
  }
  reply["tsc_hz"] = fmt::format("{}", tsc_hz);
  constexpr unsigned kHypervisorPresent = 1U << 31;
  if ((read_leaf(1).ecx & kHypervisorPresent) != 0) {
    // The hypervisor's range is outside of what __get_cpuid_count() checks: ask it directly.
    Leaf leaf;
    __cpuid(0x40000000, leaf.eax, leaf.ebx, leaf.ecx, leaf.edx);
    reply["hypervisor"] = vendor_text(leaf.ebx, leaf.ecx, leaf.edx);
  } else {
    reply["hypervisor"] = "";
  }
  return reply;
}
#else
Expected<Reply> cpuid(std::string_view) {
  return fail(ErrorCode::unsupported, "cpuid", "", "this processor has no CPUID instruction");
}
#endif

Expected<Reply> sysconf(std::string_view) {
  Reply reply;
  constexpr std::array<std::pair<const char*, int>, 4> kNames{
      {{"page_size_bytes", _SC_PAGESIZE},
       {"clk_tck", _SC_CLK_TCK},
       {"cpus_configured", _SC_NPROCESSORS_CONF},
       {"cpus_online", _SC_NPROCESSORS_ONLN}}};
  for (const auto& [key, name] : kNames) {
    const long value = ::sysconf(name);
    if (value < 0) return fail(ErrorCode::unsupported, "sysconf", key, "the system does not say");
    reply[key] = fmt::format("{}", value);
  }
  return reply;
}

Expected<Reply> clock(std::string_view target) {
  constexpr std::array<std::pair<std::string_view, clockid_t>, 7> kClocks{
      {{"realtime", CLOCK_REALTIME},
       {"monotonic", CLOCK_MONOTONIC},
       {"monotonic_raw", CLOCK_MONOTONIC_RAW},
       {"monotonic_coarse", CLOCK_MONOTONIC_COARSE},
       {"boottime", CLOCK_BOOTTIME},
       {"tai", CLOCK_TAI},
       {"process_cputime", CLOCK_PROCESS_CPUTIME_ID}}};
  const clockid_t* id = find_name(kClocks, target);
  if (id == nullptr) {
    return fail(ErrorCode::invalid, "clock_getres", target,
                "expected a clock's name in lower case, such as monotonic_raw");
  }
  timespec resolution{};
  if (::clock_getres(*id, &resolution) != 0) return fail_errno(errno, "clock_getres", target);
  const long long ns = resolution.tv_sec * 1'000'000'000LL + resolution.tv_nsec;
  return Reply{{"resolution_ns", fmt::format("{}", ns)}};
}

}  // namespace assay::queries
