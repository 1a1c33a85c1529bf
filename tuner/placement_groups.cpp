#include "tuner/placement_groups.hpp"

#include <fmt/core.h>

#include <array>

#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

// Where version 2 stands alone, and where it stands beside version 1.
std::string hierarchy(const Host& host) {
  for (std::string_view root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (host.exists(fmt::format("{}/cgroup.controllers", root))) return std::string(root);
  }
  return {};
}

// Deeper or wider trees are no place where a person looks for a partition.
constexpr unsigned kDepthMax = 4;
constexpr std::size_t kGroupsMax = 4096;

void walk(const Host& host, const std::string& root, const std::string& name, unsigned depth,
          std::size_t& seen, std::vector<Partition>& found) {
  auto entries = host.list(root + name);
  if (!entries) return;
  for (const std::string& entry : *entries) {
    if (seen >= kGroupsMax) return;
    const std::string group = name + "/" + entry;
    // The kernel's own files have a dot in their first part and are no directories.
    const auto status = host.status(root + group);
    if (!status || status->kind != FileKind::directory) continue;
    ++seen;
    auto state = host.read_trimmed(root + group + "/cpuset.cpus.partition");
    // "isolated invalid (reason)": asked for and refused.
    if (state && (*state == "isolated" || *state == "root")) {
      auto text = host.read_trimmed(root + group + "/cpuset.cpus.effective");
      auto cpus = text ? CpuSet::parse_list(*text) : Expected<CpuSet>(CpuSet{});
      if (cpus && !cpus->empty()) {
        found.push_back({{root + group, group}, *cpus, *state == "isolated"});
      }
    }
    if (depth < kDepthMax) walk(host, root, group, depth + 1, seen, found);
  }
}

bool is_group_name(std::string_view name) {
  for (std::string_view part : split(name, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  constexpr std::string_view kOdd = "\n\t\"'\\";
  return name.size() < 1024 && name.find_first_of(kOdd) == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

}  // namespace

std::vector<Partition> find_partitions(const Host& host) {
  std::vector<Partition> found;
  const std::string root = hierarchy(host);
  std::size_t seen = 0;
  if (!root.empty()) walk(host, root, "", 1, seen, found);
  return found;
}

Expected<JoinGroup> find_group(const Host& host, std::string_view name) {
  if (name.starts_with('/')) name.remove_prefix(1);
  if (!is_group_name(name)) {
    return fail(ErrorCode::invalid, "run", "--cgroup",
                fmt::format("\"{}\" is no name of a group (expected trading/feed)", name));
  }
  const std::string root = hierarchy(host);
  if (root.empty()) {
    return fail(ErrorCode::absent, "find group", name, "this host has no cgroup v2 hierarchy");
  }
  const std::string directory = fmt::format("{}/{}", root, name);
  if (!host.exists(directory + "/cgroup.procs")) {
    return fail(ErrorCode::absent, "find group", directory, "there is no such group",
                "make it first: a systemd unit with Slice= or `mkdir`, then cpuset.cpus");
  }
  return JoinGroup{directory, fmt::format("/{}", name)};
}

std::string own_group(const Host& host) {
  auto text = host.read("/proc/self/cgroup");
  if (!text) return {};
  for (std::string_view line : lines_of(*text)) {
    if (line.starts_with("0::")) return std::string(line.substr(3));
  }
  return {};
}

bool is_own_group(const Host& host, std::string_view name) {
  const std::string own = own_group(host);
  return own == name || own.starts_with(fmt::format("{}/", name));
}

}  // namespace assay::tuner
