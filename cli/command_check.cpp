#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/command.hpp"
#include "cli/vocabulary.hpp"
#include "probes/probe.hpp"
#include "tuner/check.hpp"
#include "tuner/check_table.hpp"

namespace assay::cli {
namespace {

struct Options {
  std::string profile = "default";
  std::string format, root;
  std::string only;  // "cpu,block.scheduler"
};

int run_check(const Options& options) {
  auto profile = load_profile(options.profile);
  if (!profile) return report_error(profile.error());
  if (!options.only.empty()) {
    const std::vector<std::string> names = split_names(options.only);
    if (auto kept = tuner::keep_only(names, *profile); !kept) {
      return report_error(kept.error());
    }
  }
  const auto host = open_host(options.root);
  if (!host) return report_error(host.error());
  // Waivers run out at the end of a day in UTC.
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const auto report = tuner::check(**host, probes::probe(**host), *profile, today);
  if (!report) return report_error(report.error());
  const std::string text = options.format == "json" ? tuner::to_json(*report).dump(2) + "\n"
                                                    : tuner::render_table(*report);
  return print(text, report->exit_code());
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
  add_format_option(*command, options->format, "table,json");
  add_root_option(*command, options->root);
  command->callback([options, &context] { context.exit_code = run_check(*options); });
}

}  // namespace assay::cli
