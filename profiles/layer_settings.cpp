// The sections cpus, settings, waivers and measure.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/suggest.hpp"
#include "profiles/layer_sections.hpp"
#include "profiles/selector_syntax.hpp"
#include "profiles/yaml_read.hpp"

namespace assay::profiles {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kMatches = {Match::equal, Match::at_least, Match::at_most, Match::keep};
constexpr std::array kSettingKeys = {"value"sv, "at_least"sv, "at_most"sv,
                                     "keep"sv,  "required"sv, "select"sv};
constexpr std::array kWaiverKeys = {"setting"sv, "owner"sv, "reason"sv, "expires"sv};
constexpr std::array kMeasureKeys = {"time_limit"sv, "rounds"sv,      "looks"sv,
                                     "confidence"sv, "write_limit"sv, "load_limit"sv};

// The ABBA design wants 30 blocks for its bootstrap; beyond 100,000 no run ends.
constexpr CountRange kRounds{30, 100'000};
constexpr CountRange kLooks{1, 20};
constexpr Nanoseconds kLongestRun = std::chrono::hours(24);

// With an empty list every name is known.
Expected<void> check_known(const YamlNode& node, std::string_view what,
                           std::span<const std::string_view> known) {
  if (known.empty() || std::find(known.begin(), known.end(), node.text) != known.end()) return {};
  return fail_at(node, fmt::format("unknown {} {}{}", what, in_quotes(node.text),
                                   did_you_mean(node.text, known)));
}

// The one of value, at_least, at_most and keep that the map has.
Expected<void> read_match(const YamlNode& node, WantedSetting& wanted) {
  const YamlNode* chosen = nullptr;
  for (const Match match : kMatches) {
    const YamlNode* value = node.find(to_word(match));
    if (value == nullptr) continue;
    if (chosen != nullptr) {
      return fail_at(*value, fmt::format("{} has {} and {}; expected one of them", wanted.id,
                                         to_word(wanted.match), to_word(match)));
    }
    chosen = value;
    wanted.match = match;
  }
  if (chosen == nullptr) {
    return fail_at(node,
                   fmt::format("{}: expected one of value, at_least, at_most and keep", wanted.id));
  }
  if (wanted.match == Match::keep) {
    const auto keep = read_flag(*chosen, wanted.id + ": keep");
    if (!keep) return Failure(keep.error());
    if (!*keep) return fail_at(*chosen, wanted.id + ": keep can only be true; leave it out");
    return {};
  }
  auto value = read_text_or_list(*chosen, wanted.id);
  if (!value) return Failure(value.error());
  wanted.value = std::move(*value);
  return {};
}

// `id: value`, `id: [value, value]` or `id: {at_most: value, ...}`. Values stay text: what they
// mean is for the setting's own row to say.
Expected<WantedSetting> read_wanted(const YamlNode& key, const YamlNode& node) {
  WantedSetting wanted;
  wanted.id = key.text;
  wanted.location = key.where();
  if (node.kind != YamlKind::map) {
    auto value = read_text_or_list(node, wanted.id);
    if (!value) return Failure(value.error());
    wanted.value = std::move(*value);
    return wanted;
  }
  if (auto keys = expect_map(node, wanted.id, kSettingKeys); !keys) return Failure(keys.error());
  if (auto match = read_match(node, wanted); !match) return Failure(match.error());
  if (const YamlNode* required = node.find("required")) {
    const auto flag = read_flag(*required, wanted.id + ": required");
    if (!flag) return Failure(flag.error());
    wanted.required = *flag;
  }
  if (const YamlNode* select = node.find("select")) {
    auto text = read_text_or_list(*select, wanted.id + ": select");
    if (!text) return Failure(text.error());
    wanted.select = std::move(*text);
  }
  return wanted;
}

// ISO 8601 calendar date, and one that exists.
Expected<std::chrono::year_month_day> read_date(const YamlNode& node, std::string_view what) {
  const std::string& text = node.text;
  const bool shaped =
      node.kind == YamlKind::scalar && text.size() == 10 && text[4] == '-' && text[7] == '-';
  if (shaped) {
    const auto year = parse_uint(std::string_view(text).substr(0, 4));
    const auto month = parse_uint(std::string_view(text).substr(5, 2));
    const auto day = parse_uint(std::string_view(text).substr(8, 2));
    if (year && month && day) {
      const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                             std::chrono::month(static_cast<unsigned>(*month)),
                                             std::chrono::day(static_cast<unsigned>(*day))};
      if (date.ok()) return date;
    }
  }
  return fail_at(node, fmt::format("{}: expected a date that exists, such as 2027-01-31, found {}",
                                   what, describe(node)));
}

// A waiver without an owner or an end is how exceptions become permanent: every field is required.
Expected<Waiver> read_waiver(const YamlNode& node, const Vocabulary& vocabulary) {
  if (auto keys = expect_map(node, "a waiver", kWaiverKeys); !keys) return Failure(keys.error());
  for (const std::string_view key : kWaiverKeys) {
    if (node.find(key) != nullptr) continue;
    return fail_at(node, fmt::format("a waiver without {}; expected setting, owner, reason and "
                                     "expires",
                                     key));
  }
  Waiver waiver;
  waiver.location = node.where();
  const std::array fields = {std::pair{"setting"sv, &waiver.setting},
                             std::pair{"owner"sv, &waiver.owner},
                             std::pair{"reason"sv, &waiver.reason}};
  for (const auto& [key, field] : fields) {
    auto text = read_text(*node.find(key), key);
    if (!text) return Failure(text.error());
    *field = std::move(*text);
  }
  if (auto known = check_known(*node.find("setting"), "setting", vocabulary.settings); !known) {
    return Failure(known.error());
  }
  const auto date = read_date(*node.find("expires"), "expires");
  if (!date) return Failure(date.error());
  waiver.expires = *date;
  return waiver;
}

// Puts a value that was read into an optional field; the readers' ranges fit the narrower type.
template <typename T, typename U>
Expected<void> store(const Expected<U>& value, T& into) {
  if (!value) return Failure(value.error());
  into = static_cast<typename T::value_type>(*value);
  return {};
}

// Below one half a bound is no bound; at 1 no number of samples would do.
Expected<void> read_confidence(const YamlNode& node, Measure& measure) {
  const auto value = read_number(node, "confidence");
  if (!value) return Failure(value.error());
  if (*value <= 0.5 || *value >= 1) {
    return fail_at(node,
                   fmt::format("confidence: expected a number above 0.5 and below 1, found {}",
                               describe(node)));
  }
  measure.confidence = *value;
  return {};
}

// Load per CPU. null is an answer here: whatever was inherited, start under any load.
Expected<void> read_load_limit(const YamlNode& node, Measure& measure) {
  if (node.kind == YamlKind::null) {
    measure.load_limit_dropped = true;
    return {};
  }
  const auto value = read_number(node, "load_limit");
  if (!value) return Failure(value.error());
  if (*value <= 0 || *value > 1000) {
    return fail_at(node, fmt::format("load_limit: expected a load per CPU above 0, at most 1000, "
                                     "found {}",
                                     describe(node)));
  }
  measure.load_limit = *value;
  return {};
}

Expected<void> read_time_limit(const YamlNode& node, Measure& measure) {
  const auto value = read_duration(node, "time_limit");
  if (!value) return Failure(value.error());
  if (*value < std::chrono::seconds(1) || *value > kLongestRun) {
    return fail_at(node, fmt::format("time_limit: expected 1s to 24h, found {}", describe(node)));
  }
  measure.time_limit = *value;
  return {};
}

Expected<void> read_measure_key(std::string_view key, const YamlNode& node, Measure& measure) {
  if (key == "time_limit") return read_time_limit(node, measure);
  if (key == "rounds") return store(read_count(node, key, kRounds), measure.rounds);
  if (key == "looks") return store(read_count(node, key, kLooks), measure.looks);
  if (key == "confidence") return read_confidence(node, measure);
  if (key == "write_limit") return store(read_size(node, key), measure.write_limit);
  return read_load_limit(node, measure);
}

}  // namespace

Expected<std::vector<RoleEntry>> read_roles(const YamlNode& node) {
  if (node.kind != YamlKind::map) {
    return fail_at(
        node, fmt::format("cpus: expected a map of role to selector, found {}", describe(node)));
  }
  std::vector<RoleEntry> roles;
  for (const auto& [key, value] : node.entries) {
    const auto name = read_name(*key, "a role");
    if (!name) return Failure(name.error());
    if (is_selector_word(*name)) {
      return fail_at(*key, fmt::format("{} is a word of the selectors; expected another name for "
                                       "this role",
                                       in_quotes(*name)));
    }
    RoleEntry role{*name, std::nullopt, value->where()};
    if (value->kind != YamlKind::null) {
      auto selector = read_text_or_list(*value, *name);
      if (!selector) return Failure(selector.error());
      // Syntax now, with the place of this line; names when all layers are merged.
      if (const auto parsed = parse_selector(*selector); !parsed) {
        return fail_at(*value,
                       fmt::format("selector {}: {}", in_quotes(*selector), parsed.error().cause));
      }
      role.selector = std::move(*selector);
    }
    roles.push_back(std::move(role));
  }
  return roles;
}

Expected<std::vector<SettingEntry>> read_settings(const YamlNode& node,
                                                  const Vocabulary& vocabulary) {
  if (node.kind != YamlKind::map) {
    return fail_at(node, fmt::format("settings: expected a map of setting to value, found {}",
                                     describe(node)));
  }
  std::vector<SettingEntry> settings;
  for (const auto& [key, value] : node.entries) {
    if (auto known = check_known(*key, "setting", vocabulary.settings); !known) {
      return Failure(known.error());
    }
    const auto id = read_text(*key, "a setting's id");
    if (!id) return Failure(id.error());
    SettingEntry entry;
    if (value->kind == YamlKind::null) {
      entry.dropped = true;
      entry.wanted.id = *id;
      entry.wanted.location = key->where();
    } else {
      auto wanted = read_wanted(*key, *value);
      if (!wanted) return Failure(wanted.error());
      entry.wanted = std::move(*wanted);
    }
    settings.push_back(std::move(entry));
  }
  return settings;
}

Expected<std::vector<Waiver>> read_waivers(const YamlNode& node, const Vocabulary& vocabulary) {
  if (auto list = expect_list(node, "waivers"); !list) return Failure(list.error());
  std::vector<Waiver> waivers;
  for (const YamlNode* item : node.items) {
    auto waiver = read_waiver(*item, vocabulary);
    if (!waiver) return Failure(waiver.error());
    const auto same = std::find_if(waivers.begin(), waivers.end(), [&](const Waiver& other) {
      return other.setting == waiver->setting;
    });
    if (same != waivers.end()) {
      return fail_at(*item, fmt::format("a second waiver of {}; the first stands at line {}",
                                        waiver->setting, same->location.line));
    }
    waivers.push_back(std::move(*waiver));
  }
  return waivers;
}

Expected<Measure> read_measure(const YamlNode& node) {
  if (auto keys = expect_map(node, "measure", kMeasureKeys); !keys) return Failure(keys.error());
  Measure measure;
  for (const auto& [key, value] : node.entries) {
    if (auto read = read_measure_key(key->text, *value, measure); !read) {
      return Failure(read.error());
    }
  }
  return measure;
}

}  // namespace assay::profiles
