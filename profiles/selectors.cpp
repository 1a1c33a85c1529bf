#include "profiles/selectors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "core/suggest.hpp"
#include "profiles/near.hpp"
#include "profiles/selector_syntax.hpp"
#include "profiles/yaml_tree.hpp"

namespace assay::profiles {
namespace {

constexpr std::string_view kIsolated = "isolated";
constexpr std::string_view kHousekeeping = "housekeeping";

// What is known of the host; without an inventory no device is.
struct Machine {
  const probes::Topology& topology;
  const probes::Inventory* inventory = nullptr;
};

// What a selector needs to know besides the machine.
struct Names {
  // A role's CPUs; nullopt when there is no such role.
  std::function<std::optional<Expected<CpuSet>>(std::string_view)> role;
  // Every online CPU that no role took.
  std::function<Expected<CpuSet>()> rest;
  std::vector<std::string_view> known;  // for "did you mean"
};

// Computes one selector on one topology. Results hold online CPUs only.
class Evaluator {
 public:
  Evaluator(std::string_view text, const Machine& machine, const Names& names)
      : text_(text), topology_(machine.topology), inventory_(machine.inventory), names_(names) {}

  Expected<CpuSet> evaluate(const Selector& selector) const {
    switch (selector.kind) {
      case SelectorKind::list:
        return list(selector);
      case SelectorKind::word:
        return word(selector);
      case SelectorKind::node:
        return node(selector);
      case SelectorKind::package:
        return package(selector);
      case SelectorKind::kind:
        return of_kind(selector.word);
      case SelectorKind::near:
        return near(selector);
      case SelectorKind::sum:
      case SelectorKind::product:
        return chain(selector);
      case SelectorKind::siblings_of:
      case SelectorKind::cores_of:
      case SelectorKind::whole_cores:
      case SelectorKind::at_most:
      case SelectorKind::complement:
        break;
    }
    const auto inner = evaluate(selector.operands.front());
    if (!inner) return inner;
    if (selector.kind == SelectorKind::at_most) return spread(*inner, selector.number);
    if (selector.kind == SelectorKind::complement) return topology_.online - *inner;
    if (selector.kind == SelectorKind::whole_cores) {
      return *inner - cores_of(cores_of(*inner) - *inner);
    }
    const CpuSet cores = cores_of(*inner);
    return selector.kind == SelectorKind::cores_of ? cores : cores - *inner;
  }

 private:
  // The first operand starts the result; each other one is joined to, taken from or shared with it.
  Expected<CpuSet> chain(const Selector& selector) const {
    CpuSet result;
    for (std::size_t i = 0; i < selector.operands.size(); ++i) {
      const auto operand = evaluate(selector.operands[i]);
      if (!operand) return operand;
      if (i == 0) {
        result = *operand;
      } else if (selector.kind == SelectorKind::product) {
        result = result & *operand;
      } else {
        result = selector.subtracts[i] ? result - *operand : result | *operand;
      }
    }
    return result;
  }

  // A CPU that is there but offline is left out; one that is not there is a mistake.
  Expected<CpuSet> list(const Selector& selector) const {
    const CpuSet there = topology_.present | topology_.online;
    if (const CpuSet missing = selector.cpus - there; !missing.empty()) {
      return fail_in_selector(
          text_, selector.position,
          fmt::format("this host has no CPU {}; it has {}", missing.to_list(), there.to_list()));
    }
    return selector.cpus & topology_.online;
  }

  Expected<CpuSet> word(const Selector& selector) const {
    const std::string& name = selector.word;
    if (name == "all" || name == "online") return topology_.online;
    if (name == "allowed") return topology_.allowed & topology_.online;
    if (name == "rest") return names_.rest();
    if (name == "first-core") return first_core(topology_.online);
    if (name == "one-core-per-node") {
      return one_core_each([](const probes::Cpu& cpu) { return cpu.node.value; });
    }
    if (name == "one-core-per-package") {
      return one_core_each([](const probes::Cpu& cpu) { return cpu.package.value_or(0); });
    }
    // Roles before the kernel's answer: a profile may define these two itself.
    if (auto role = names_.role(name)) return std::move(*role);
    if (name == kIsolated) return topology_.isolated & topology_.online;
    if (name == kHousekeeping) {
      const auto isolated = word(Selector{SelectorKind::word, 0, {}, "isolated", 0, {}, {}});
      return isolated ? topology_.online - *isolated : isolated;
    }
    return fail_in_selector(text_, selector.position,
                            fmt::format("unknown role or selector {}{}", in_quotes(name),
                                        did_you_mean(name, names_.known)));
  }

  Expected<CpuSet> near(const Selector& selector) const {
    if (inventory_ == nullptr) {
      return fail_in_selector(text_, selector.position, "no device of this host is known here");
    }
    auto cpus = cpus_near(*inventory_, selector.word);
    if (!cpus) return fail_in_selector(text_, selector.position, cpus.error().cause);
    return cpus;
  }

  Expected<CpuSet> node(const Selector& selector) const {
    CpuSet known;
    for (const probes::Node& candidate : topology_.nodes) known.add(candidate.id.value);
    return members("node", selector, known,
                   [](const probes::Cpu& cpu) { return std::optional(cpu.node.value); });
  }

  Expected<CpuSet> package(const Selector& selector) const {
    return members("package", selector, {}, [](const probes::Cpu& cpu) { return cpu.package; });
  }

  // The online CPUs of node or package N. A node without CPUs (memory only) is empty, not unknown.
  template <typename NumberOf>
  Expected<CpuSet> members(std::string_view what, const Selector& selector, CpuSet known,
                           NumberOf number_of) const {
    CpuSet result;
    for (const probes::Cpu& cpu : topology_.cpus) {
      const std::optional<unsigned> number = number_of(cpu);
      if (!number) continue;
      known.add(*number);
      if (*number == selector.number) result.add(cpu.id.value);
    }
    if (!known.contains(selector.number)) {
      return fail_in_selector(
          text_, selector.position,
          fmt::format("this host has no {} {}; it has {}", what, selector.number, known.to_list()));
    }
    return result & topology_.online;
  }

  // On a machine whose CPUs are all alike the kernel names no kinds: they all perform.
  CpuSet of_kind(std::string_view kind) const {
    CpuSet result;
    for (const probes::Cpu& cpu : topology_.cpus) {
      if (cpu.kind == kind || (cpu.kind.empty() && kind == "performance")) result.add(cpu.id.value);
    }
    return result & topology_.online;
  }

  // Siblings are read from each CPU's own entry: they may be missing (a partly captured host), and
  // then a CPU is its own core.
  CpuSet cores_of(const CpuSet& cpus) const {
    CpuSet result = cpus;
    for (const probes::Cpu& cpu : topology_.cpus) {
      if (cpus.contains(cpu.id.value)) result = result | cpu.siblings;
    }
    return result & topology_.online;
  }

  // At most `count` of them, evenly spaced in the order of their numbers, the first among them. A
  // core gives its second thread only when every core has given its first.
  CpuSet spread(const CpuSet& cpus, unsigned count) const {
    CpuSet seconds;
    for (const unsigned cpu : cpus.to_vector()) {
      if (!seconds.contains(cpu))
        seconds = seconds | ((cores_of(CpuSet{cpu}) & cpus) - CpuSet{cpu});
    }
    const CpuSet firsts = cpus - seconds;
    if (firsts.count() >= count) return evenly(firsts, count);
    return firsts | evenly(seconds, count - firsts.count());
  }

  static CpuSet evenly(const CpuSet& cpus, unsigned count) {
    const std::vector<unsigned> all = cpus.to_vector();
    if (all.size() <= count) return cpus;
    CpuSet result;
    for (std::size_t i = 0; i < count; ++i) result.add(all[i * all.size() / count]);
    return result;
  }

  // The core of the lowest CPU; empty for no CPUs.
  CpuSet first_core(const CpuSet& cpus) const {
    const auto first = cpus.first();
    return first ? cores_of(CpuSet{*first}) : CpuSet();
  }

  // CPUs that do not tell their package are taken for one package, as on many virtual machines.
  template <typename NumberOf>
  CpuSet one_core_each(NumberOf number_of) const {
    std::map<unsigned, CpuSet> groups;
    for (const probes::Cpu& cpu : topology_.cpus) {
      if (topology_.online.contains(cpu.id.value)) groups[number_of(cpu)].add(cpu.id.value);
    }
    CpuSet result;
    for (const auto& [number, cpus] : groups) result = result | first_core(cpus);
    return result;
  }

  std::string_view text_;
  const probes::Topology& topology_;
  const probes::Inventory* inventory_;
  const Names& names_;
};

// Resolves the roles of a profile, each once, following references between them.
class RoleResolver {
 public:
  RoleResolver(const Profile& profile, const Machine& machine)
      : profile_(profile), machine_(machine) {
    names_.known = selector_words();
    for (const auto& [name, selector] : profile.cpu_roles) names_.known.push_back(name);
    names_.role = [this](std::string_view name) { return find(name); };
    names_.rest = [this] { return rest(); };
  }

  Expected<Roles> resolve() {
    for (const auto& [name, selector] : profile_.cpu_roles) {
      if (const auto cpus = role(name); !cpus) return Failure(cpus.error());
    }
    const auto housekeeping = done_.find(kHousekeeping);
    if (housekeeping != done_.end() && housekeeping->second.empty()) {
      return fail(ErrorCode::invalid, "resolve role", kHousekeeping,
                  "no CPU is left for housekeeping; the kernel needs at least one");
    }
    return done_;
  }

 private:
  std::optional<Expected<CpuSet>> find(std::string_view name) {
    if (!profile_.cpu_roles.contains(std::string(name))) return std::nullopt;
    return role(std::string(name));
  }

  // Depth first, each role once; a role that is met while it is being resolved needs itself.
  Expected<CpuSet> role(const std::string& name) {
    if (const auto found = done_.find(name); found != done_.end()) return found->second;
    if (std::find(open_.begin(), open_.end(), name) != open_.end()) return fail_cycle(name);
    const std::string& text = profile_.cpu_roles.at(name);
    const auto selector = parse_selector(text);
    if (!selector) return in_role(name, selector.error());
    open_.push_back(name);
    auto cpus = Evaluator(text, machine_, names_).evaluate(*selector);
    open_.pop_back();
    // Within a cycle or an inner role the innermost error already names its role.
    if (!cpus) return in_role(name, cpus.error());
    done_.emplace(name, *cpus);
    return cpus;
  }

  // `rest` belongs to the role that is being resolved: it needs every other one.
  Expected<CpuSet> rest() {
    CpuSet taken;
    const std::string asking = open_.back();
    for (const auto& [name, selector] : profile_.cpu_roles) {
      if (name == asking) continue;
      const auto cpus = role(name);
      if (!cpus) return cpus;
      taken = taken | *cpus;
    }
    return machine_.topology.online - taken;
  }

  // Puts the role's name, and its place in the profile, before a selector's error.
  Failure in_role(const std::string& name, Error error) const {
    if (error.operation != "resolve role") {
      error.cause = fmt::format("{} {}: {}", "selector", error.subject, error.cause);
      error.operation = "resolve role";
      const auto place = profile_.cpu_role_locations.find(name);
      const bool known = place != profile_.cpu_role_locations.end() && !place->second.file.empty();
      error.subject = known ? fmt::format("{} ({})", name, place->second.to_string()) : name;
    }
    return Failure(std::move(error));
  }

  Failure fail_cycle(const std::string& name) const {
    const auto start = std::find(open_.begin(), open_.end(), name);
    const std::string chain = fmt::format("{} -> {}", fmt::join(start, open_.end(), " -> "), name);
    return fail(ErrorCode::invalid, "resolve role", name,
                fmt::format("roles need each other: {} (`rest` needs every other role)", chain));
  }

  const Profile& profile_;
  const Machine machine_;
  Names names_;
  Roles done_;
  std::vector<std::string> open_;
};

Expected<CpuSet> select(std::string_view selector, const Machine& machine, const Roles& roles) {
  const auto parsed = parse_selector(selector);
  if (!parsed) return Failure(parsed.error());
  Names names;
  names.known = selector_words();
  for (const auto& [name, cpus] : roles) names.known.push_back(name);
  names.role = [&](std::string_view name) -> std::optional<Expected<CpuSet>> {
    const auto found = roles.find(name);
    if (found == roles.end()) return std::nullopt;
    return found->second;
  };
  // Outside a role `rest` is what no role took at all.
  names.rest = [&]() -> Expected<CpuSet> {
    CpuSet taken;
    for (const auto& [name, cpus] : roles) taken = taken | cpus;
    return machine.topology.online - taken;
  };
  return Evaluator(selector, machine, names).evaluate(*parsed);
}

}  // namespace

Expected<Roles> resolve_roles(const Profile& profile, const probes::Inventory& inventory) {
  return RoleResolver(profile, {inventory.topology, &inventory}).resolve();
}

Expected<Roles> resolve_roles(const Profile& profile, const probes::Topology& topology) {
  return RoleResolver(profile, {topology}).resolve();
}

Expected<CpuSet> select_cpus(std::string_view selector, const probes::Inventory& inventory,
                             const Roles& roles) {
  return select(selector, {inventory.topology, &inventory}, roles);
}

Expected<CpuSet> select_cpus(std::string_view selector, const probes::Topology& topology,
                             const Roles& roles) {
  return select(selector, {topology}, roles);
}

}  // namespace assay::profiles
