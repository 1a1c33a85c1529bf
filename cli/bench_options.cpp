#include "cli/bench_options.hpp"

#include <fmt/format.h>

#include <charconv>

#include "core/cpuset.hpp"
#include "core/units.hpp"

namespace assay::cli {
namespace {

// Timed time of each series where none was asked for: a sweep and an ablation have many.
constexpr std::string_view kPlainDuration = "2s", kModeDuration = "1s";

Failure wrong_option(std::string_view option, std::string_view value, std::string_view expected,
                     std::string_view advice) {
  return fail(ErrorCode::invalid, fmt::format("bench {}", option), value, expected, advice);
}

Expected<void> set_parameters(const BenchOptions& options, engine::BenchRequest& request) {
  for (const auto& [key, value] : options.parameters) {
    if (value.empty()) continue;
    if (auto set = engine::set_parameter(request.parameters, key, value); !set) return set;
    if (key == "depth") request.depth_given = true;
  }
  if (options.direct) request.parameters.direct = true;
  if (options.no_direct) request.parameters.direct = false;
  return {};
}

Expected<void> set_duration(const BenchOptions& options, engine::BenchRequest& request) {
  const bool mode = !options.sweep.empty() || !options.ablate.empty();
  const std::string text = options.duration.empty()
                               ? std::string(mode ? kModeDuration : kPlainDuration)
                               : options.duration;
  const auto duration = parse_duration(text);
  if (!duration) return Failure(duration.error());
  if (duration->count() <= 0) {
    return wrong_option("--duration", text, "expected more than 0", "give a time such as 2s");
  }
  request.duration = *duration;
  return {};
}

// Options that say two things at once.
Expected<void> check_together(const BenchOptions& options) {
  if (options.techniques.empty() && options.ablate.empty()) {
    return wrong_option("ID", "", "expected a technique, or --ablate TECHNIQUE",
                        "`assay techniques` lists them");
  }
  if (!options.ablate.empty()) {
    const char* other = !options.techniques.empty()                  ? "a technique beside it"
                        : !options.sweep.empty()                     ? "--sweep"
                        : !options.baseline.empty()                  ? "--baseline"
                        : !options.parameters.at("features").empty() ? "--features"
                                                                     : nullptr;
    if (other != nullptr) {
      return wrong_option("--ablate", options.ablate, fmt::format("it excludes {}", other),
                          "run them one after the other");
    }
  }
  if (options.format == "svg" && options.sweep.empty()) {
    return wrong_option("--format", "svg", "svg draws a sweep", "add --sweep depth=1..64, say");
  }
  if (!options.breach_file.empty() && options.on_breach.empty()) {
    return wrong_option("--breach-file", options.breach_file, "it needs --on-breach",
                        "say what a breach is: --on-breach 500us");
  }
  return {};
}

}  // namespace

Expected<BreachTrigger> parse_breach(const std::string& text) {
  constexpr std::string_view kExpected =
      "expected a time (500us), or a limit on a percentile (p99=500us)";
  constexpr std::string_view kAdvice = "the records around each operation above it are kept";
  BreachTrigger trigger;
  std::string time = text;
  if (text.starts_with('p')) {
    const std::size_t end = text.find_first_of("<=:");
    const std::size_t start = end == std::string::npos ? end : text.find_first_not_of("<=:", end);
    double percent = 0;
    const char* last = text.data() + std::min(end, text.size());
    const auto [stop, code] = std::from_chars(text.data() + 1, last, percent);
    if (start == std::string::npos || code != std::errc() || stop != last || percent <= 0 ||
        percent >= 100) {
      return wrong_option("--on-breach", text, kExpected, kAdvice);
    }
    trigger.quantile = percent / 100;
    time = text.substr(start);
  }
  const auto threshold = parse_duration(time);
  if (!threshold || threshold->count() <= 0)
    return wrong_option("--on-breach", text, kExpected, kAdvice);
  trigger.threshold = *threshold;
  return trigger;
}

Expected<engine::BenchRequest> bench_request(const BenchOptions& options) {
  if (auto fine = check_together(options); !fine) return Failure(fine.error());
  engine::BenchRequest request;
  request.techniques = options.techniques;
  if (auto set = set_parameters(options, request); !set) return Failure(set.error());
  request.parameters.path = options.file;
  request.whole_file = !options.file.empty() && options.parameters.at("size").empty();
  request.parameters.directory = options.directory;
  const auto cpus = CpuSet::parse_list(options.cpus);
  if (!cpus) return Failure(cpus.error());
  request.cpus = *cpus;
  if (auto set = set_duration(options, request); !set) return Failure(set.error());
  for (const std::string& text : options.sweep) {
    auto axis = engine::parse_sweep_axis(text);
    if (!axis) return Failure(axis.error());
    request.sweep.push_back(std::move(*axis));
  }
  request.rounds = options.rounds;
  request.with_baseline = !options.baseline.empty();
  if (options.baseline != kOwnBaseline) request.baseline = options.baseline;
  request.destroy_data = options.destroy_data;
  request.keep = options.keep;
  return request;
}

}  // namespace assay::cli
