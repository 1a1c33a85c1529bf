#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probes/json_parts.hpp"
#include "probes/json_text.hpp"

namespace assay::probes {
namespace {

struct Row {
  std::string_view path;  // keys with dots between them; elements of a list have their list's path
  Part part;
};

// Which part of the document belongs to which digest: the longest path that fits counts, so a
// field that is added later falls to its section's part. Sorted by path.
//
// identity       stays when the host is tuned, updated and rebooted: hardware and its firmware
// configuration  what somebody chose: kernel, boot line, settings, what runs to change them
// state          what changes by itself, belongs to this boot or to this process
// none           what only root sees: the digests must not depend on who asks
constexpr auto kRows = std::to_array<Row>({
    {"areas", Part::none},
    {"block", Part::configuration},
    {"block.array_state", Part::state},
    {"block.backing_file", Part::configuration},
    {"block.dma_alignment_bytes", Part::configuration},  // the driver's
    {"block.firmware", Part::identity},
    {"block.force_unit_access", Part::identity},
    {"block.irqs", Part::state},
    {"block.kind", Part::identity},
    {"block.layer", Part::configuration},
    {"block.link", Part::identity},
    {"block.link.degraded", Part::state},
    {"block.link.limited_by_slot", Part::identity},
    {"block.link.speed_gts", Part::state},  // links slow down to save power
    {"block.link.width", Part::state},
    {"block.logical_block_bytes", Part::identity},
    {"block.model", Part::identity},
    {"block.name", Part::state},  // handed out anew at every boot
    {"block.parts", Part::configuration},
    {"block.parts.name", Part::state},
    {"block.pci_address", Part::identity},
    {"block.physical_block_bytes", Part::identity},
    {"block.poll_queues", Part::none},
    {"block.rotational", Part::identity},
    {"block.serial_hash", Part::identity},
    {"block.size_bytes", Part::identity},
    {"block.target", Part::identity},
    {"environment", Part::configuration},
    {"environment.bios_version", Part::identity},
    {"environment.board_vendor", Part::identity},
    {"environment.cgroup", Part::state},  // of this process
    {"environment.cpu_quota_cpus", Part::state},
    {"environment.group_limits", Part::state},  // of this process
    {"environment.hypervisor", Part::identity},
    {"environment.machine_id_hash", Part::identity},
    {"environment.privileged", Part::none},
    {"environment.product_name", Part::identity},
    {"environment.steal_percent", Part::state},
    {"environment.sys_writable", Part::state},
    {"host.load_1m", Part::state},
    {"host.name", Part::configuration},
    {"interrupts", Part::configuration},
    {"interrupts.irqs.asked", Part::configuration},
    {"interrupts.irqs.counts", Part::state},
    {"interrupts.irqs.effective", Part::state},  // the kernel's choice among those asked for
    {"interrupts.irqs.managed", Part::none},
    {"interrupts.irqs.number", Part::state},
    {"interrupts.irqs.rates", Part::state},
    {"interrupts.irqs.serves", Part::state},  // names that this boot gave
    {"interrupts.named", Part::state},
    {"interrupts.named_rates", Part::state},
    {"interrupts.window_ns", Part::state},
    {"kernel", Part::configuration},
    {"kernel.boot_id", Part::state},
    {"kernel.config", Part::none},  // follows from the release; some hide /boot
    {"kernel.config_source", Part::none},
    {"kernel.fair_server_runtime_ns", Part::none},
    {"kernel.modules", Part::state},
    {"kernel.preempt_mode", Part::none},
    {"kernel.tainted", Part::state},
    {"kernel.tracers", Part::none},
    {"kernel.tsc_constant", Part::identity},
    {"kernel.tsc_hz", Part::identity},
    {"kernel.tsc_nonstop", Part::identity},
    {"limits", Part::configuration},
    {"limits.aio_nr", Part::state},
    {"limits.process", Part::state},  // of this process
    {"memory", Part::configuration},
    {"memory.available_bytes", Part::state},
    {"memory.free_bytes", Part::state},
    {"memory.huge_pages.free", Part::state},
    {"memory.huge_pages.reserved", Part::state},
    {"memory.huge_pages.surplus", Part::state},
    {"memory.installed_estimate_bytes", Part::identity},
    {"memory.swap_free_bytes", Part::state},
    {"memory.swaps.used_bytes", Part::state},
    {"memory.total_bytes", Part::state},  // moves with a guest's balloon and the kernel's version
    {"mounts", Part::configuration},
    {"mounts.block_device", Part::state},
    {"mounts.drive", Part::state},
    {"mounts.members", Part::state},
    {"mounts.source", Part::state},
    {"net", Part::configuration},
    {"net.address_hash", Part::identity},
    {"net.bond.active", Part::state},
    {"net.bond.link_state", Part::state},
    {"net.carrier", Part::state},
    {"net.driver", Part::configuration},
    {"net.duplex", Part::state},
    {"net.errors", Part::state},
    {"net.fec.active", Part::state},
    {"net.firmware", Part::identity},
    {"net.irqs", Part::state},
    {"net.kind", Part::identity},
    {"net.link", Part::identity},
    {"net.link.degraded", Part::state},
    {"net.link.speed_gts", Part::state},
    {"net.link.width", Part::state},
    {"net.link_mode", Part::state},
    {"net.name", Part::configuration},  // udev's rules choose it
    {"net.operstate", Part::state},
    {"net.pci_address", Part::identity},
    {"net.ptp_clock", Part::state},  // numbers are handed out anew at every boot
    {"net.speed_mbps", Part::state},
    {"net.target", Part::identity},
    {"net.virtual_function", Part::identity},
    {"nvme", Part::identity},
    {"nvme.apst_on", Part::none},
    {"nvme.apst_possible", Part::none},
    {"nvme.apst_table", Part::none},
    {"nvme.critical_celsius", Part::none},
    {"nvme.health", Part::none},
    {"nvme.health_error", Part::none},
    {"nvme.identity_error", Part::none},
    {"nvme.latency_tolerance_us", Part::configuration},
    {"nvme.link.degraded", Part::state},
    {"nvme.link.speed_gts", Part::state},
    {"nvme.link.width", Part::state},
    {"nvme.max_transfer_bytes", Part::none},
    {"nvme.multipath_policy", Part::configuration},
    {"nvme.name", Part::state},
    {"nvme.namespaces", Part::state},
    {"nvme.node", Part::configuration},
    {"nvme.poll_queues", Part::none},
    {"nvme.power_state", Part::none},
    {"nvme.power_states", Part::none},
    {"nvme.queue_count", Part::configuration},
    {"nvme.queue_depth", Part::configuration},
    {"nvme.spaces", Part::state},
    {"nvme.spaces.format", Part::none},
    {"nvme.spaces.formats", Part::none},
    {"nvme.spaces.metadata_bytes", Part::none},
    {"nvme.state", Part::state},
    {"nvme.subsystem", Part::state},  // named at boot
    {"nvme.temperature_celsius", Part::state},
    {"nvme.version", Part::none},
    {"nvme.volatile_write_cache", Part::none},
    {"nvme.warning_celsius", Part::none},
    {"nvme.write_cache_on", Part::none},
    {"pci", Part::identity},
    {"pci.driver", Part::configuration},
    {"pci.iommu_domain", Part::configuration},
    {"pci.iommu_group", Part::configuration},
    {"pci.link.degraded", Part::state},
    {"pci.link.speed_gts", Part::state},
    {"pci.link.width", Part::state},
    {"pci.node", Part::configuration},
    {"pci.virtual_functions", Part::configuration},
    {"rdma", Part::identity},
    {"rdma.driver", Part::configuration},
    {"rdma.link.degraded", Part::state},
    {"rdma.link.speed_gts", Part::state},
    {"rdma.link.width", Part::state},
    {"rdma.name", Part::state},
    {"rdma.node", Part::configuration},
    {"rdma.ports", Part::state},
    {"schema", Part::none},
    {"storage", Part::none},  // told by "block" and "mounts" already
    {"time", Part::state},
    {"time.daemons", Part::configuration},
    {"time.ptp", Part::configuration},
    {"time.ptp.interfaces", Part::state},
    {"time.ptp.name", Part::state},
    {"time.ptp_clocks", Part::configuration},
    {"topology", Part::configuration},
    {"topology.allowed", Part::state},  // of this process
    {"topology.architecture", Part::identity},
    {"topology.clock_khz", Part::state},
    {"topology.cpus.allowed", Part::state},
    {"topology.cpus.frequency.current_khz", Part::state},
    {"topology.cpus.frequency.hardware_max_khz", Part::configuration},
    {"topology.family", Part::identity},
    {"topology.microcode", Part::identity},
    {"topology.model", Part::identity},
    {"topology.model_name", Part::identity},
    {"topology.nodes.allowed", Part::state},
    {"topology.nodes.huge_pages.free", Part::state},
    {"topology.nodes.huge_pages.surplus", Part::state},
    {"topology.nodes.memory_bytes", Part::state},
    {"topology.nodes.memory_free_bytes", Part::state},
    {"topology.nodes.side_cache_bytes", Part::configuration},
    {"topology.notes", Part::none},  // our findings, not the host's facts
    {"topology.present", Part::identity},
    {"topology.stepping", Part::identity},
    {"topology.vendor", Part::identity},
    {"unreadable", Part::none},
    {"version", Part::none},
});

static_assert(std::ranges::is_sorted(kRows, {}, &Row::path));

const Row* find_row(std::string_view path) {
  const auto found =
      std::lower_bound(kRows.begin(), kRows.end(), path,
                       [](const Row& row, std::string_view p) { return row.path < p; });
  return found != kRows.end() && found->path == path ? &*found : nullptr;
}

std::string word(const Json& element, const char* key) {
  const auto found = element.find(key);
  return found != element.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// How the elements of the device lists are told apart.
enum class Nature : std::uint8_t {
  hardware,
  stacked,  // bonds, bridges, RAID: somebody's configuration in every respect
  passing,  // comes and goes without anybody tuning: container interfaces, loop devices
};

Nature nature_of(std::string_view path, const Json& element) {
  const std::string kind = word(element, "kind");
  if (path == "net") {
    if (kind == "physical") return Nature::hardware;
    const bool made = kind == "bond" || kind == "bridge" || kind == "vlan";
    return made ? Nature::stacked : Nature::passing;
  }
  if (path == "block") {
    if (element.value("physical", false)) return Nature::hardware;
    return kind == "dm" || kind == "md" ? Nature::stacked : Nature::passing;
  }
  if (path == "mounts" && word(element, "drive").empty()) return Nature::passing;
  return Nature::hardware;
}

// Lists that are in the order of names or numbers which this boot handed out.
bool is_unordered(std::string_view path) {
  return path == "net" || path == "block" || path == "nvme" || path == "rdma" || path == "mounts" ||
         path == "interrupts.irqs";
}

// Writes one part of a document as compact text. Nothing is copied on the way: the counts of a
// large host's interrupts alone are a hundred thousand numbers.
class PartWriter {
 public:
  PartWriter(Part wanted, std::string& text) : wanted_(wanted), text_(text) {}

  // Appends what of `value` belongs to the wanted part. False, and nothing is appended, when
  // nothing does.
  bool write(const Json& value, Part part, bool stacked) {
    if (const Row* row = find_row(path_)) part = row->part;
    if (stacked && part == Part::identity) part = Part::configuration;
    if (value.is_object()) return write_object(value, part, stacked);
    if (value.is_array() && !value.empty() && value.front().is_object()) {
      return write_list(value, part, stacked);
    }
    if (part == wanted_) append_compact(value, text_);
    return part == wanted_;
  }

 private:
  bool write_object(const Json& value, Part part, bool stacked) {
    const std::size_t start = text_.size();
    const std::size_t length = path_.size();
    text_ += '{';
    for (const auto& [key, child] : value.items()) {
      const std::size_t before = text_.size();
      if (before > start + 1) text_ += ',';
      append_compact(key, text_);
      text_ += ':';
      if (length > 0) path_ += '.';
      path_ += key;
      if (!write(child, part, stacked)) text_.resize(before);
      path_.resize(length);
    }
    const bool empty = text_.size() == start + 1;
    text_ += '}';
    if (empty && part != wanted_) text_.resize(start);
    return !empty || part == wanted_;
  }

  // The text of one element; "" when nothing of it belongs to the wanted part.
  std::string element_text(const Json& element, Part part, bool stacked) {
    std::string text;
    const Nature nature = nature_of(path_, element);
    if (nature == Nature::passing) {
      if (wanted_ == Part::state) append_compact(element, text);
      return text;
    }
    PartWriter inner(wanted_, text);
    inner.path_ = path_;
    inner.write_object(element, part, stacked || nature == Nature::stacked);
    return text == "{}" ? std::string() : text;
  }

  bool write_list(const Json& value, Part part, bool stacked) {
    std::vector<std::string> elements;
    elements.reserve(value.size());
    for (const Json& element : value) {
      std::string text = element_text(element, part, stacked);
      if (!text.empty()) elements.push_back(std::move(text));
    }
    if (elements.empty() && part != wanted_) return false;
    if (is_unordered(path_)) std::ranges::sort(elements);
    text_ += '[';
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (i > 0) text_ += ',';
      text_ += elements[i];
    }
    text_ += ']';
    return true;
  }

  const Part wanted_;
  std::string& text_;
  std::string path_;
};

}  // namespace

std::string part_text(const Json& document, Part part) {
  std::string text;
  const bool any = PartWriter(part, text).write(document, Part::state, false);
  return any ? text : "{}";
}

}  // namespace assay::probes
