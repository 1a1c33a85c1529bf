#include "engine/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace assay::engine {
namespace {

constexpr std::array<std::string_view, 3> kLoadKeys{"depth", "threads", "rate"};

Failure wrong_sweep(std::string_view text, std::string_view cause, std::string_view advice) {
  return fail(ErrorCode::invalid, "--sweep", text, cause, advice);
}

// A number or a size, and how the same kind is written.
struct Amount {
  double value = 0;
  bool is_size = false;
  std::string text() const {
    return is_size ? format_bytes(Bytes{static_cast<std::uint64_t>(value)})
                   : fmt::format("{:g}", value);
  }
};

std::optional<Amount> amount_of(std::string_view word) {
  double number = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (code == std::errc() && end == word.data() + word.size()) return Amount{number, false};
  if (const auto size = parse_bytes(word)) return Amount{static_cast<double>(size->count), true};
  return std::nullopt;
}

// A..B or A..B+STEP, spelled out.
Expected<std::vector<std::string>> range_values(std::string_view text, std::size_t dots) {
  const std::string_view from_word = text.substr(0, dots);
  std::string_view to_word = text.substr(dots + 2);
  std::string_view step_word;
  if (const std::size_t plus = to_word.find('+'); plus != std::string_view::npos) {
    step_word = to_word.substr(plus + 1);
    to_word = to_word.substr(0, plus);
  }
  const auto from = amount_of(from_word), to = amount_of(to_word);
  const auto step = amount_of(step_word.empty() ? "1" : step_word);
  constexpr std::string_view kExpected = "expected a range such as 1..128, 512..64KiB or 0..100+25";
  if (!from || !to || !step || from->value > to->value || step->value <= 0) {
    return wrong_sweep(text, kExpected, "the first value is the smaller one");
  }
  if (step_word.empty() && from->value <= 0) {
    return wrong_sweep(text, "a range that doubles cannot start at 0", "give a step: 0..100+25");
  }
  const bool is_size = from->is_size || to->is_size;
  std::vector<std::string> values;
  for (double value = from->value; value < to->value;
       value = step_word.empty() ? value * 2 : value + step->value) {
    values.push_back(Amount{value, is_size}.text());
    if (values.size() > kSweepPointsMax)
      return wrong_sweep(text, "too many values", "give a larger step");
  }
  values.push_back(Amount{to->value, is_size}.text());
  return values;
}

Expected<void> add_values(SweepAxis& axis, std::string_view word) {
  std::vector<std::string> values{std::string(word)};
  if (const std::size_t dots = word.find(".."); dots != std::string_view::npos) {
    auto range = range_values(word, dots);
    if (!range) return Failure(range.error());
    values = std::move(*range);
  }
  for (std::string& value : values) {
    Parameters scratch;
    if (auto set = set_parameter(scratch, axis.key, value); !set) return set;
    if (std::ranges::find(axis.values, value) != axis.values.end()) {
      return wrong_sweep(value, fmt::format("{} has this value twice", axis.key),
                         "give each value once");
    }
    axis.values.push_back(std::move(value));
  }
  return {};
}

}  // namespace

Expected<SweepAxis> parse_sweep_axis(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    return wrong_sweep(text, "expected PARAMETER=VALUES", "such as depth=1,2,4..128");
  }
  SweepAxis axis{std::string(text.substr(0, equals)), {}};
  if (axis.key == "size") {
    return wrong_sweep(text, "all points of a sweep share one test file",
                       "sweep another parameter, and give --size once");
  }
  std::string_view rest = text.substr(equals + 1);
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    if (word.empty()) return wrong_sweep(text, "a value is missing", "such as depth=1,2,4..128");
    if (auto added = add_values(axis, word); !added) return Failure(added.error());
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return axis;
}

bool is_load_axis(std::string_view key) {
  return std::ranges::find(kLoadKeys, key) != kLoadKeys.end();
}

Expected<std::vector<Parameters>> sweep_points(const Parameters& common,
                                               std::span<const SweepAxis> axes) {
  std::vector<Parameters> points{common};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto same = [&](const SweepAxis& other) { return other.key == axes[i].key; };
    if (std::ranges::any_of(axes.first(i), same)) {
      return wrong_sweep(axes[i].key, "this parameter is swept twice",
                         "join the values with commas");
    }
    std::vector<Parameters> next;
    if (points.size() * axes[i].values.size() > kSweepPointsMax) {
      return wrong_sweep(axes[i].key,
                         fmt::format("{} points and more, {} are allowed",
                                     points.size() * axes[i].values.size(), kSweepPointsMax),
                         "sweep fewer values");
    }
    for (const Parameters& point : points) {
      for (const std::string& value : axes[i].values) {
        next.push_back(point);
        if (auto set = set_parameter(next.back(), axes[i].key, value); !set) {
          return Failure(set.error());
        }
      }
    }
    points = std::move(next);
  }
  return points;
}

}  // namespace assay::engine
