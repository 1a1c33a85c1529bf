#include "probes/json_parts.hpp"

namespace assay::probes {
namespace {

Json formats_json(const std::vector<NvmeFormat>& formats) {
  Json list = Json::array();
  for (const NvmeFormat& format : formats) {
    list.push_back(object({{"data_bytes", format.data_bytes},
                           {"metadata_bytes", format.metadata_bytes},
                           {"performance", format.performance}}));
  }
  return list;
}

Json spaces_json(const std::vector<NvmeNamespace>& spaces) {
  Json list = Json::array();
  for (const NvmeNamespace& space : spaces) {
    list.push_back(object({{"name", space.name},
                           {"id", optional_json(space.id)},
                           {"size_bytes", space.size.count},
                           {"block_bytes", space.block_bytes},
                           {"metadata_bytes", optional_json(space.metadata_bytes)},
                           {"format", optional_json(space.format)},
                           {"formats", formats_json(space.formats)}}));
  }
  return list;
}

Json power_json(const std::vector<NvmePowerState>& states) {
  Json list = Json::array();
  for (const NvmePowerState& state : states) {
    list.push_back(object({{"max_milliwatt", state.max_milliwatt},
                           {"entry_us", state.entry.count()},
                           {"exit_us", state.exit.count()},
                           {"operational", state.operational}}));
  }
  return list;
}

Json health_json(const std::optional<NvmeHealth>& health) {
  if (!health) return nullptr;
  return object({{"critical_warning", health->critical_warning},
                 {"temperature_celsius", optional_json(health->temperature_celsius)},
                 {"spare_percent", health->spare_percent},
                 {"spare_threshold_percent", health->spare_threshold_percent},
                 {"used_percent", health->used_percent},
                 {"media_errors", health->media_errors},
                 {"error_log_entries", health->error_log_entries},
                 {"unsafe_shutdowns", health->unsafe_shutdowns},
                 {"power_on_hours", health->power_on_hours},
                 {"power_cycles", health->power_cycles},
                 {"read_bytes", health->read.count},
                 {"written_bytes", health->written.count},
                 {"warning_minutes", health->warning_minutes},
                 {"critical_minutes", health->critical_minutes}});
}

Json controller_json(const NvmeController& nvme) {
  return object({{"name", nvme.name},
                 {"model", nvme.model},
                 {"firmware", nvme.firmware},
                 {"serial_hash", nvme.serial_hash},
                 {"pci_address", nvme.pci_address},
                 {"transport", nvme.transport},
                 {"state", nvme.state},
                 {"node", optional_json(nvme.node)},
                 {"link", link_json(nvme.link)},
                 {"queue_count", nvme.queue_count},
                 {"namespaces", nvme.namespaces},
                 {"latency_tolerance_us", nvme.latency_tolerance_us},
                 {"temperature_celsius", optional_json(nvme.temperature_celsius)},
                 {"queue_depth", optional_json(nvme.queue_depth)},
                 {"poll_queues", optional_json(nvme.poll_queues)},
                 {"subsystem", nvme.subsystem},
                 {"multipath_policy", nvme.multipath_policy},
                 {"spaces", spaces_json(nvme.spaces)},
                 {"version", nvme.version},
                 {"max_transfer_bytes", optional_json(nvme.max_transfer_bytes)},
                 {"volatile_write_cache", optional_json(nvme.volatile_write_cache)},
                 {"write_cache_on", optional_json(nvme.write_cache_on)},
                 {"warning_celsius", optional_json(nvme.warning_celsius)},
                 {"critical_celsius", optional_json(nvme.critical_celsius)},
                 {"power_states", power_json(nvme.power_states)},
                 {"power_state", optional_json(nvme.power_state)},
                 {"apst_possible", optional_json(nvme.apst_possible)},
                 {"apst_on", optional_json(nvme.apst_on)},
                 {"apst_table", nvme.apst_table},
                 {"health", health_json(nvme.health)},
                 {"identity_error", nvme.identity_error},
                 {"health_error", nvme.health_error}});
}

}  // namespace

Json nvme_json(const std::vector<NvmeController>& controllers) {
  Json list = Json::array();
  for (const NvmeController& nvme : controllers) list.push_back(controller_json(nvme));
  return list;
}

}  // namespace assay::probes
