#include <algorithm>
#include <array>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// Version 1 writes the largest page-aligned number for "no limit"; nothing real comes near.
constexpr std::uint64_t kNoLimit = 1ULL << 60;

// The controller's own hierarchy in version 1, the unified one otherwise.
const CgroupView::Place* place_of(const CgroupView& view, std::string_view controller) {
  const auto own = view.places.find(controller);
  if (own != view.places.end()) return &own->second;
  const auto unified = view.places.find("");
  return unified == view.places.end() ? nullptr : &unified->second;
}

// The group's directory and those above it, up to the mount point.
std::vector<std::string> upwards(const CgroupView::Place& place) {
  std::vector<std::string> directories;
  constexpr std::size_t kDepthMax = 64;
  std::string directory = place.directory;
  while (directory.size() >= place.root.size() && directories.size() < kDepthMax) {
    directories.push_back(directory);
    if (directory == place.root) break;
    const std::size_t slash = directory.rfind('/');
    if (slash == std::string::npos) break;
    directory.resize(slash);
  }
  return directories;
}

// The least number that stands in either file of any group above; "max" is no number.
std::optional<std::uint64_t> least(Reader& reader, const CgroupView& view,
                                   std::string_view controller, const char* v2, const char* v1) {
  const CgroupView::Place* place = place_of(view, controller);
  std::optional<std::uint64_t> result;
  if (place == nullptr) return result;
  for (const std::string& directory : upwards(*place)) {
    auto value = reader.count(directory + "/" + v2);
    if (!value && *v1 != '\0') value = reader.count(directory + "/" + v1);
    if (value && *value < kNoLimit) result = std::min(result.value_or(*value), *value);
  }
  return result;
}

// This group's own value: a counter is not the least of those above.
std::optional<std::uint64_t> own(Reader& reader, const CgroupView& view,
                                 std::string_view controller, const char* v2, const char* v1) {
  const CgroupView::Place* place = place_of(view, controller);
  if (place == nullptr) return std::nullopt;
  const auto value = reader.count(place->directory + "/" + v2);
  return value || *v1 == '\0' ? value : reader.count(place->directory + "/" + v1);
}

std::optional<Bytes> bytes(const std::optional<std::uint64_t>& value) {
  return value ? std::optional(Bytes{*value}) : std::nullopt;
}

// "8:0 rbps=max wbps=1048576 riops=max wiops=max" each; version 1 has a file a kind.
void read_io(Reader& reader, const CgroupView& view, GroupLimits& limits) {
  const CgroupView::Place* place = place_of(view, "blkio");
  if (place == nullptr) return;
  constexpr auto kFiles = std::to_array<std::string_view>(
      {"io.max", "blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device",
       "blkio.throttle.read_iops_device", "blkio.throttle.write_iops_device"});
  for (const std::string& directory : upwards(*place)) {
    for (const std::string_view file : kFiles) {
      for (const std::string& line :
           split(reader.table(directory + "/" + std::string(file)), "\n")) {
        std::string words = printable(line);
        // "blkio.throttle.read_bps_device" → "read_bps".
        if (file != "io.max") words.append(" ").append(file.substr(15, file.size() - 15 - 7));
        limits.io_max.push_back(std::move(words));
      }
    }
  }
}

void read_huge_limits(Reader& reader, const CgroupView& view, GroupLimits& limits) {
  for (const char* size : {"2MB", "1GB", "64KB", "32MB"}) {
    const std::string base = std::string("hugetlb.") + size;
    const std::string v2 = base + ".max";
    const std::string v1 = base + ".limit_in_bytes";
    if (const auto most = least(reader, view, "hugetlb", v2.c_str(), v1.c_str())) {
      limits.huge_pages_max.emplace(size, Bytes{*most});
    }
  }
}

// "nr_throttled 12" of cpu.stat, the same line in both versions.
std::optional<std::uint64_t> throttled(Reader& reader, const CgroupView& view) {
  if (view.directory.empty()) return std::nullopt;
  const auto words = split(reader.table(view.directory + "/cpu.stat"), " \n");
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] != "nr_throttled") continue;
    if (const auto value = parse_uint(words[i + 1])) return *value;
  }
  return std::nullopt;
}

}  // namespace

GroupLimits read_group_limits(Reader& reader, const CgroupView& view) {
  GroupLimits limits;
  limits.memory_max = bytes(least(reader, view, "memory", "memory.max", "memory.limit_in_bytes"));
  limits.memory_high = bytes(least(reader, view, "memory", "memory.high", ""));
  limits.memory_current =
      bytes(own(reader, view, "memory", "memory.current", "memory.usage_in_bytes"));
  limits.pids_max = least(reader, view, "pids", "pids.max", "");
  limits.pids_current = own(reader, view, "pids", "pids.current", "");
  if (!view.directory.empty()) {
    limits.cpu_weight = reader.number(view.directory + "/cpu.weight");
    if (!limits.cpu_weight) limits.cpu_weight = reader.number(view.directory + "/cpu.shares");
  }
  limits.throttled_periods = throttled(reader, view);
  read_io(reader, view, limits);
  read_huge_limits(reader, view, limits);
  return limits;
}

}  // namespace assay::probes
