#include <fmt/format.h>

#include <filesystem>

#include "cli/bench_options.hpp"
#include "cli/command.hpp"
#include "engine/ablation.hpp"
#include "engine/bench.hpp"
#include "probes/probe.hpp"
#include "report/ablation_report.hpp"
#include "report/bench_document.hpp"
#include "report/hierarchy.hpp"
#include "report/output_file.hpp"
#include "report/render.hpp"
#include "report/sweep_report.hpp"

namespace assay::cli {
namespace {

constexpr double kBenchConfidence = 0.95;

// 3 when nothing could run, 2 when a result is void, 4 when operations failed, 130 after Ctrl-C.
// Of an ablation, a switch that this host lacks is an answer; without the plain one there is none.
int exit_code_of(const engine::RunResult& result, bool ablation) {
  if (result.interrupted) return kInterrupted;
  int code = kAllAsWanted;
  if (ablation && (result.measurements.empty() || !result.measurements.front().skipped.empty())) {
    return kSkippedOrDenied;
  }
  for (const engine::Measurement& measurement : result.measurements) {
    if (measurement.errors > 0) return kCouldNotDo;
    if (!measurement.skipped.empty()) {
      if (!ablation) code = kSkippedOrDenied;
    } else if ((!measurement.invalid.empty() || !measurement.engaged) && code == kAllAsWanted) {
      code = kInconclusive;
    }
  }
  return code;
}

// What was measured, and what it was measured for.
struct BenchOutcome {
  engine::RunResult result;
  std::optional<engine::AblationPlan> ablation;
  std::optional<report::SweepReport> sweep;
};

std::string bench_output(const BenchOptions& options, const BenchOutcome& outcome,
                         const probes::Inventory& inventory) {
  const auto& measurements = outcome.result.measurements;
  std::optional<report::AblationReport> ablation;
  if (outcome.ablation) {
    ablation = report::ablation_report(*outcome.ablation, measurements, kBenchConfidence);
  }
  if (options.format == "json") {
    report::BenchModes modes;
    if (outcome.sweep) modes.sweep = &*outcome.sweep;
    if (ablation) modes.ablation = &*ablation;
    return report::bench_document(outcome.result, inventory, kBenchConfidence, modes);
  }
  if (options.format == "svg") return report::sweep_svg(*outcome.sweep, measurements);
  if (options.format == "csv") {
    return ablation ? report::ablation_csv(*ablation) : report::measurements_csv(measurements);
  }
  const report::Style style{};
  std::string text;
  if (ablation) {
    text = report::ablation_text(*ablation, style);
  } else if (outcome.sweep) {
    text = report::sweep_text(*outcome.sweep, measurements, style);
  } else {
    text = report::hierarchy_text(report::hierarchy_rows(measurements, inventory, kBenchConfidence),
                                  style) +
           report::measurements_text(measurements, kBenchConfidence, style, options.slow);
  }
  if (outcome.result.interrupted) text += "\nstopped by Ctrl-C: only part of it was measured\n";
  return text;
}

Expected<BenchOutcome> bench_outcome(const Host& host, const probes::Inventory& inventory,
                                     const BenchOptions& options,
                                     const engine::BenchRequest& request,
                                     const engine::RunControl& control) {
  BenchOutcome outcome;
  Expected<engine::RunResult> result;
  if (!options.ablate.empty()) {
    auto plan = engine::plan_ablation(host, inventory, request, options.ablate);
    if (!plan) return std::unexpected(plan.error());
    result = engine::bench_series_of(host, inventory, request, plan->series, control);
    outcome.ablation = std::move(*plan);
  } else {
    result = engine::bench(host, inventory, request, control);
  }
  if (!result) return std::unexpected(result.error());
  outcome.result = std::move(*result);
  if (!request.sweep.empty()) {
    outcome.sweep = report::sweep_report(request.sweep, outcome.result.measurements);
  }
  return outcome;
}

// The folder is tried before a long run, so that it does not end with nowhere to put its records.
Expected<void> prepare_breach_file(const std::string& file) {
  if (file.empty()) return {};
  const std::filesystem::path path(file);
  const std::string directory = path.has_parent_path() ? path.parent_path().string() : ".";
  return report::prepare_output_directory(directory);
}

Expected<void> write_breaches(const std::string& file, const engine::RunResult& result) {
  if (file.empty()) return {};
  const std::filesystem::path path(file);
  const std::string directory = path.has_parent_path() ? path.parent_path().string() : ".";
  return report::write_output_file(directory, path.filename().string(),
                                   report::breaches_csv(result.measurements));
}

int bench(const BenchOptions& options, const Context& context) {
  const auto request = bench_request(options);
  if (!request) return report_error(request.error());
  ProgressLine line;
  engine::RunControl control;
  control.stop = context.stop;
  if (!options.on_breach.empty()) {
    const auto trigger = parse_breach(options.on_breach);
    if (!trigger) return report_error(trigger.error());
    control.breach.emplace();
    control.breach->threshold_ns = static_cast<std::uint64_t>(trigger->threshold.count());
    control.breach_quantile = trigger->quantile;
  }
  if (auto fine = prepare_breach_file(options.breach_file); !fine) {
    return report_error(fine.error());
  }
  for (const std::string& sentence : engine::ignored_parameters(*request)) {
    fmt::print(stderr, "assay: warning: {}\n", sentence);
  }
  const auto host = open_host({});
  if (!host) return report_error(host.error());
  const probes::Inventory inventory = probes::probe(**host);
  control.on_progress = [&line](const engine::Progress& progress) {
    line.show(
        fmt::format("round {}/{}: {}", progress.round + 1, progress.rounds, progress.technique));
  };
  const auto outcome = bench_outcome(**host, inventory, options, *request, control);
  if (!outcome) return report_error(outcome.error());
  line.clear();
  const int code = print(bench_output(options, *outcome, inventory),
                         exit_code_of(outcome->result, !options.ablate.empty()));
  if (auto written = write_breaches(options.breach_file, outcome->result); !written) {
    return report_error(written.error());
  }
  return code;
}

void add_parameter_options(CLI::App& command, BenchOptions& options) {
  for (const engine::ParameterRow& row : engine::parameter_rows()) {
    if (row.key == "direct") continue;  // a pair of flags, below
    command
        .add_option("--" + std::string(row.key), options.parameters[std::string(row.key)],
                    std::string(row.help))
        ->type_name(std::string(row.form));
  }
  auto* direct = command.add_flag("--direct", options.direct, "Use O_DIRECT, past the page cache");
  command.add_flag("--no-direct", options.no_direct, "Go through the page cache")->excludes(direct);
}

void add_mode_options(CLI::App& command, BenchOptions& options) {
  command
      .add_option("--sweep", options.sweep,
                  "Measure every value of a parameter: depth=1,2,4..128; several make a grid")
      ->type_name("PARAMETER=VALUES");
  command
      .add_option("--ablate", options.ablate,
                  "What each switch of a technique brings: alone, added, and left out")
      ->type_name("TECHNIQUE");
  command
      .add_option("--slow", options.slow,
                  "List this many of each one's slowest operations with their likeliest cause")
      ->type_name("N")
      ->check(CLI::Range(0U, static_cast<unsigned>(engine::SlowEvents::kKept)));
  command
      .add_option("--on-breach", options.on_breach,
                  "Keep the records around operations above a time (500us), or above it in blocks "
                  "that miss a limit (p99=500us)")
      ->type_name("TIME|LIMIT");
  command.add_option("--breach-file", options.breach_file, "Write those records there, as CSV")
      ->type_name("FILE");
}

}  // namespace

void add_bench_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "Measure the named techniques and nothing else");
  command->add_option("ID", options->techniques, "Techniques; `assay techniques` lists them");
  command->add_flag(fmt::format("--baseline{{{}}}", kOwnBaseline), options->baseline,
                    "Interleave each technique's baseline with it; --baseline=ID: that technique "
                    "instead");
  command->add_option("--file", options->file, "Existing file or block device to work on")
      ->type_name("PATH");
  command->add_option("--dir", options->directory, "Where an own test file is made")
      ->type_name("DIR");
  add_parameter_options(*command, *options);
  add_mode_options(*command, *options);
  command
      ->add_option("--duration", options->duration,
                   "Timed time of each series (2s; in a sweep or ablation 1s)")
      ->type_name("TIME");
  command->add_option("--rounds", options->rounds, "Blocks that each series is cut into")
      ->type_name("N")
      ->check(CLI::Range(6U, 10000U));
  command->add_option("--cpus", options->cpus, "Where it runs")->type_name("LIST");
  command->add_flag("--destroy-data", options->destroy_data,
                    "Allow writing to --file although assay did not make it: its data is lost");
  command->add_flag("--keep", options->keep, "Make --file when it is missing, and keep it");
  add_format_option(*command, options->format, "table,json,csv,svg");
  command->callback([options, &context] { context.exit_code = bench(*options, context); });
}

}  // namespace assay::cli
