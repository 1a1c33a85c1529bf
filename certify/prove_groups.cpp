#include "certify/prove_groups.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace assay::certify {
namespace {

using tuner::Change;
using tuner::ChangeKind;
using tuner::Disruption;
using tuner::PlanRow;
using tuner::RowState;

// Settings that belong together point to the same one: the first of them.
class Families {
 public:
  std::string_view head(std::string_view id) {
    const auto found = parents_.try_emplace(id, id).first;
    return found->second == id ? id : head(found->second);
  }
  void join(std::string_view a, std::string_view b) { parents_[head(b)] = head(a); }

 private:
  std::map<std::string_view, std::string_view> parents_;
};

bool is_to_change(const PlanRow& row) { return row.state == RowState::to_change; }

// A service that is started and stopped by turns is stopped for good by systemd, and needs time to
// settle: only files of the kernel and requests to drivers are flipped.
bool can_flip(const Change& change) {
  return change.kind == ChangeKind::write_file || change.kind == ChangeKind::ethtool;
}

void say_how(const tuner::Plan& plan, ProofGroup& group) {
  bool flips = true;
  for (const std::size_t row : group.rows) {
    flips = flips && std::ranges::all_of(plan.rows[row].changes, can_flip);
  }
  if (group.disruption > Disruption::stall) {
    group.how = fmt::format("before, then after: a change costs a {}", to_string(group.disruption));
  } else if (!flips) {
    group.how = "before, then after: a program is started or stopped";
  } else {
    group.how = "on and off by turns";
    return;
  }
  group.interleaved = false;
}

}  // namespace

std::vector<ProofGroup> proof_groups(const tuner::Plan& plan) {
  Families families;
  for (const PlanRow& row : plan.rows) {
    if (!is_to_change(row)) continue;
    families.head(row.setting->id);
    const auto with = [&](std::string_view other) {
      const bool planned = std::ranges::any_of(plan.rows, [&](const PlanRow& one) {
        return is_to_change(one) && one.setting->id == other;
      });
      if (planned) families.join(other, row.setting->id);
    };
    std::ranges::for_each(row.setting->after, with);
    std::ranges::for_each(row.setting->moved_by, with);
  }
  std::vector<ProofGroup> groups;
  std::map<std::string_view, std::size_t> by_head;
  for (std::size_t index = 0; index < plan.rows.size(); ++index) {
    const PlanRow& row = plan.rows[index];
    if (!is_to_change(row)) continue;
    const auto [found, is_new] = by_head.try_emplace(families.head(row.setting->id), groups.size());
    if (is_new) groups.emplace_back();
    ProofGroup& group = groups[found->second];
    group.rows.push_back(index);
    if (std::ranges::find(group.settings, row.setting->id) == group.settings.end()) {
      group.settings.push_back(row.setting->id);
    }
    group.required = group.required || row.required;
    group.disruption = std::max(group.disruption, row.setting->disruption);
  }
  for (ProofGroup& group : groups) say_how(plan, group);
  return groups;
}

std::string group_name(const std::vector<std::string_view>& settings) {
  return fmt::format("{}", fmt::join(settings, " + "));
}

}  // namespace assay::certify
