#include "tuner/contradictions.hpp"

#include <fmt/core.h>

#include <array>
#include <optional>

#include "tuner/text.hpp"
#include "tuner/values.hpp"

namespace assay::tuner {
namespace {

using profiles::Location;
using profiles::Match;
using profiles::Profile;
using profiles::WantedSetting;

// How two lines of a profile must stand to each other.
enum class Relation : std::uint8_t {
  apart,      // sets of CPUs without a common one
  inside,     // the first has no CPU that the second has not
  same_word,  // the same value
  not_above   // the first is no larger than the second
};

// Lines are settings ("irq.affinity") or roles ("cpus.isolated").
struct Rule {
  std::string_view first, second;
  Relation relation;
  std::string_view otherwise;  // what would happen
};
constexpr std::array kRules = std::to_array<Rule>({
    {"irq.affinity", "cpus.isolated", Relation::apart, "interrupts would go to isolated CPUs"},
    {"irq.default-affinity", "cpus.isolated", Relation::apart,
     "interrupts of drivers that load later would go to isolated CPUs"},
    {"boot.irqaffinity", "cpus.isolated", Relation::apart,
     "interrupts would start on isolated CPUs"},
    {"boot.irqaffinity", "boot.isolcpus", Relation::apart,
     "interrupts would start on the CPUs that the boot line isolates"},
    {"irq.queue-affinity", "irq.affinity", Relation::inside,
     "a queue's interrupt would be where no interrupt may be"},
    {"irq.queue-affinity", "cpus.isolated", Relation::apart,
     "interrupts would go to isolated CPUs"},
    {"scheduler.kernel-threads", "cpus.isolated", Relation::apart,
     "threads of the kernel would run on isolated CPUs"},
    {"boot.isolcpus", "cpus.housekeeping", Relation::apart,
     "the scheduler would leave CPUs alone that keep house"},
    {"boot.nohz-full", "cpus.housekeeping", Relation::apart,
     "CPUs that keep house need their tick"},
    {"scheduler.cpuset-partition", "cpus.housekeeping", Relation::apart,
     "the partition would take CPUs that keep house"},
    {"boot.isolcpus", "scheduler.workqueue-cpumask", Relation::apart,
     "the kernel's deferred work would run on CPUs that the boot line isolates"},
    {"net.rps", "cpus.isolated", Relation::apart, "packets would be steered to isolated CPUs"},
    {"scheduler.workqueue-cpumask", "cpus.isolated", Relation::apart,
     "the kernel's deferred work would run on isolated CPUs"},
    {"cpus.housekeeping", "cpus.isolated", Relation::apart, "a CPU would have both roles"},
    {"memory.thp-enabled", "boot.transparent-hugepage", Relation::same_word,
     "the next boot would set another value"},
    {"memory.hugepages", "boot.hugepages", Relation::same_word,
     "the next boot would take another number"},
    {"cpu.min-frequency", "cpu.max-frequency", Relation::not_above,
     "the lowest clock would be above the highest"},
    {"memory.dirty-background-bytes", "memory.dirty-bytes", Relation::not_above,
     "writers would be held up before anything is written in the background"},
});

// One line as far as it is needed: where it stands, and what it wants.
struct Line {
  Location location;
  std::string value;
  Match match = Match::equal;
  ValueKind kind = ValueKind::cpu_list;
};

std::optional<Line> line_of(const HostView& view, const Profile& profile, std::string_view name) {
  if (name.starts_with("cpus.")) {
    const auto role = view.roles.find(name.substr(5));
    const auto place = profile.cpu_role_locations.find(name.substr(5));
    if (role == view.roles.end() || place == profile.cpu_role_locations.end()) return {};
    return Line{place->second, show_cpus(role->second)};
  }
  const WantedSetting* wanted = profile.setting(name);
  if (wanted == nullptr || wanted->match == Match::keep) return {};
  return Line{wanted->location, wanted->value, wanted->match, find_setting(name)->kind};
}

// The CPUs that a line lets in; nothing when it only sets a lower bound, or cannot be resolved.
std::optional<CpuSet> cpus_in(const HostView& view, const Line& line) {
  if (auto plain = parse_cpus(line.value)) return *plain;
  auto selected = profiles::select_cpus(line.value, view.inventory, view.roles);
  return selected ? std::optional(*selected) : std::nullopt;
}

bool holds(const HostView& view, const Rule& rule, const Line& first, const Line& second) {
  switch (rule.relation) {
    case Relation::apart: {
      const auto a = cpus_in(view, first);
      const auto b = cpus_in(view, second);
      return !a || !b || !a->intersects(*b);
    }
    case Relation::inside: {
      const auto a = cpus_in(view, first);
      const auto b = cpus_in(view, second);
      return !a || !b || second.match == Match::at_least || a->is_subset_of(*b);
    }
    case Relation::same_word:
      // A bound, or a choice of words, leaves room for the other line.
      if (first.match != Match::equal || second.match != Match::equal) return true;
      for (std::string_view word : split(first.value, '|')) {
        if (agrees(second.kind, Match::equal, second.value, word).value_or(true)) return true;
      }
      return false;
    case Relation::not_above: {
      // What is at most so much may be less; what is at least so much may be more.
      if (first.match == Match::at_most || second.match == Match::at_least) return true;
      return agrees(first.kind, Match::at_most, second.value, first.value).value_or(true);
    }
  }
  return true;
}

Failure contradiction(const Location& first, const Location& second, std::string_view cause) {
  return fail(ErrorCode::invalid, "plan",
              fmt::format("{} and {}", first.to_string(), second.to_string()), cause,
              "change one of the two lines");
}

// Every CPU isolated: the kernel itself would have none.
Expected<void> check_housekeeping(const HostView& view, const Profile& profile) {
  const auto isolated = view.roles.find("isolated");
  const CpuSet& online = view.inventory.topology.online;
  if (isolated == view.roles.end() || online.empty()) return {};
  if (!(online - isolated->second).empty()) return {};
  const auto place = profile.cpu_role_locations.find("isolated");
  const auto other = profile.cpu_role_locations.find("housekeeping");
  if (place == profile.cpu_role_locations.end()) return {};
  return contradiction(
      place->second, other == profile.cpu_role_locations.end() ? place->second : other->second,
      fmt::format("all of the CPUs {} would be isolated, and none left for the kernel",
                  show_cpus(online)));
}

// A core that both roles share: the isolated thread would be disturbed by its sibling.
Expected<void> check_siblings(const HostView& view, const Profile& profile) {
  const auto isolated = view.roles.find("isolated");
  const auto housekeeping = view.roles.find("housekeeping");
  if (isolated == view.roles.end() || housekeeping == view.roles.end()) return {};
  const auto place = profile.cpu_role_locations.find("isolated");
  const auto other = profile.cpu_role_locations.find("housekeeping");
  if (place == profile.cpu_role_locations.end() || other == profile.cpu_role_locations.end()) {
    return {};
  }
  for (const probes::Cpu& cpu : view.inventory.topology.cpus) {
    if (!isolated->second.contains(cpu.id.value)) continue;
    const CpuSet shared = cpu.siblings & housekeeping->second;
    if (shared.empty()) continue;
    return contradiction(place->second, other->second,
                         fmt::format("CPU {} would be isolated and its SMT sibling {} keep house: "
                                     "they share one core",
                                     cpu.id.value, show_cpus(shared)));
  }
  return {};
}

}  // namespace

Expected<void> check_contradictions(const HostView& view, const Profile& profile) {
  if (auto good = check_housekeeping(view, profile); !good) return good;
  if (auto good = check_siblings(view, profile); !good) return good;
  for (const Rule& rule : kRules) {
    const auto first = line_of(view, profile, rule.first);
    const auto second = line_of(view, profile, rule.second);
    if (!first || !second || holds(view, rule, *first, *second)) continue;
    return contradiction(first->location, second->location,
                         fmt::format("{} = {} and {} = {}: {}", rule.first, first->value,
                                     rule.second, second->value, rule.otherwise));
  }
  return {};
}

}  // namespace assay::tuner
