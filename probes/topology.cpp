#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

const std::string kCpus = "/sys/devices/system/cpu";

// What the kernel says of one CPU's place; the sets hold online CPUs.
struct Place {
  std::optional<unsigned> package, die, cluster, core;
  CpuSet threads;          // of the same core
  CpuSet package_members;  // of the same package
};

std::optional<unsigned> id(Reader& reader, const std::string& path) {
  // -1 means "not known"; some firmware hands out ids above 2^31, which serve no one here.
  const auto value = reader.count(path);
  if (!value || *value > 0x7fffffff) return std::nullopt;
  return static_cast<unsigned>(*value);
}

// A sibling set under its old name or its new one, as a mask or as a list.
CpuSet members(Reader& reader, const std::string& base, const char* now, const char* before) {
  for (const char* name : {now, before}) {
    const std::string path = base + name;
    if (auto set = reader.cpus(path + "_list", path)) return std::move(*set);
  }
  return {};
}

Place read_place(Reader& reader, unsigned cpu) {
  const std::string base = fmt::format("{}/cpu{}/topology/", kCpus, cpu);
  Place place;
  place.package = id(reader, base + "physical_package_id");
  place.core = id(reader, base + "core_id");
  if (!place.package && !place.core && !reader.exists(base)) return place;
  place.die = id(reader, base + "die_id");
  place.cluster = id(reader, base + "cluster_id");
  // x86 guests without a cluster say so with 16 bits of ones.
  if (place.cluster == 0xffffU) place.cluster.reset();
  // The old names come first: every kernel has them, and the new ones say the same.
  place.threads = members(reader, base, "thread_siblings", "core_cpus");
  place.package_members = members(reader, base, "core_siblings", "package_cpus");
  return place;
}

CpuSet numbered(Reader& reader, const std::string& directory, std::string_view prefix) {
  CpuSet set;
  for (const std::string& name : reader.names(directory)) {
    if (const auto number = number_after(name, prefix)) set.add(*number);
  }
  return set;
}

// Without sysfs: "cpu0", "cpu1" ... in /proc/stat are the online ones.
CpuSet from_stat(Reader& reader) {
  CpuSet set;
  for (const std::string& line : split(reader.table("/proc/stat"), "\n")) {
    const auto words = split(std::string_view(line).substr(0, 16), " ");
    if (words.empty()) continue;
    if (const auto number = number_after(words[0], "cpu")) set.add(*number);
  }
  return set;
}

// No kernel is built for more (NR_CPUS ends at 8,192); a tree that claims more is cut, since each
// CPU costs files and sets of all others.
constexpr unsigned kCpusMax = 16384;

void keep_possible_cpus(Topology& topology) {
  if (topology.present.last().value_or(0) < kCpusMax) return;
  topology.notes.push_back(
      fmt::format("CPUs from {} on are left out: no kernel has as many", kCpusMax));
  topology.present = topology.present & CpuSet::range(0, kCpusMax - 1);
}

void read_sets(Reader& reader, const CpuSet& known_to_cpuinfo, Topology& topology) {
  const CpuSet directories = numbered(reader, kCpus, "cpu");
  topology.present = reader.cpus(kCpus + "/present").value_or(directories);
  if (!directories.empty() && topology.present != directories) {
    // A list can claim anything; a directory that is there can be read.
    const CpuSet claimed = topology.present - directories;
    if (!claimed.empty()) {
      topology.notes.push_back(fmt::format(
          "the kernel calls CPUs {} present, but has no directory for them", claimed.to_list()));
    }
    topology.present = directories;
  }
  if (topology.present.empty()) topology.present = known_to_cpuinfo;
  if (topology.present.empty()) topology.present = from_stat(reader);
  keep_possible_cpus(topology);

  const auto online = reader.cpus(kCpus + "/online");
  if (online && online->intersects(topology.present)) {
    topology.online = *online & topology.present;
  } else {
    for (const unsigned cpu : topology.present.to_vector()) {
      // cpu0 has no such file where it cannot be switched off.
      if (reader.word(fmt::format("{}/cpu{}/online", kCpus, cpu)) != "0") topology.online.add(cpu);
    }
  }
  topology.possible = reader.cpus(kCpus + "/possible").value_or(topology.present);
  topology.offline = topology.present - topology.online;
  topology.isolated = reader.cpus(kCpus + "/isolated").value_or(CpuSet{}) & topology.present;
  topology.nohz_full = reader.cpus(kCpus + "/nohz_full").value_or(CpuSet{}) & topology.present;
}

// CPUs and nodes that this process may use. /proc/self/status knows of cpusets and affinity alike;
// captures seldom hold it, but their cgroup may say.
void read_allowed(Reader& reader, Topology& topology) {
  std::optional<CpuSet> allowed;
  for (const std::string& line : split(reader.table("/proc/self/status"), "\n")) {
    constexpr std::string_view kKey = "Cpus_allowed_list:";
    if (!line.starts_with(kKey)) continue;
    if (auto set = CpuSet::parse_list(trimmed(std::string_view(line).substr(kKey.size())))) {
      allowed = std::move(*set);
    }
  }
  if (!allowed) allowed = read_cgroup(reader).cpus;
  topology.allowed = allowed ? *allowed & topology.online : topology.online;
}

// The threads of one core. Bulldozer's kernels listed both cores of a module as thread siblings;
// different core ids give them away, and each is then a core of its own (as in hwloc).
CpuSet core_of(unsigned cpu, const std::map<unsigned, Place>& places, const CpuSet& online) {
  const Place& mine = places.at(cpu);
  CpuSet threads = mine.threads & online;
  constexpr unsigned kThreadsMax = 256;  // eight is the most that any CPU has
  if (!threads.contains(cpu) || threads.count() > kThreadsMax) return CpuSet{cpu};
  for (const unsigned other : threads.to_vector()) {
    const auto found = places.find(other);
    const bool told = found != places.end() && found->second.core && mine.core;
    if (told && *found->second.core != *mine.core) return CpuSet{cpu};
  }
  return threads;
}

// Core ids repeat across packages and dies, and NUMA nodes of old AMD ones: only the whole tuple
// names a core where the kernel gave no sibling sets.
void derive_siblings(const std::map<unsigned, Place>& places, Topology& topology) {
  std::map<std::tuple<unsigned, unsigned, unsigned>, CpuSet> cores;
  for (const auto& [cpu, place] : places) {
    if (place.core) cores[{place.package.value_or(0), place.die.value_or(0), *place.core}].add(cpu);
  }
  for (Cpu& cpu : topology.cpus) {
    if (!cpu.online) continue;
    const Place& place = places.at(cpu.id.value);
    if (!place.threads.empty()) {
      cpu.siblings = core_of(cpu.id.value, places, topology.online);
    } else if (place.core) {
      cpu.siblings = cores[{place.package.value_or(0), place.die.value_or(0), *place.core}];
    } else {
      cpu.siblings = CpuSet::of(cpu.id);
    }
  }
}

// The member sets are worth more than the ids where they cut the CPUs into disjoint groups.
bool sets_agree(const std::map<unsigned, Place>& places, const CpuSet& online) {
  for (const unsigned cpu : online.to_vector()) {
    const CpuSet members = places.at(cpu).package_members & online;
    if (!members.contains(cpu)) return false;
    const CpuSet& of_first = places.at(*members.first()).package_members;
    if (!(members == (of_first & online))) return false;
  }
  return true;
}

// POWER partitions and s390 call every package -1, old ia64 kernels give two the same id. Packages
// are then numbered here in the order of their first CPUs, so that no two share a number.
void name_packages(const std::map<unsigned, Place>& places, Topology& topology) {
  if (!sets_agree(places, topology.online)) return;
  std::map<unsigned, unsigned> first_of;  // by id
  std::map<unsigned, unsigned> numbers;   // by first CPU
  bool unique = true;
  for (const Cpu& cpu : topology.cpus) {
    if (!cpu.online) continue;
    const CpuSet members = places.at(cpu.id.value).package_members & topology.online;
    numbers.emplace(*members.first(), static_cast<unsigned>(numbers.size()));
    unique = unique && cpu.package &&
             first_of.emplace(*cpu.package, *members.first()).first->second == *members.first();
  }
  if (unique) return;
  if (!first_of.empty()) {
    topology.notes.emplace_back("the kernel's package ids repeat; packages are numbered anew");
  }
  for (Cpu& cpu : topology.cpus) {
    if (cpu.online) {
      cpu.package =
          numbers.at(*(places.at(cpu.id.value).package_members & topology.online).first());
    }
  }
}

void count(Topology& topology) {
  CpuSet cores;                 // the first CPU of each
  std::set<unsigned> packages;  // by id; after name_packages() these are unique
  for (const Cpu& cpu : topology.cpus) {
    if (!cpu.online) continue;
    cores.add(cpu.siblings.first().value_or(cpu.id.value));
    if (cpu.package) packages.insert(*cpu.package);
  }
  topology.counts.cpus = topology.online.count();
  topology.counts.cores = cores.count();
  topology.counts.packages = static_cast<unsigned>(packages.size());
  // A guest or board that names no package still sits in one.
  if (topology.counts.packages == 0 && !topology.online.empty()) topology.counts.packages = 1;
}

}  // namespace

void read_topology(Reader& reader, Inventory& inventory) {
  Topology& topology = inventory.topology;
  const auto cpuinfo = read_cpu_model(reader, topology);
  CpuSet known;
  for (const auto& [cpu, place] : cpuinfo) known.add(cpu);
  read_sets(reader, known, topology);
  read_allowed(reader, topology);

  std::map<unsigned, Place> places;
  for (const unsigned number : topology.present.to_vector()) {
    Cpu cpu;
    cpu.id = CpuId{number};
    cpu.online = topology.online.contains(number);
    cpu.allowed = topology.allowed.contains(number);
    cpu.isolated = topology.isolated.contains(number);
    cpu.nohz_full = topology.nohz_full.contains(number);
    // An offline CPU has no topology directory, or a stale one.
    Place place = cpu.online ? read_place(reader, number) : Place{};
    const auto told = cpuinfo.find(number);
    if (cpu.online && !place.package && !place.core && told != cpuinfo.end()) {
      place.package = told->second.package;
      place.core = told->second.core;
    }
    cpu.package = place.package;
    cpu.die = place.die;
    cpu.cluster = place.cluster;
    cpu.core = place.core;
    topology.cpus.push_back(std::move(cpu));
    places.emplace(number, std::move(place));
  }
  derive_siblings(places, topology);
  name_packages(places, topology);
  count(topology);
  topology.smt_control = reader.word(kCpus + "/smt/control");
  topology.smt_active =
      reader.flag(kCpus + "/smt/active").value_or(topology.counts.cores < topology.counts.cpus);
}

const Cpu* Topology::find(CpuId id) const {
  const auto found = std::lower_bound(cpus.begin(), cpus.end(), id,
                                      [](const Cpu& cpu, CpuId wanted) { return cpu.id < wanted; });
  return found != cpus.end() && found->id == id ? &*found : nullptr;
}

}  // namespace assay::probes
