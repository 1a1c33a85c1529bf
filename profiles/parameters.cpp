#include "profiles/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/suggest.hpp"
#include "core/units.hpp"
#include "profiles/yaml_read.hpp"

namespace assay::profiles {
namespace {

enum class Form : std::uint8_t { word, size, count, percent, number, duration, flag };

// One parameter: its name and what its value looks like.
struct Row {
  std::string_view name;
  Form form = Form::word;
  std::string_view words = {};  // separated by '|': the only ones allowed
};

// The keys of `assay bench`, too: --block, --depth, ...
constexpr std::array kRows = {
    Row{"op", Form::word, "read|write"},
    Row{"block", Form::size},
    Row{"size", Form::size},
    Row{"depth", Form::count},
    Row{"batch", Form::count},
    Row{"pattern", Form::word, "random|sequential"},
    Row{"direct", Form::flag},
    Row{"regime", Form::word, "cached|device"},
    Row{"completion", Form::word, "block|poll|hybrid"},
    Row{"rate", Form::number},
    Row{"arrival", Form::word, "fixed|poisson"},
    Row{"message", Form::size},
    Row{"variant", Form::word},
    Row{"interval", Form::duration},
    Row{"target-p99", Form::duration},
    Row{"policy", Form::word, "other|fifo"},
    Row{"threads", Form::count},
    Row{"read-share", Form::percent},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kRows.size()> names{};
  std::transform(kRows.begin(), kRows.end(), names.begin(),
                 [](const Row& row) { return row.name; });
  return names;
}();

constexpr CountRange kDepths{1, 4096};  // the engine takes no more
constexpr CountRange kPercent{0, 100};

// "a|b" → {"a", "b"}; "" → {}.
std::vector<std::string_view> split_words(std::string_view words) {
  std::vector<std::string_view> result;
  while (!words.empty()) {
    const std::size_t bar = words.find('|');
    result.push_back(words.substr(0, bar));
    words = bar == std::string_view::npos ? std::string_view() : words.substr(bar + 1);
  }
  return result;
}

// One of the row's words; any name when it lists none.
Expected<std::string> read_word(const YamlNode& value, const Row& row) {
  const std::vector<std::string_view> words = split_words(row.words);
  if (words.empty()) return read_name(value, row.name);
  if (value.kind == YamlKind::scalar &&
      std::find(words.begin(), words.end(), value.text) != words.end()) {
    return value.text;
  }
  return fail_at(value, fmt::format("{}: expected {}, found {}{}", row.name, one_of(words),
                                    describe(value), did_you_mean(value.text, words)));
}

// YAML's own true and false are taken for the on and off of the command line.
Expected<std::string> read_on_off(const YamlNode& value, const Row& row) {
  if (value.kind == YamlKind::scalar) {
    if (value.text == "on" || value.text == "true") return std::string("on");
    if (value.text == "off" || value.text == "false") return std::string("off");
  }
  return fail_at(value, fmt::format("{}: expected on or off, found {}", row.name, describe(value)));
}

// Operations per second; 0 is a closed loop.
Expected<std::string> read_rate(const YamlNode& value, const Row& row) {
  const auto number = read_number(value, row.name);
  if (!number) return Failure(number.error());
  if (*number < 0 || *number > 1e9) {
    return fail_at(value, fmt::format("{}: expected a number from 0 to 1000000000, found {}",
                                      row.name, describe(value)));
  }
  return fmt::format("{}", *number == 0 ? 0.0 : *number);  // never "-0"
}

// What was read, in the one spelling that its unit's printer gives it.
template <typename T>
Expected<std::string> formatted(const Expected<T>& value, std::string (*format)(T)) {
  if (!value) return Failure(value.error());
  return format(*value);
}

}  // namespace

Expected<std::string> read_parameter(const YamlNode& key, const YamlNode& value,
                                     const Vocabulary& vocabulary) {
  const std::span<const std::string_view> known = vocabulary.parameters.empty()
                                                      ? std::span<const std::string_view>(kNames)
                                                      : vocabulary.parameters;
  if (std::find(known.begin(), known.end(), key.text) == known.end()) {
    return fail_at(key, fmt::format("unknown parameter {}; expected {}{}", in_quotes(key.text),
                                    one_of(known), did_you_mean(key.text, known)));
  }
  const auto found = std::find_if(kRows.begin(), kRows.end(),
                                  [&](const Row& row) { return row.name == key.text; });
  // A name that only the caller's vocabulary has is a word.
  const Row row = found == kRows.end() ? Row{key.text} : *found;
  switch (row.form) {
    case Form::size:
      return formatted(read_size(value, row.name), format_bytes);
    case Form::count: {
      const auto count = read_count(value, row.name, kDepths);
      if (!count) return Failure(count.error());
      return std::to_string(*count);
    }
    case Form::percent: {
      const auto share = read_count(value, row.name, kPercent);
      if (!share) return Failure(share.error());
      return std::to_string(*share);
    }
    case Form::number:
      return read_rate(value, row);
    case Form::duration:
      return formatted(read_duration(value, row.name), format_duration);
    case Form::flag:
      return read_on_off(value, row);
    case Form::word:
      break;
  }
  return read_word(value, row);
}

}  // namespace assay::profiles
