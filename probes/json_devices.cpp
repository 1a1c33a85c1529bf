#include "probes/json_parts.hpp"

namespace assay::probes {
namespace {

Json link_json(const std::optional<PcieLink>& link) {
  if (!link) return nullptr;
  return {{"speed_gts", link->speed_gts},
          {"speed_max_gts", link->speed_max_gts},
          {"width", link->width},
          {"width_max", link->width_max},
          {"slot_speed_max_gts", link->slot_speed_max_gts},
          {"slot_width_max", link->slot_width_max},
          {"degraded", link->degraded()}};
}

Json nic_queues_json(const std::vector<NicQueue>& queues) {
  Json list = Json::array();
  for (const NicQueue& queue : queues) {
    list.push_back({{"name", queue.name},
                    {"cpus", optional_json(queue.cpus)},
                    {"flow_count", optional_json(queue.flow_count)}});
  }
  return list;
}

Json nic_json(const Nic& nic) {
  return {{"name", nic.name},
          {"target", nic.target},
          {"kind", nic.kind},
          {"driver", nic.driver},
          {"firmware", nic.firmware},
          {"address_hash", nic.address_hash},
          {"pci_address", nic.pci_address},
          {"node", optional_json(nic.node)},
          {"link", link_json(nic.link)},
          {"operstate", nic.operstate},
          {"speed_mbps", optional_json(nic.speed_mbps)},
          {"mtu", optional_json(nic.mtu)},
          {"rx_queues", nic.rx_queues},
          {"tx_queues", nic.tx_queues},
          {"tx_queue_length", optional_json(nic.tx_queue_length)},
          {"napi_defer_hard_irqs", optional_json(nic.napi_defer_hard_irqs)},
          {"gro_flush_timeout_ns", optional_json(nic.gro_flush_timeout_ns)},
          {"threaded_napi", optional_json(nic.threaded_napi)},
          {"ring", nic.ring},
          {"channels", nic.channels},
          {"coalesce", nic.coalesce},
          {"features", nic.features},
          {"pause", nic.pause},
          {"eee", nic.eee},
          {"timestamping", nic.timestamping},
          {"rss", nic.rss},
          {"queues", nic_queues_json(nic.queues)},
          {"irqs", nic.irqs},
          {"masters", nic.masters}};
}

Json device_json(const BlockDevice& device) {
  return {{"name", device.name},
          {"target", device.target},
          {"kind", device.kind},
          {"physical", device.physical},
          {"model", device.model},
          {"firmware", device.firmware},
          {"serial_hash", device.serial_hash},
          {"size_bytes", device.size.count},
          {"logical_block_bytes", device.logical_block_bytes},
          {"physical_block_bytes", device.physical_block_bytes},
          {"rotational", device.rotational},
          {"read_only", device.read_only},
          {"pci_address", device.pci_address},
          {"node", optional_json(device.node)},
          {"link", link_json(device.link)},
          {"scheduler", device.scheduler},
          {"nr_requests", optional_json(device.nr_requests)},
          {"nomerges", optional_json(device.nomerges)},
          {"rq_affinity", optional_json(device.rq_affinity)},
          {"read_ahead_kb", optional_json(device.read_ahead_kb)},
          {"wbt_lat_usec", optional_json(device.wbt_lat_usec)},
          {"io_poll", optional_json(device.io_poll)},
          {"add_random", optional_json(device.add_random)},
          {"iostats", optional_json(device.iostats)},
          {"write_cache", device.write_cache},
          {"queues", device.queues},
          {"irqs", device.irqs},
          {"partitions", device.partitions},
          {"holders", device.holders},
          {"slaves", device.slaves}};
}

}  // namespace

Json pci_json(const std::vector<PciDevice>& devices) {
  Json list = Json::array();
  for (const PciDevice& device : devices) {
    list.push_back({{"address", device.address},
                    {"vendor_id", device.vendor_id},
                    {"device_id", device.device_id},
                    {"class_id", device.class_id},
                    {"driver", device.driver},
                    {"node", optional_json(device.node)},
                    {"link", link_json(device.link)},
                    {"iommu_group", device.iommu_group}});
  }
  return list;
}

Json nics_json(const std::vector<Nic>& nics) {
  Json list = Json::array();
  for (const Nic& nic : nics) list.push_back(nic_json(nic));
  return list;
}

Json block_json(const std::vector<BlockDevice>& devices) {
  Json list = Json::array();
  for (const BlockDevice& device : devices) list.push_back(device_json(device));
  return list;
}

Json nvme_json(const std::vector<NvmeController>& controllers) {
  Json list = Json::array();
  for (const NvmeController& nvme : controllers) {
    list.push_back({{"name", nvme.name},
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
                    {"temperature_celsius", optional_json(nvme.temperature_celsius)}});
  }
  return list;
}

Json mounts_json(const std::vector<Mount>& mounts) {
  Json list = Json::array();
  for (const Mount& mount : mounts) {
    list.push_back({{"point", mount.point},
                    {"source", mount.source},
                    {"type", mount.type},
                    {"options", mount.options},
                    {"block_device", mount.block_device},
                    {"drive", mount.drive}});
  }
  return list;
}

}  // namespace assay::probes
