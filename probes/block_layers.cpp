#include <algorithm>
#include <array>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// How a mapping's UUID begins tells who made it (each tool has its own prefix).
struct Prefix {
  std::string_view uuid, layer;
};
constexpr auto kMappers = std::to_array<Prefix>({{"LVM-", "lvm"},
                                                 {"CRYPT-", "crypt"},
                                                 {"mpath-", "multipath"},
                                                 {"part", "partition"},
                                                 {"DMRAID-", "raid"},
                                                 {"VERITY-", "verity"}});

std::string mapper_layer(std::string_view uuid) {
  for (const Prefix& prefix : kMappers) {
    if (uuid.starts_with(prefix.uuid)) return std::string(prefix.layer);
  }
  return "dm";
}

constexpr std::uint64_t kSectorsMax = 1ULL << 55;  // of 512 bytes; more is a lie

Bytes sectors(std::optional<std::uint64_t> count) {
  return Bytes{count && *count < kSectorsMax ? *count * 512 : 0};
}

void read_md(Reader& reader, const std::string& base, BlockDevice& device) {
  device.layer = reader.word(base + "md/level");
  device.array_state = reader.word(base + "md/array_state");
  if (reader.count(base + "md/degraded").value_or(0) > 0) device.array_state = "degraded";
}

void read_partitions(Reader& reader, const std::string& base, BlockDevice& device) {
  for (const std::string& name : device.partitions) {
    Partition part;
    part.name = name;
    part.start = sectors(reader.count(base + name + "/start"));
    part.size = sectors(reader.count(base + name + "/size"));
    device.parts.push_back(std::move(part));
  }
}

}  // namespace

void read_block_layers(Reader& reader, const std::string& base, BlockDevice& device) {
  if (device.kind == "dm") {
    device.layer = mapper_layer(reader.word(base + "dm/uuid"));
    device.mapped_name = reader.word(base + "dm/name");
  } else if (device.kind == "md") {
    read_md(reader, base, device);
  } else if (device.kind == "loop") {
    device.backing_file = reader.word(base + "loop/backing_file");
    device.layer = device.backing_file.empty() ? "" : "file";
  } else if (device.kind == "bcache") {
    device.layer = "cache";
  }
  read_partitions(reader, base, device);
}

}  // namespace assay::probes
