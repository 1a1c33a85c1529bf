#include <zlib.h>

#include <algorithm>
#include <array>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// What settings and techniques depend on at build time. Sorted.
constexpr auto kOptions = std::to_array<std::string_view>({
    "CONFIG_BPF_SYSCALL",
    "CONFIG_CGROUPS",
    "CONFIG_CPUSETS",
    "CONFIG_CPU_FREQ",
    "CONFIG_CPU_IDLE",
    "CONFIG_CPU_ISOLATION",
    "CONFIG_FUTEX",
    "CONFIG_HIGH_RES_TIMERS",
    "CONFIG_HUGETLBFS",
    "CONFIG_HZ",
    "CONFIG_INTEL_IOMMU",
    "CONFIG_IO_URING",
    "CONFIG_IRQ_FORCED_THREADING",
    "CONFIG_KSM",
    "CONFIG_NET_RX_BUSY_POLL",
    "CONFIG_NO_HZ_FULL",
    "CONFIG_NO_HZ_IDLE",
    "CONFIG_NUMA",
    "CONFIG_NUMA_BALANCING",
    "CONFIG_NVME_MULTIPATH",
    "CONFIG_OSNOISE_TRACER",
    "CONFIG_PREEMPT",
    "CONFIG_PREEMPT_DYNAMIC",
    "CONFIG_PREEMPT_LAZY",
    "CONFIG_PREEMPT_NONE",
    "CONFIG_PREEMPT_RT",
    "CONFIG_PREEMPT_VOLUNTARY",
    "CONFIG_RCU_NOCB_CPU",
    "CONFIG_RDMA_RXE",
    "CONFIG_RT_GROUP_SCHED",
    "CONFIG_SCHED_AUTOGROUP",
    "CONFIG_SCHED_CORE",
    "CONFIG_TIMERLAT_TRACER",
    "CONFIG_TRANSPARENT_HUGEPAGE",
    "CONFIG_VFIO",
    "CONFIG_VFIO_PCI",
    "CONFIG_VIRT_CPU_ACCOUNTING_GEN",
    "CONFIG_XDP_SOCKETS",
});
static_assert(std::ranges::is_sorted(kOptions));

// Configurations are a quarter of a megabyte; a compressed file that claims more is hostile.
constexpr std::size_t kTextLimit = 4U << 20;

// The text of a gzip file; "" when it is none, or is cut, or grows beyond the limit.
std::string inflated(const std::string& packed) {
  z_stream stream{};
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (::inflateInit2(&stream, kGzipOnly) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  int state = Z_OK;
  while (state == Z_OK && text.size() < kTextLimit) {
    const std::size_t before = text.size();
    text.resize(std::min(kTextLimit, before == 0 ? std::size_t{256} << 10 : before * 2));
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + before);
    stream.avail_out = static_cast<uInt>(text.size() - before);
    state = ::inflate(&stream, Z_NO_FLUSH);
    text.resize(text.size() - stream.avail_out);
  }
  ::inflateEnd(&stream);
  return state == Z_STREAM_END ? text : std::string();
}

// "CONFIG_HZ=250", "# CONFIG_KSM is not set".
void take_options(std::string_view text, Kernel& kernel) {
  constexpr std::string_view kOff = " is not set";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::string_view value = "n";
    if (line.starts_with("# ") && line.ends_with(kOff)) {
      line = line.substr(2, line.size() - 2 - kOff.size());
    } else if (const std::size_t equals = line.find('='); equals != std::string_view::npos) {
      value = line.substr(equals + 1);
      line = line.substr(0, equals);
    } else {
      continue;
    }
    if (std::binary_search(kOptions.begin(), kOptions.end(), line)) {
      kernel.config.emplace(line, printable(value));
    }
  }
}

}  // namespace

void read_kernel_config(Reader& reader, Kernel& kernel) {
  const std::string packed = reader.table("/proc/config.gz");
  if (!packed.empty()) {
    take_options(inflated(packed), kernel);
    if (!kernel.config.empty()) kernel.config_source = "/proc/config.gz";
  }
  // The release comes from the host and becomes part of a path: a slash in it is no release.
  const bool named = !kernel.release.empty() && kernel.release.find('/') == std::string::npos;
  if (!kernel.config.empty() || !named) return;
  for (const std::string& path :
       {"/boot/config-" + kernel.release, "/lib/modules/" + kernel.release + "/config",
        "/usr/lib/modules/" + kernel.release + "/config"}) {
    take_options(reader.table(path), kernel);
    if (kernel.config.empty()) continue;
    kernel.config_source = path;
    return;
  }
}

}  // namespace assay::probes
