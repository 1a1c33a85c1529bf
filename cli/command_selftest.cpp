#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "engine/selftest.hpp"
#include "probes/probe.hpp"

namespace assay::cli {
namespace {

using engine::SelfTestReport;

int exit_code_of(const SelfTestReport& report) {
  if (report.interrupted) return kInterrupted;
  if (!report.clock.valid || !report.same()) return kInconclusive;
  return report.found() ? kAllAsWanted : kNotAsWanted;
}

std::string ratio_text(const stats::RatioInterval& ratio) {
  return fmt::format("{:.4f} [{:.4f}, {:.4f}]", ratio.ratio, ratio.low, ratio.high);
}

std::string summary_of(const SelfTestReport& report) {
  if (report.interrupted) return "Stopped before the end: nothing was judged.";
  if (!report.clock.valid)
    return "INVALID: the clock drifted; latencies of this host cannot be trusted.";
  if (!report.found()) return "FAIL: the injected delay was not found with its right size.";
  if (!report.same())
    return "INCONCLUSIVE: identical series differed; run again on a quieter host.";
  return "PASS: this meter can be trusted here to what stands above.";
}

std::string text_of(const SelfTestReport& report) {
  if (report.interrupted) return summary_of(report) + "\n";
  const bool tsc = report.clock.source == engine::ClockSource::tsc;
  std::string text = "The meter tests itself\n";
  text += fmt::format("  clock           {}, {:.6f} GHz, {:+.3f} ppm at the end (≤50 wanted); {}\n",
                      tsc ? "TSC" : "clock_gettime", report.clock.hz / 1e9, report.clock.error_ppm,
                      report.clock.reason);
  text += fmt::format("  time stamp      p50 {} ns, p99 {} ns between two\n",
                      report.clock.overhead_p50_ns, report.clock.overhead_p99_ns);
  text += fmt::format(
      "  noise floor     p50 {}, p99 {}, p99.9 {}, max {} of {} operations that only compute\n",
      format_ns_short(static_cast<double>(report.floor_p50_ns)),
      format_ns_short(static_cast<double>(report.floor_p99_ns)),
      format_ns_short(static_cast<double>(report.floor_p99_9_ns)),
      format_ns_short(static_cast<double>(report.floor_max_ns)), report.floor_operations);
  text += fmt::format(
      "  A/A             p50 ratio {}, p99 ratio {},\n                  rate ratio {} at {:.0f} %: "
      "{}\n",
      ratio_text(report.same_p50), ratio_text(report.same_p99), ratio_text(report.same_rate),
      report.same_p50.confidence * 100,
      report.same() ? "no difference" : "a difference where there is none");
  text += fmt::format(
      "  injected delay  {} into 0.2 % ({} operations): p99.9 found {} [{}, {}], {:.1f} % off: "
      "{}\n",
      format_duration_short(report.injected), report.injected_operations,
      format_ns_short(report.found_ns), format_ns_short(report.found_low_ns),
      format_ns_short(report.found_high_ns), report.error_fraction() * 100,
      report.found() ? "found" : "not found within 10 %");
  return text + summary_of(report) + "\n";
}

nlohmann::ordered_json ratio_json(const stats::RatioInterval& ratio) {
  return {{"ratio", ratio.ratio},
          {"low", ratio.low},
          {"high", ratio.high},
          {"confidence", ratio.confidence},
          {"pairs", ratio.pairs}};
}

nlohmann::ordered_json json_of(const SelfTestReport& report) {
  nlohmann::ordered_json clock{
      {"source", report.clock.source == engine::ClockSource::tsc ? "tsc" : "monotonic"},
      {"reason", report.clock.reason},
      {"hz", report.clock.hz},
      {"error_ppm", report.clock.error_ppm},
      {"overhead_ns",
       {{"p50", report.clock.overhead_p50_ns}, {"p99", report.clock.overhead_p99_ns}}},
      {"valid", report.clock.valid}};
  return {{"schema", "assay.selftest"},
          {"version", 1},
          {"partial", report.interrupted},
          {"clock", std::move(clock)},
          {"noise_floor_ns",
           {{"p50", report.floor_p50_ns},
            {"p99", report.floor_p99_ns},
            {"p99_9", report.floor_p99_9_ns},
            {"max", report.floor_max_ns},
            {"operations", report.floor_operations}}},
          {"same",
           {{"p50", ratio_json(report.same_p50)},
            {"p99", ratio_json(report.same_p99)},
            {"rate", ratio_json(report.same_rate)},
            {"no_difference", report.same()}}},
          {"injected",
           {{"delay_ns", report.injected.count()},
            {"fraction", report.injected_fraction},
            {"operations", report.injected_operations},
            {"found_ns", report.found_ns},
            {"found_low_ns", report.found_low_ns},
            {"found_high_ns", report.found_high_ns},
            {"error_fraction", report.error_fraction()},
            {"found", report.found()}}},
          {"summary", summary_of(report)}};
}

struct Options {
  std::string format, cpus;
};

int selftest(const Options& options, const Context& context) {
  const auto cpus = CpuSet::parse_list(options.cpus);
  if (!cpus) return report_error(cpus.error());
  const auto host = open_host({});
  if (!host) return report_error(host.error());
  ProgressLine line;
  engine::RunControl control;
  control.stop = context.stop;
  control.on_progress = [&line](const engine::Progress& progress) {
    line.show(fmt::format("round {}/{}", progress.round + 1, progress.rounds));
  };
  engine::SelfTestOptions settings;
  settings.cpus = *cpus;
  const auto report = engine::self_test(**host, probes::probe(**host), settings, control);
  if (!report) return report_error(report.error());
  line.clear();
  const std::string text =
      options.format == "json" ? json_of(*report).dump(2) + "\n" : text_of(*report);
  return print(text, exit_code_of(*report));
}

}  // namespace

void add_selftest_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "selftest", "Test the meter: noise floor, A/A, an injected delay, the clock");
  command->add_option("--cpus", options->cpus, "Where it runs")->type_name("LIST");
  add_format_option(*command, options->format, "table,json");
  command->callback([options, &context] { context.exit_code = selftest(*options, context); });
}

}  // namespace assay::cli
