#include "tuner/explain.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/suggest.hpp"
#include "tuner/judge.hpp"
#include "tuner/readers.hpp"

namespace assay::tuner {
namespace {

// The name that lasts and, in parentheses, the one that people know.
std::string shown_target(const Target& target) {
  const std::string& local = target.label.empty() ? target.local : target.label;
  if (local.empty() || target.name.ends_with(local)) return target.name;
  return fmt::format("{} ({})", target.name, local);
}

// Reads one target; a failure becomes its words, judged as check() would.
CurrentValue current_value(const Setting& setting, const Target& target, const HostView& view) {
  CurrentValue value;
  value.target = shown_target(target);
  auto reading = setting.read(view, setting, target);
  if (!reading) {
    const Judgement why =
        judge_failure(setting, target, reading.error(), view.inventory.environment);
    value.note = fmt::format("{}: {}", to_string(why.outcome), why.reason);
    return value;
  }
  value.configured = reading->configured;
  value.effective = reading->effective.value_or("");
  value.note = reading->note;
  if (reading->kernel_managed) value.note = "kernel-managed; " + value.note;
  if (reading->later) {
    value.note += fmt::format("{}{} sets {}", value.note.empty() ? "" : "; ", reading->later_source,
                              *reading->later);
  }
  return value;
}

// An empty cell would look like an omission.
std::string_view or_nothing(std::string_view value) {
  return value.empty() ? "(left as it is)" : value;
}

// "duration, in us where the kernel has a bare number"
std::string value_words(const Setting& setting) {
  std::string text(to_string(setting.kind));
  if (!setting.unit.empty()) text += fmt::format(" (the kernel counts in {})", setting.unit);
  if (!setting.words.empty()) text += fmt::format(", or {}", fmt::join(setting.words, ", "));
  return text;
}

// The row's path with a star for the target: what a shell would take.
std::string shown_where(const Setting& setting) { return path_of(setting, {"", "*"}); }

std::string_view privilege_words(const Setting& setting) {
  if (setting.lasting == Lasting::recorded) return "it is only read";
  return setting.privilege == Privilege::root ? "changing it needs root" : "anybody may change it";
}

// One row on this host.
Explanation explain_row(const Setting& setting, const HostView& view) {
  Explanation explanation{.setting = &setting, .values = {}, .not_applicable = {}};
  for (const Target& target : setting.targets(view)) {
    explanation.values.push_back(current_value(setting, target, view));
  }
  if (explanation.values.empty()) {
    explanation.not_applicable =
        why_not_applicable(setting, view.inventory.environment, setting.not_applicable);
  }
  return explanation;
}

}  // namespace

Expected<Explanation> explain(const Host& host, const probes::Inventory& inventory,
                              std::string_view id) {
  const Setting* setting = find_setting(id);
  if (setting == nullptr) {
    return fail(ErrorCode::invalid, "explain", id,
                "no such setting" + did_you_mean(id, setting_ids()));
  }
  const Persisted persisted = read_persisted(host);
  const profiles::Roles no_roles;
  return explain_row(*setting, {host, inventory, persisted, no_roles});
}

std::vector<Explanation> explain_all(const Host& host, const probes::Inventory& inventory) {
  const Persisted persisted = read_persisted(host);
  const profiles::Roles no_roles;
  std::vector<Explanation> all;
  for (const Setting& setting : settings()) {
    all.push_back(explain_row(setting, {host, inventory, persisted, no_roles}));
  }
  return all;
}

std::string render_explanation(const Explanation& explanation) {
  const Setting& setting = *explanation.setting;
  std::string text = fmt::format("{}\n  {}\n\n", setting.id, setting.reason);
  auto line = [&](std::string_view name, std::string_view value) {
    text += fmt::format("  {:<13} {}\n", name, value);
  };
  line("set on", to_string(setting.set_on));
  line("kernel name", shown_where(setting));
  line("value", value_words(setting));
  line("low latency", or_nothing(setting.low_latency));
  line("throughput", or_nothing(setting.throughput));
  line("disruption", to_string(setting.disruption));
  line("risk", to_string(setting.risk));
  line("privilege", privilege_words(setting));
  line("lasts by", to_string(setting.lasting));
  if (!setting.after.empty()) line("set after", fmt::format("{}", fmt::join(setting.after, ", ")));
  line("source", setting.source);
  text += "\n  On this host\n";
  if (explanation.values.empty()) {
    text += fmt::format("    not applicable: {}\n", explanation.not_applicable);
  }
  std::size_t width = 0;
  for (const CurrentValue& value : explanation.values) {
    width = std::max(width, value.target.size());
  }
  for (const CurrentValue& value : explanation.values) {
    text += fmt::format("    {:<{}}  {}", value.target, width,
                        value.configured.empty() ? "-" : value.configured);
    if (!value.effective.empty()) text += fmt::format(", in effect {}", value.effective);
    if (!value.note.empty()) text += fmt::format("  ({})", value.note);
    text += "\n";
  }
  return text;
}

std::string render_markdown(const Setting& setting) {
  std::string text = fmt::format("### `{}`\n\n{}\n\n", setting.id, setting.reason);
  auto value = [](std::string_view wanted) {
    return wanted.empty() ? std::string("left as it is") : fmt::format("`{}`", wanted);
  };
  text += "| | |\n|---|---|\n";
  auto line = [&](std::string_view name, std::string_view cell) {
    text += fmt::format("| {} | {} |\n", name, cell);
  };
  line("set on", to_string(setting.set_on));
  line("kernel name", fmt::format("`{}`", shown_where(setting)));
  line("value", value_words(setting));
  line("low latency", value(setting.low_latency));
  line("throughput", value(setting.throughput));
  line("disruption, risk",
       fmt::format("{}, {}", to_string(setting.disruption), to_string(setting.risk)));
  line("lasts by", fmt::format("{}; {}", to_string(setting.lasting), privilege_words(setting)));
  if (!setting.after.empty()) line("set after", fmt::format("{}", fmt::join(setting.after, ", ")));
  line("source", setting.source);
  return text + "\n";
}

std::string settings_markdown() {
  std::string text =
      "# Settings\n\n"
      "Every setting that a profile can want, as `assay check` reads it and `assay explain ID` "
      "prints it. This page is written by `assay explain --all --format markdown`; change the rows "
      "in `tuner/settings_*.cpp`, not this file.\n\n"
      "Values are written as a profile writes them. `at_least` and `at_most` raise or lower only "
      "(for CPU lists: contains all of, only those of); `keep` records the value and wants "
      "nothing. Values compare by meaning: CPU lists and masks as sets, numbers in their units, "
      "flags as yes or no.\n\n";
  for (std::string_view area : setting_areas()) {
    text += fmt::format("## {}\n\n", area);
    for (const Setting& setting : settings()) {
      if (area_of(setting.id) == area) text += render_markdown(setting);
    }
  }
  text.pop_back();  // one newline at the end is enough
  return text;
}

}  // namespace assay::tuner
