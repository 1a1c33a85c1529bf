#include "probes/json_parts.hpp"

namespace assay::probes {
namespace {

Json bond_json(const std::optional<Bond>& bond) {
  if (!bond) return nullptr;
  return object({{"mode", bond->mode},
                 {"active", bond->active},
                 {"members", bond->members},
                 {"link_check_ms", optional_json(bond->link_check_ms)},
                 {"link_state", bond->link_state}});
}

Json vlan_json(const std::optional<Vlan>& vlan) {
  if (!vlan) return nullptr;
  return object({{"id", optional_json(vlan->id)}, {"lower", vlan->lower}});
}

Json nic_queues_json(const std::vector<NicQueue>& queues) {
  Json list = Json::array();
  for (const NicQueue& queue : queues) {
    list.push_back(object({{"name", queue.name},
                           {"cpus", optional_json(queue.cpus)},
                           {"flow_count", optional_json(queue.flow_count)},
                           {"receive_queues", optional_json(queue.receive_queues)}}));
  }
  return list;
}

Json nic_json(const Nic& nic) {
  return object({{"name", nic.name},
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
                 {"masters", nic.masters},
                 {"lowers", nic.lowers},
                 {"bond", bond_json(nic.bond)},
                 {"vlan", vlan_json(nic.vlan)},
                 {"driver_version", nic.driver_version},
                 {"carrier", optional_json(nic.carrier)},
                 {"duplex", nic.duplex},
                 {"ptp_clock", nic.ptp_clock},
                 {"virtual_function", nic.virtual_function},
                 {"rdma", nic.rdma},
                 {"link_mode", nic.link_mode},
                 {"fec", nic.fec},
                 {"flow_rules", nic.flow_rules},
                 {"qdisc", nic.qdisc},
                 {"xdp", nic.xdp},
                 {"errors", nic.errors}});
}

}  // namespace

Json nics_json(const std::vector<Nic>& nics) {
  Json list = Json::array();
  for (const Nic& nic : nics) list.push_back(nic_json(nic));
  return list;
}

}  // namespace assay::probes
