#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

std::optional<std::uint64_t> number(const Reply& reply, std::string_view key) {
  const auto found = reply.find(key);
  if (found == reply.end()) return std::nullopt;
  const auto value = parse_uint(found->second);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<unsigned> small(const Reply& reply, std::string_view key) {
  const auto value = number(reply, key);
  if (!value || *value > 0xffffffffU) return std::nullopt;
  return static_cast<unsigned>(*value);
}

std::optional<bool> flag(const Reply& reply, std::string_view key) {
  const auto value = number(reply, key);
  return value ? std::optional(*value != 0) : std::nullopt;
}

std::optional<int> degrees(const Reply& reply, std::string_view key) {
  const auto found = reply.find(key);
  if (found == reply.end()) return std::nullopt;
  const auto value = parse_int(found->second);
  if (!value || *value < -273 || *value > 1000) return std::nullopt;
  return static_cast<int>(*value);
}

// "512/0/2,4096/8/0" → rows of numbers; rows that do not have `columns` of them are left out.
std::vector<std::vector<unsigned>> rows_of(const Reply& reply, std::string_view key,
                                           std::size_t columns) {
  std::vector<std::vector<unsigned>> rows;
  const auto found = reply.find(key);
  if (found == reply.end()) return rows;
  for (const std::string& word : split(found->second, ",")) {
    std::vector<unsigned> row;
    for (const std::string& part : split(word, "/")) {
      const auto value = parse_uint(part);
      if (value && *value <= 0xffffffffU) row.push_back(static_cast<unsigned>(*value));
    }
    if (row.size() == columns) rows.push_back(std::move(row));
  }
  return rows;
}

void take_identity(const Reply& reply, NvmeController& nvme) {
  const auto version = reply.find("version");
  if (version != reply.end()) nvme.version = version->second;
  nvme.max_transfer_bytes = number(reply, "max_transfer_bytes");
  nvme.volatile_write_cache = flag(reply, "volatile_write_cache");
  nvme.write_cache_on = flag(reply, "write_cache_on");
  nvme.warning_celsius = degrees(reply, "warning_celsius");
  nvme.critical_celsius = degrees(reply, "critical_celsius");
  for (const auto& row : rows_of(reply, "power_states", 4)) {
    nvme.power_states.push_back({row[0], std::chrono::microseconds(row[1]),
                                 std::chrono::microseconds(row[2]), row[3] != 0});
  }
  nvme.power_state = small(reply, "power_state");
  nvme.apst_possible = flag(reply, "apst");
  nvme.apst_on = flag(reply, "apst_on");
  const auto table = reply.find("apst_table");
  if (table != reply.end()) nvme.apst_table = table->second;
}

NvmeHealth health_of(const Reply& reply) {
  const auto count = [&](std::string_view key) { return number(reply, key).value_or(0); };
  NvmeHealth health;
  health.critical_warning = small(reply, "critical_warning").value_or(0);
  if (const auto heat = degrees(reply, "temperature_celsius")) health.temperature_celsius = *heat;
  health.spare_percent = small(reply, "spare_percent").value_or(0);
  health.spare_threshold_percent = small(reply, "spare_threshold_percent").value_or(0);
  health.used_percent = small(reply, "used_percent").value_or(0);
  health.media_errors = count("media_errors");
  health.error_log_entries = count("error_log_entries");
  health.unsafe_shutdowns = count("unsafe_shutdowns");
  health.power_on_hours = count("power_on_hours");
  health.power_cycles = count("power_cycles");
  health.read = Bytes{count("read_bytes")};
  health.written = Bytes{count("written_bytes")};
  health.warning_minutes = count("warning_minutes");
  health.critical_minutes = count("critical_minutes");
  return health;
}

void take_formats(const Reply& reply, NvmeNamespace& space) {
  if (const auto id = small(reply, "id")) space.id = *id;
  for (const auto& row : rows_of(reply, "formats", 3)) {
    space.formats.push_back({row[0], row[1], row[2]});
  }
  space.format = small(reply, "format");
  if (space.format && *space.format < space.formats.size()) {
    space.metadata_bytes = space.formats[*space.format].metadata_bytes;
  }
}

// A kernel or capture that cannot answer at all is no fault of the drive.
std::string reason_of(const Error& error) {
  return error.code == ErrorCode::absent || error.code == ErrorCode::unsupported
             ? std::string()
             : printable(error.cause);
}

}  // namespace

void ask_nvme(Reader& reader, NvmeController& nvme) {
  // A command to a drive that is being reset, or is behind a network that is gone, waits for a
  // minute before it fails: such a drive is not asked.
  const bool local = nvme.transport.empty() || nvme.transport == "pcie";
  const bool live = nvme.state.empty() || nvme.state == "live";
  if (!local || !live) {
    nvme.identity_error = local ? "the controller is " + nvme.state + ": it was not asked"
                                : "it is reached by " + nvme.transport + ": it was not asked";
    nvme.health_error = nvme.identity_error;
    return;
  }
  const auto identity = reader.ask_why("nvme.identify", nvme.name);
  if (identity) {
    take_identity(*identity, nvme);
  } else {
    nvme.identity_error = reason_of(identity.error());
  }
  const auto smart = reader.ask_why("nvme.smart", nvme.name);
  if (smart) {
    nvme.health = health_of(*smart);
  } else {
    nvme.health_error = reason_of(smart.error());
  }
  for (NvmeNamespace& space : nvme.spaces) {
    if (const auto reply = reader.ask_why("nvme.namespace", space.name))
      take_formats(*reply, space);
  }
}

}  // namespace assay::probes
