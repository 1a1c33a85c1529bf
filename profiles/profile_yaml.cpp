#include "profiles/profile_yaml.hpp"

#include <fmt/format.h>

#include "core/units.hpp"
#include "profiles/layer.hpp"

namespace assay::profiles {
namespace {

// A double-quoted YAML scalar. Texts come from a profile that was read, so they hold no control
// character but what a quoted scalar may have given them.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string setting_line(const WantedSetting& wanted) {
  std::string text = fmt::format("  {}: {{", quoted(wanted.id));
  if (wanted.match == Match::keep) {
    text += "keep: true";
  } else {
    const std::string_view key =
        wanted.match == Match::equal ? std::string_view("value") : to_word(wanted.match);
    text += fmt::format("{}: {}", key, quoted(wanted.value));
  }
  if (!wanted.required) text += ", required: false";
  if (!wanted.select.empty()) text += fmt::format(", select: {}", quoted(wanted.select));
  return text + "}\n";
}

// The quantiles that a profile can name are decimal fractions: 0.999 is p99.9.
std::string quantile_word(double quantile) { return fmt::format("p{:.4g}", quantile * 100); }

std::string limit_text(const Limit& limit) {
  std::string text;
  if (limit.at_most) {
    text += fmt::format("at_most: {}", quoted(format_duration(*limit.at_most)));
  }
  if (limit.ratio_at_most) {
    text += fmt::format("{}against_baseline: {}", text.empty() ? "" : ", ", *limit.ratio_at_most);
  }
  return fmt::format("{}: {{{}}}", quantile_word(limit.quantile), text);
}

std::string budget_lines(const Budget& budget) {
  std::string text = fmt::format("  - technique: {}\n    target: {}\n", quoted(budget.technique),
                                 to_word(budget.target));
  std::string parameters;
  for (const auto& [name, value] : budget.parameters) {
    parameters +=
        fmt::format("{}{}: {}", parameters.empty() ? "" : ", ", quoted(name), quoted(value));
  }
  if (!parameters.empty()) text += fmt::format("    parameters: {{{}}}\n", parameters);
  if (!budget.cpus.empty()) text += fmt::format("    cpus: {}\n", quoted(budget.cpus));
  if (!budget.required) text += "    required: false\n";
  std::string limits;
  for (const Limit& limit : budget.limits) {
    limits += fmt::format("{}{}", limits.empty() ? "" : ", ", limit_text(limit));
  }
  return text + fmt::format("    limits: {{{}}}\n", limits);
}

std::string waiver_lines(const Waiver& waiver) {
  return fmt::format(
      "  - setting: {}\n    owner: {}\n    reason: {}\n    expires: {:04}-{:02}-{:02}\n",
      quoted(waiver.setting), quoted(waiver.owner), quoted(waiver.reason),
      static_cast<int>(waiver.expires.year()), static_cast<unsigned>(waiver.expires.month()),
      static_cast<unsigned>(waiver.expires.day()));
}

std::string measure_lines(const Profile& profile) {
  std::string text = fmt::format(
      "measure:\n  time_limit: {}\n  rounds: {}\n  looks: {}\n  confidence: {}\n"
      "  write_limit: {}\n",
      format_duration(profile.time_limit), profile.rounds, profile.looks, profile.confidence,
      format_bytes(profile.write_limit));
  if (profile.load_limit) text += fmt::format("  load_limit: {}\n", *profile.load_limit);
  return text;
}

// A section with nothing in it is left out.
template <typename Things, typename Line>
void add_section(std::string_view name, const Things& things, Line line, std::string& text) {
  if (things.empty()) return;
  text += fmt::format("{}:\n", name);
  for (const auto& thing : things) text += line(thing);
}

}  // namespace

std::string profile_yaml(const Profile& profile) {
  std::string text =
      fmt::format("schema: assay.profile\nversion: 1\nname: {}\n", quoted(profile.name));
  if (!profile.description.empty()) {
    text += fmt::format("description: {}\n", quoted(profile.description));
  }
  add_section(
      "cpus", profile.cpu_roles,
      [](const auto& role) {
        return fmt::format("  {}: {}\n", quoted(role.first), quoted(role.second));
      },
      text);
  add_section("settings", profile.settings, setting_line, text);
  add_section("budgets", profile.budgets, budget_lines, text);
  add_section("waivers", profile.waivers, waiver_lines, text);
  return text + measure_lines(profile);
}

}  // namespace assay::profiles
