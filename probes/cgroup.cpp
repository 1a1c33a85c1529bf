#include <algorithm>
#include <array>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

struct Hierarchy {
  std::string point;  // where it is mounted
  std::string root;   // which group stands there: "/" but in containers
};

struct Hierarchies {
  std::optional<Hierarchy> unified, cpuset, cpu;
  std::map<std::string, Hierarchy> controllers;  // of version 1, by name
};

// Version 1's controllers that limit something which is told.
constexpr auto kControllers =
    std::to_array<std::string_view>({"memory", "pids", "blkio", "hugetlb"});

bool has_word(std::string_view list, std::string_view word) {
  const auto words = split(list, ",");
  return std::find(words.begin(), words.end(), word) != words.end();
}

void take_mount(const Hierarchy& at, std::string_view type, std::string_view options,
                Hierarchies& found) {
  if (type == "cgroup2") found.unified = at;
  if (type == "cpuset") found.cpuset = at;  // the old file system of its own
  if (type == "cgroup" && has_word(options, "cpuset")) found.cpuset = at;
  if (type == "cgroup" && has_word(options, "cpu")) found.cpu = at;
  for (const std::string_view name : kControllers) {
    if (type == "cgroup" && has_word(options, name)) found.controllers[std::string(name)] = at;
  }
}

// Captures often hold /proc/mounts only, which does not tell the root.
Hierarchies find_hierarchies(Reader& reader) {
  Hierarchies found;
  const std::string full = reader.table("/proc/self/mountinfo");
  for (const std::string& line : split(full, "\n")) {
    const std::size_t dash = line.find(" - cgroup");
    if (dash == std::string::npos) continue;
    const auto head = split(std::string_view(line).substr(0, dash), " ");
    const auto tail = split(std::string_view(line).substr(dash + 3), " ");
    if (head.size() > 4 && tail.size() > 2) {
      take_mount({head[4], head[3]}, tail[0], tail[2], found);
    }
  }
  if (!full.empty()) return found;
  for (const std::string& line : split(reader.table("/proc/mounts"), "\n")) {
    const auto words = split(line, " ");
    if (words.size() > 3) take_mount({words[1], "/"}, words[2], words[3], found);
  }
  return found;
}

struct Membership {
  std::optional<std::string> unified, cpuset, cpu;
  std::map<std::string, std::string> controllers;
};

// Lines "0::/user.slice" and "9:cpuset:/"; old kernels have /proc/self/cpuset alone.
Membership find_membership(Reader& reader) {
  Membership mine;
  for (const std::string& line : split(reader.table("/proc/self/cgroup"), "\n")) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) mine.unified = path;
    if (has_word(controllers, "cpuset")) mine.cpuset = path;
    if (has_word(controllers, "cpu")) mine.cpu = path;
    for (const std::string_view name : kControllers) {
      if (has_word(controllers, name)) mine.controllers[std::string(name)] = path;
    }
  }
  if (!mine.cpuset && !mine.unified) {
    const std::string path = reader.word("/proc/self/cpuset");
    if (!path.empty()) mine.cpuset = mine.unified = path;
  }
  return mine;
}

// The directory of a group, seen from this mount; "" when it cannot be seen.
std::string directory_of(const Hierarchy& at, const std::string& path) {
  // In a container the mount shows the container's own group as its top.
  if (at.root != "/" && path.starts_with(at.root)) {
    const std::string below = path.substr(at.root.size());
    if (below.empty() || below.starts_with('/')) return at.point + below;
  }
  if (path.find("..") != std::string::npos) return at.point;
  return path == "/" ? at.point : at.point + path;
}

// The names of both versions, and of cpuset's old file system.
void read_sets(Reader& reader, const std::string& directory, CgroupView& view) {
  for (const char* prefix : {"/cpuset.", "/"}) {
    for (const char* suffix : {".effective", ""}) {
      if (!view.cpus) {
        auto cpus = reader.cpus(directory + prefix + "cpus" + suffix);
        if (cpus && !cpus->empty()) view.cpus = std::move(*cpus);
      }
      if (!view.nodes) {
        auto nodes = reader.cpus(directory + prefix + "mems" + suffix);
        if (nodes && !nodes->empty()) view.nodes = std::move(*nodes);
      }
    }
  }
}

}  // namespace

CgroupView read_cgroup(Reader& reader) {
  CgroupView view;
  const Hierarchies found = find_hierarchies(reader);
  const Membership mine = find_membership(reader);
  const bool has_v1 = found.cpuset || found.cpu;
  view.version = found.unified ? (has_v1 ? "hybrid" : "v2") : (has_v1 ? "v1" : "none");

  if (found.cpuset && mine.cpuset) {
    read_sets(reader, directory_of(*found.cpuset, *mine.cpuset), view);
  }
  if (!view.cpus && found.unified && mine.unified) {
    read_sets(reader, directory_of(*found.unified, *mine.unified), view);
  }
  // A CPU quota stands with the cpu controller, wherever that is.
  const bool in_v1 = found.cpu && mine.cpu;
  const auto& at = in_v1 ? found.cpu : found.unified;
  const auto& path = in_v1 ? mine.cpu : mine.unified;
  if (at && path) {
    view.path = *path;
    view.directory = directory_of(*at, *path);
    view.root = at->point;
  }
  if (found.unified && mine.unified) {
    view.places[""] = {directory_of(*found.unified, *mine.unified), found.unified->point};
  }
  for (const auto& [name, group] : mine.controllers) {
    const auto mounted = found.controllers.find(name);
    if (mounted == found.controllers.end()) continue;
    view.places[name] = {directory_of(mounted->second, group), mounted->second.point};
  }
  return view;
}

}  // namespace assay::probes
