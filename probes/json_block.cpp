#include "probes/json_parts.hpp"

namespace assay::probes {
namespace {

Json parts_json(const std::vector<Partition>& parts) {
  Json list = Json::array();
  for (const Partition& part : parts) {
    list.push_back(
        {{"name", part.name}, {"start_bytes", part.start.count}, {"size_bytes", part.size.count}});
  }
  return list;
}

Json device_json(const BlockDevice& device) {
  return object({{"name", device.name},
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
                 {"slaves", device.slaves},
                 {"layer", device.layer},
                 {"mapped_name", device.mapped_name},
                 {"backing_file", device.backing_file},
                 {"array_state", device.array_state},
                 {"parts", parts_json(device.parts)},
                 {"removable", device.removable},
                 {"zoned", device.zoned},
                 {"force_unit_access", optional_json(device.force_unit_access)},
                 {"direct_access", optional_json(device.direct_access)},
                 {"max_transfer_kb", optional_json(device.max_transfer_kb)},
                 {"max_hardware_transfer_kb", optional_json(device.max_hardware_transfer_kb)},
                 {"dma_alignment_bytes", optional_json(device.dma_alignment_bytes)},
                 {"minimum_io_bytes", optional_json(device.minimum_io_bytes)},
                 {"optimal_io_bytes", optional_json(device.optimal_io_bytes)},
                 {"discard_granularity_bytes", optional_json(device.discard_granularity_bytes)},
                 {"queue_tags", optional_json(device.queue_tags)},
                 {"poll_queues", optional_json(device.poll_queues)}});
}

Json node_json(const StorageNode& node) {
  Json below = Json::array();
  for (const StorageNode& next : node.below) below.push_back(node_json(next));
  return object({{"name", node.name},
                 {"what", node.what},
                 {"detail", node.detail},
                 {"size_bytes", node.size.count},
                 {"is_drive", node.is_drive},
                 {"below", std::move(below)}});
}

}  // namespace

Json block_json(const std::vector<BlockDevice>& devices) {
  Json list = Json::array();
  for (const BlockDevice& device : devices) list.push_back(device_json(device));
  return list;
}

Json storage_path_json(const StoragePath& path) {
  Json tree = Json::array();
  for (const StorageNode& node : path.tree) tree.push_back(node_json(node));
  return object({{"path", path.path},
                 {"mount_point", path.mount_point},
                 {"source", path.source},
                 {"type", path.type},
                 {"drives", path.drives},
                 {"note", path.note},
                 {"tree", std::move(tree)}});
}

Json storage_json(const std::vector<StoragePath>& paths) {
  Json list = Json::array();
  for (const StoragePath& path : paths) list.push_back(storage_path_json(path));
  return list;
}

}  // namespace assay::probes
