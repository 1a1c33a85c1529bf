#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/command.hpp"
#include "cli/vocabulary.hpp"
#include "core/units.hpp"
#include "probes/probe.hpp"
#include "probes/process.hpp"
#include "tuner/check.hpp"
#include "tuner/check_junit.hpp"
#include "tuner/check_table.hpp"

namespace assay::cli {
namespace {

struct Options {
  std::string profile = "default";
  std::string format, root;
  std::string only;     // "cpu,block.scheduler"
  std::string process;  // whose limits count
  std::string window;   // how long interrupts are counted
};

Expected<Nanoseconds> window_of(const Options& options) {
  if (options.window.empty()) return Nanoseconds(0);
  auto window = parse_duration(options.window);
  if (!window) return window;
  if (*window <= Nanoseconds(0) || *window > std::chrono::hours(1)) {
    return fail(ErrorCode::invalid, "check", "--window", "expected more than 0 and at most 1h");
  }
  return window;
}

// Puts a running program's limits where those of this process stand. Returns a note about it.
Expected<std::string> use_limits_of(const std::string& process, const Host& host,
                                    probes::Inventory& inventory) {
  auto found = probes::find_process(host, process);
  if (!found) return std::unexpected(found.error());
  auto limits = probes::limits_of_process(host, *found);
  if (!limits) return std::unexpected(limits.error());
  inventory.limits.process = *std::move(limits);
  return fmt::format("memlock, rtprio and nofile are those of {} (process {})", found->name,
                     found->pid);
}

std::string rendered(const tuner::CheckReport& report, const std::string& format) {
  if (format == "json") return tuner::to_json(report).dump(2) + "\n";
  if (format == "junit") return tuner::render_junit(report);
  return tuner::render_table(report);
}

int run_check(const Options& options, const Context& context) {
  auto profile = load_profile(options.profile);
  if (!profile) return report_error(profile.error());
  if (!options.only.empty()) {
    const std::vector<std::string> names = split_names(options.only);
    if (auto kept = tuner::keep_only(names, *profile); !kept) {
      return report_error(kept.error());
    }
  }
  const auto window = window_of(options);
  if (!window) return report_error(window.error());
  const auto host = open_host(options.root);
  if (!host) return report_error(host.error());
  probes::Inventory inventory = probes::probe(**host, {.window = *window, .stop = context.stop});
  if (context.stop != nullptr && *context.stop) return kInterrupted;
  std::string note;
  if (!options.process.empty()) {
    auto used = use_limits_of(options.process, **host, inventory);
    if (!used) return report_error(used.error());
    note = *std::move(used);
  }
  // Waivers run out at the end of a day in UTC.
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  auto report = tuner::check(**host, inventory, *profile, today);
  if (!report) return report_error(report.error());
  if (!note.empty()) report->notes.push_back(std::move(note));
  return print(rendered(*report, options.format), report->exit_code());
}

}  // namespace

void add_check_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("check", "Compare this host's settings with a profile; changes nothing");
  command->add_option("PROFILE", options->profile,
                      "A built-in name or a file of your own (default: default)");
  command
      ->add_option("--only", options->only,
                   "Check only these areas and settings: cpu,block.scheduler")
      ->type_name("NAME,...");
  command
      ->add_option("--process", options->process,
                   "Check the limits of this running program instead of this one's")
      ->type_name("NAME|PID");
  command
      ->add_option("--window", options->window,
                   "Count interrupts twice, this long apart, for the rows that judge them (1s)")
      ->type_name("TIME");
  add_format_option(*command, options->format, "table,json,junit");
  add_root_option(*command, options->root);
  command->callback([options, &context] { context.exit_code = run_check(*options, context); });
}

}  // namespace assay::cli
