#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

struct KindRow {
  std::string_view prefix, kind;
  bool physical;
};
// Names are the drivers' own; the first match counts.
constexpr auto kKinds = std::to_array<KindRow>({{"nvme", "nvme", true},
                                                {"vd", "virtio", true},
                                                {"sd", "scsi", true},
                                                {"sr", "optical", false},
                                                {"fd", "floppy", false},
                                                {"dasd", "dasd", true},
                                                {"mmcblk", "mmc", true},
                                                {"xvd", "xen", true},
                                                {"pmem", "pmem", true},
                                                {"loop", "loop", false},
                                                {"zram", "zram", false},
                                                {"ram", "memory", false},
                                                {"dm-", "dm", false},
                                                {"md", "md", false},
                                                {"bcache", "bcache", false},
                                                {"nbd", "network", false},
                                                {"rbd", "network", false},
                                                {"drbd", "network", false}});

void set_kind(BlockDevice& device) {
  const auto row = std::find_if(kKinds.begin(), kKinds.end(), [&](const KindRow& candidate) {
    return device.name.starts_with(candidate.prefix);
  });
  device.kind = row == kKinds.end() ? "other" : row->kind;
  device.physical = row != kKinds.end() && row->physical;
}

unsigned block_bytes(std::optional<std::uint64_t> value) {
  return value && *value <= 1U << 30 ? static_cast<unsigned>(*value) : 0;
}

// Which hardware queues are polled stands in debugfs only: "default", "read" or "poll" each.
void read_poll_queues(Reader& reader, BlockDevice& device) {
  const std::string base = "/sys/kernel/debug/block/" + device.name;
  for (const std::string& name : reader.names_quietly(base)) {
    if (!number_after(name, "hctx")) continue;
    const std::string type = reader.word(base + "/" + name + "/type");
    device.poll_queues = device.poll_queues.value_or(0) + (type == "poll" ? 1 : 0);
  }
}

unsigned count_queues(Reader& reader, const std::string& base) {
  unsigned queues = 0;
  for (const std::string& name : reader.names(base + "mq")) {
    if (number_after(name, "")) ++queues;
  }
  return queues;
}

void read_queue(Reader& reader, const std::string& base, BlockDevice& device) {
  const std::string queue = base + "queue/";
  device.logical_block_bytes = block_bytes(reader.count(queue + "logical_block_size"));
  device.physical_block_bytes = block_bytes(reader.count(queue + "physical_block_size"));
  device.rotational = reader.flag(queue + "rotational").value_or(false);
  device.scheduler = reader.choice(queue + "scheduler");
  device.nr_requests = reader.number(queue + "nr_requests");
  device.nomerges = reader.number(queue + "nomerges");
  device.rq_affinity = reader.number(queue + "rq_affinity");
  device.read_ahead_kb = reader.number(queue + "read_ahead_kb");
  device.wbt_lat_usec = reader.number(queue + "wbt_lat_usec");
  device.io_poll = reader.flag(queue + "io_poll");
  device.add_random = reader.flag(queue + "add_random");
  device.iostats = reader.flag(queue + "iostats");
  device.write_cache = reader.word(queue + "write_cache");
  device.force_unit_access = reader.flag(queue + "fua");
  device.direct_access = reader.flag(queue + "dax");
  device.zoned = reader.word(queue + "zoned");
  device.max_transfer_kb = reader.number(queue + "max_sectors_kb");
  device.max_hardware_transfer_kb = reader.number(queue + "max_hw_sectors_kb");
  // The kernel writes the alignment as a mask: 511 for 512 bytes.
  if (const auto mask = reader.count(queue + "dma_alignment"); mask && *mask < 1U << 20) {
    device.dma_alignment_bytes = static_cast<std::int64_t>(*mask) + 1;
  }
  device.minimum_io_bytes = reader.number(queue + "minimum_io_size");
  device.optimal_io_bytes = reader.number(queue + "optimal_io_size");
  device.discard_granularity_bytes = reader.number(queue + "discard_granularity");
  device.queue_tags = reader.number(base + "mq/0/nr_tags");
  read_poll_queues(reader, device);
  device.queues = count_queues(reader, base);
}

// The serial number out of a SCSI "unit serial number" page: 4 bytes of header, then text.
std::string scsi_serial(Reader& reader, const std::string& device) {
  const auto page = reader.host().read(device + "/vpd_pg80");
  if (!page || page->size() <= 4) return {};
  return printable(trimmed(std::string_view(*page).substr(4)));
}

void read_device(Reader& reader, const std::string& base, BlockDevice& device) {
  device.model = reader.word(base + "device/model");
  device.firmware = reader.word(base + "device/firmware_rev");
  if (device.firmware.empty()) device.firmware = reader.word(base + "device/rev");
  std::string serial = reader.word(base + "serial");  // virtio
  if (serial.empty()) serial = reader.word(base + "device/serial");
  if (serial.empty() && device.kind == "scsi") serial = scsi_serial(reader, base + "device");
  if (serial.empty()) serial = reader.word(base + "device/wwid");
  device.serial_hash = hide("drive serial number", serial);
  device.node = reader.node(base + "device/numa_node");
}

// "nvme0n1" → 1: a drive's namespaces are told apart by this number.
std::optional<unsigned> namespace_number(std::string_view name) {
  const std::size_t n = name.rfind('n');
  return n == std::string_view::npos ? std::nullopt : number_after(name.substr(n), "n");
}

// With native multipath the namespace hangs below a subsystem that names its controllers.
std::string multipath_address(Reader& reader, const std::string& base) {
  for (const std::string& name : reader.names(base + "device")) {
    if (!number_after(name, "nvme")) continue;
    const std::string address = pci_address_in(reader.resolved(base + "device/" + name));
    if (!address.empty()) return address;
  }
  return {};
}

// "nvme0n1" is such a namespace's head, which has no queues; "nvme0c1n1" is its path over nvme1.
unsigned multipath_queues(Reader& reader, const std::string& base, const BlockDevice& device) {
  const std::string space = fmt::format("n{}", namespace_number(device.name).value_or(1));
  unsigned queues = 0;
  for (const std::string& controller : reader.names(base + "device")) {
    if (!number_after(controller, "nvme")) continue;
    const std::string below = base + "device/" + controller + "/";
    for (const std::string& path : reader.names(below)) {
      const bool is_path = path.find('c', 4) != std::string::npos && path.ends_with(space);
      if (path.starts_with("nvme") && is_path) queues += count_queues(reader, below + path + "/");
    }
  }
  return queues;
}

std::string target_of(Reader& reader, const std::string& base, const std::string& path,
                      const BlockDevice& device) {
  const std::string pci = "pci-" + device.pci_address;
  if (!device.physical && device.kind != "optical") {
    // Device mapper's and md's own names outlive a reboot, dm-0 does not.
    std::string name = reader.word(base + "dm/name");
    return "virtual-" + (name.empty() ? device.name : name);
  }
  if (device.kind == "nvme" && !device.pci_address.empty()) {
    return fmt::format("{}/ns{}", pci, namespace_number(device.name).value_or(1));
  }
  if (device.kind == "virtio" && !device.pci_address.empty()) return pci;
  // Behind a host adapter the serial number is the drive's; ports and host numbers move.
  const std::string serial =
      device.serial_hash.empty() ? "" : "serial-" + device.serial_hash.substr(7, 12);
  if (device.pci_address.empty()) return serial.empty() ? "device-" + device.name : serial;
  if (!serial.empty()) return pci + "/" + serial;
  // ".../4:0:0:0/block/sda": host, channel, target, lun; the host number is this boot's only.
  const std::string above = path.substr(0, path.rfind("/block/"));
  const std::string place = above.substr(above.rfind('/') + 1);
  const std::size_t colon = place.find(':');
  const bool is_scsi = device.kind == "scsi" || device.kind == "optical";
  const bool scsi = is_scsi && colon != std::string::npos;
  return scsi ? fmt::format("{}/scsi-{}", pci, place.substr(colon + 1)) : pci;
}

void read_relations(Reader& reader, const std::string& base, BlockDevice& device) {
  for (const std::string& name : reader.names(base)) {
    if (name.starts_with(device.name)) device.partitions.push_back(printable(name));
  }
  for (const std::string& name : reader.names(base + "holders")) {
    device.holders.push_back(printable(name));
  }
  for (const std::string& name : reader.names(base + "slaves")) {
    device.slaves.push_back(printable(name));
  }
}

BlockDevice read_one(Reader& reader, const std::string& directory, const std::string& name,
                     const Inventory& inventory) {
  const std::string base = directory + "/" + name + "/";
  const std::string path = reader.resolved(directory + "/" + name);
  BlockDevice device;
  device.name = name;
  set_kind(device);
  const std::uint64_t sectors = reader.count(base + "size").value_or(0);
  // The kernel counts 512-byte sectors whatever the drive's block is.
  device.size.count = sectors < 1ULL << 55 ? sectors * 512 : 0;
  device.read_only = reader.flag(base + "ro").value_or(false);
  device.removable = reader.flag(base + "removable").value_or(false);
  device.pci_address = pci_address_in(path);
  if (device.kind == "nvme" && device.pci_address.empty()) {
    device.pci_address = multipath_address(reader, base);
  }
  if (device.physical || device.kind == "optical") read_device(reader, base, device);
  device.target = target_of(reader, base, path, device);
  // A loop or RAM device without content has nothing to tell; there are dozens on some hosts.
  if (!device.physical && device.size.count == 0) return device;
  read_queue(reader, base, device);
  if (device.queues == 0 && device.kind == "nvme") {
    device.queues = multipath_queues(reader, base, device);
  }
  read_relations(reader, base, device);
  read_block_layers(reader, base, device);
  if (const PciDevice* pci = find_pci(inventory, device.pci_address)) {
    device.link = pci->link;
    if (!device.node) device.node = pci->node;
    device.irqs = irqs_of(inventory.interrupts, device.pci_address);
  }
  return device;
}

// Two drives of one name would share one history.
void make_unique(std::vector<BlockDevice>& devices) {
  std::set<std::string> taken;
  std::map<std::string, unsigned> counted;
  for (BlockDevice& device : devices) {
    const std::string base = device.target;
    while (!taken.insert(device.target).second) {
      device.target = fmt::format("{}#{}", base, ++counted.try_emplace(base, 1).first->second);
    }
  }
}

bool is_partition(Reader& reader, const std::string& directory) {
  return reader.exists(directory + "/partition");
}

}  // namespace

void read_block(Reader& reader, Inventory& inventory) {
  // The class has partitions as well. /sys/block has whole devices only, and old kernels and some
  // captures have one of the two, or more in one than in the other.
  const std::vector<std::string> whole = reader.names("/sys/block");
  const std::set<std::string> known(whole.begin(), whole.end());
  std::vector<std::string> names = whole;
  for (const std::string& name : reader.names("/sys/class/block")) {
    if (!known.contains(name) && !is_partition(reader, "/sys/class/block/" + name)) {
      names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    if (printable(name) != name) continue;
    const std::string directory = known.contains(name) ? "/sys/block" : "/sys/class/block";
    const std::string base = directory + "/" + name;
    // One path of a multipath namespace: the whole namespace is listed as well.
    if (name.starts_with("nvme") && reader.flag(base + "/hidden").value_or(false)) continue;
    inventory.block.push_back(read_one(reader, directory, name, inventory));
  }
  make_unique(inventory.block);
}

}  // namespace assay::probes
