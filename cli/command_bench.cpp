#include <fmt/format.h>

#include <map>
#include <vector>

#include "cli/command.hpp"
#include "engine/bench.hpp"
#include "probes/probe.hpp"
#include "report/bench_document.hpp"
#include "report/render.hpp"

namespace assay::cli {
namespace {

constexpr double kConfidence = 0.95;
// What --baseline without an ID stands for: no technique can be called so.
constexpr std::string_view kOwnBaseline = "own";

struct Options {
  std::vector<std::string> techniques;
  std::map<std::string, std::string> parameters;  // by key of engine::parameter_rows()
  std::string file, directory, cpus, duration = "2s", format, baseline;
  unsigned rounds = 30;
  bool direct = false, no_direct = false, destroy_data = false, keep = false;
};

Expected<engine::BenchRequest> request_from(const Options& options) {
  engine::BenchRequest request;
  request.techniques = options.techniques;
  for (const auto& [key, value] : options.parameters) {
    if (value.empty()) continue;
    const auto set = engine::set_parameter(request.parameters, key, value);
    if (!set) return Failure(set.error());
  }
  if (options.direct) request.parameters.direct = true;
  if (options.no_direct) request.parameters.direct = false;
  request.parameters.path = options.file;
  request.whole_file = !options.file.empty() && options.parameters.at("size").empty();
  request.parameters.directory = options.directory;
  const auto cpus = CpuSet::parse_list(options.cpus);
  if (!cpus) return Failure(cpus.error());
  request.cpus = *cpus;
  const auto duration = parse_duration(options.duration);
  if (!duration) return Failure(duration.error());
  if (duration->count() <= 0) {
    return fail(ErrorCode::invalid, "bench --duration", options.duration, "expected more than 0",
                "give a time such as 2s");
  }
  request.duration = *duration;
  request.rounds = options.rounds;
  request.with_baseline = !options.baseline.empty();
  if (options.baseline != kOwnBaseline) request.baseline = options.baseline;
  request.destroy_data = options.destroy_data;
  request.keep = options.keep;
  return request;
}

// 3 when nothing could run, 2 when a result is void, 4 when operations failed, 130 after Ctrl-C.
int exit_code_of(const engine::RunResult& result) {
  if (result.interrupted) return kInterrupted;
  int code = kAllAsWanted;
  for (const engine::Measurement& measurement : result.measurements) {
    if (measurement.errors > 0) return kCouldNotDo;
    if (!measurement.skipped.empty()) {
      code = kSkippedOrDenied;
    } else if ((!measurement.invalid.empty() || !measurement.engaged) && code == kAllAsWanted) {
      code = kInconclusive;
    }
  }
  return code;
}

int bench(const Options& options, const Context& context) {
  const auto request = request_from(options);
  if (!request) return report_error(request.error());
  for (const std::string& sentence : engine::ignored_parameters(*request)) {
    fmt::print(stderr, "assay: warning: {}\n", sentence);
  }
  const auto host = open_host({});
  if (!host) return report_error(host.error());
  const probes::Inventory inventory = probes::probe(**host);
  ProgressLine line;
  engine::RunControl control;
  control.stop = context.stop;
  control.on_progress = [&line](const engine::Progress& progress) {
    line.show(
        fmt::format("round {}/{}: {}", progress.round + 1, progress.rounds, progress.technique));
  };
  const auto result = engine::bench(**host, inventory, *request, control);
  if (!result) return report_error(result.error());
  line.clear();
  const std::string text =
      options.format == "json"
          ? report::bench_document(*result, inventory, kConfidence)
          : report::measurements_text(result->measurements, kConfidence, report::Style{});
  return print(text, exit_code_of(*result));
}

void add_parameter_options(CLI::App& command, Options& options) {
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

}  // namespace

void add_bench_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("bench", "Measure the named techniques and nothing else");
  command->add_option("ID", options->techniques, "Techniques; `assay techniques` lists them")
      ->required();
  command->add_flag(fmt::format("--baseline{{{}}}", kOwnBaseline), options->baseline,
                    "Interleave each technique's baseline with it; --baseline=ID: that technique "
                    "instead");
  command->add_option("--file", options->file, "Existing file or block device to work on")
      ->type_name("PATH");
  command->add_option("--dir", options->directory, "Where an own test file is made")
      ->type_name("DIR");
  add_parameter_options(*command, *options);
  command->add_option("--duration", options->duration, "Timed time of each series")
      ->type_name("TIME");
  command->add_option("--rounds", options->rounds, "Blocks that each series is cut into")
      ->type_name("N")
      ->check(CLI::Range(6U, 10000U));
  command->add_option("--cpus", options->cpus, "Where it runs")->type_name("LIST");
  command->add_flag("--destroy-data", options->destroy_data,
                    "Allow writing to --file although assay did not make it: its data is lost");
  command->add_flag("--keep", options->keep, "Make --file when it is missing, and keep it");
  add_format_option(*command, options->format, "table,json");
  command->callback([options, &context] { context.exit_code = bench(*options, context); });
}

}  // namespace assay::cli
