#include <fmt/format.h>

#include "cli/command.hpp"
#include "core/units.hpp"
#include "engine/core_to_core.hpp"
#include "probes/probe.hpp"
#include "report/core_to_core.hpp"

namespace assay::cli {
namespace {

struct CoreToCoreOptions {
  std::string cpus, duration = "10s", format;
};

Expected<engine::CoreToCoreRequest> matrix_request(const CoreToCoreOptions& options) {
  engine::CoreToCoreRequest request;
  auto cpus = CpuSet::parse_list(options.cpus);
  if (!cpus) return Failure(cpus.error());
  request.cpus = std::move(*cpus);
  const auto duration = parse_duration(options.duration);
  if (!duration) return Failure(duration.error());
  constexpr auto kDurationMax = std::chrono::hours(1);
  if (duration->count() <= 0 || *duration > kDurationMax) {
    return fail(ErrorCode::invalid, "core-to-core --duration", options.duration,
                "expected more than 0 and at most 1h", "give a time such as 10s");
  }
  request.duration = *duration;
  return request;
}

// A host with one CPU has no pair: that is no fault of the tool, and not what was asked for.
int report_plan_error(const Error& error) {
  const int code = report_error(error);
  return error.code == ErrorCode::unsupported ? kSkippedOrDenied : code;
}

int run_core_to_core(const CoreToCoreOptions& options, const Context& context) {
  const auto request = matrix_request(options);
  if (!request) return report_error(request.error());
  const auto host = open_host({});
  if (!host) return report_error(host.error());
  const probes::Inventory inventory = probes::probe(**host);
  const auto plan = engine::plan_core_to_core(**host, inventory, *request);
  if (!plan) return report_plan_error(plan.error());
  ProgressLine line;
  const auto tell = [&](std::uint64_t done, std::uint64_t total) {
    line.show(fmt::format("{} CPUs, {} pairs, about {}: {:.0f} %", plan->cpus.size(), plan->pairs,
                          format_duration_short(plan->expected),
                          100.0 * static_cast<double>(done) / static_cast<double>(total)));
  };
  const auto matrix = engine::measure_core_to_core(**host, *plan, context.stop, tell);
  line.clear();
  if (!matrix) return report_error(matrix.error());
  const bool whole =
      std::ranges::all_of(matrix->pairs, [](const auto& pair) { return pair.batches > 0; });
  const int code = whole ? kAllAsWanted : kInconclusive;
  if (options.format == "json") {
    return print(report::core_to_core_document(*matrix, inventory), code);
  }
  if (options.format == "svg") return print(report::core_to_core_svg(*matrix, inventory), code);
  return print(report::core_to_core_text(*matrix, inventory), code);
}

}  // namespace

void add_core_to_core_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<CoreToCoreOptions>();
  CLI::App* command = app.add_subcommand(
      "core-to-core", "Measure how long a cache line takes between every two CPUs");
  command
      ->add_option("--cpus", options->cpus,
                   "The CPUs to pair, such as 0-3,8; every one that may be used by default")
      ->type_name("LIST");
  command
      ->add_option("--duration", options->duration,
                   "About how long it may take in all; every pair gets at least 0.15 ms")
      ->type_name("TIME")
      ->capture_default_str();
  add_format_option(*command, options->format, "table,json,svg");
  command->callback(
      [options, &context] { context.exit_code = run_core_to_core(*options, context); });
}

}  // namespace assay::cli
