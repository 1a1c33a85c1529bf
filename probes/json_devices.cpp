#include "probes/json_parts.hpp"

namespace assay::probes {

Json link_json(const std::optional<PcieLink>& link) {
  if (!link) return nullptr;
  return object({{"speed_gts", link->speed_gts},
                 {"speed_max_gts", link->speed_max_gts},
                 {"width", link->width},
                 {"width_max", link->width_max},
                 {"slot_speed_max_gts", link->slot_speed_max_gts},
                 {"slot_width_max", link->slot_width_max},
                 {"degraded", link->degraded()},
                 {"limited_by_slot", link->limited_by_slot()}});
}

Json pci_json(const std::vector<PciDevice>& devices) {
  Json list = Json::array();
  for (const PciDevice& device : devices) {
    list.push_back(object({{"address", device.address},
                           {"vendor_id", device.vendor_id},
                           {"device_id", device.device_id},
                           {"class_id", device.class_id},
                           {"driver", device.driver},
                           {"node", optional_json(device.node)},
                           {"link", link_json(device.link)},
                           {"iommu_group", device.iommu_group},
                           {"iommu_domain", device.iommu_domain},
                           {"virtual_functions_max", device.virtual_functions_max},
                           {"virtual_functions", device.virtual_functions},
                           {"physical_function", device.physical_function}}));
  }
  return list;
}

Json rdma_json(const std::vector<RdmaDevice>& devices) {
  Json list = Json::array();
  for (const RdmaDevice& device : devices) {
    Json ports = Json::array();
    for (const RdmaPort& port : device.ports) {
      ports.push_back(object({{"number", port.number},
                              {"state", port.state},
                              {"physical_state", port.physical_state},
                              {"rate", port.rate},
                              {"link_layer", port.link_layer},
                              {"interfaces", port.interfaces}}));
    }
    list.push_back(object({{"name", device.name},
                           {"target", device.target},
                           {"driver", device.driver},
                           {"firmware", device.firmware},
                           {"board", device.board},
                           {"node_type", device.node_type},
                           {"software", device.software},
                           {"pci_address", device.pci_address},
                           {"node", optional_json(device.node)},
                           {"link", link_json(device.link)},
                           {"ports", std::move(ports)}}));
  }
  return list;
}

Json mounts_json(const std::vector<Mount>& mounts) {
  Json list = Json::array();
  for (const Mount& mount : mounts) {
    list.push_back(object({{"point", mount.point},
                           {"source", mount.source},
                           {"type", mount.type},
                           {"options", mount.options},
                           {"block_device", mount.block_device},
                           {"drive", mount.drive},
                           {"members", mount.members}}));
  }
  return list;
}

}  // namespace assay::probes
