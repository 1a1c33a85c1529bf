#include <nlohmann/json.hpp>
#include <vector>

#include "cli/command.hpp"
#include "probes/probe.hpp"
#include "tuner/explain.hpp"

namespace assay::cli {
namespace {

struct Options {
  std::string id, format, root;
  bool all = false;
};

Expected<std::vector<tuner::Explanation>> explanations(const Options& options) {
  const auto host = open_host(options.root);
  if (!host) return Failure(host.error());
  const probes::Inventory inventory = probes::probe(**host);
  if (options.all) return tuner::explain_all(**host, inventory);
  auto one = tuner::explain(**host, inventory, options.id);
  if (!one) return Failure(one.error());
  return std::vector{*std::move(one)};
}

// The handbook's page, or one section of it: the same on every host.
int print_markdown(const Options& options) {
  if (options.all) return print(tuner::settings_markdown());
  return print(tuner::render_markdown(*tuner::find_setting(options.id)));
}

int run_explain(const Options& options) {
  if (!options.all && options.id.empty()) {
    return report_error(make_error(ErrorCode::invalid, "explain", "", "no setting is named",
                                   "give an ID such as cpu.governor, or --all"));
  }
  const bool known = options.all || tuner::find_setting(options.id) != nullptr;
  if (options.format == "markdown" && known) return print_markdown(options);
  const auto all = explanations(options);
  if (!all) return report_error(all.error());
  if (options.format == "json") return print(tuner::to_json(*all).dump(2) + "\n");
  std::string text;
  for (const tuner::Explanation& one : *all) {
    text += (text.empty() ? "" : "\n") + tuner::render_explanation(one);
  }
  return print(text);
}

}  // namespace

void add_explain_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "explain", "Say what a setting does, what is wanted of it, and what it is on this host");
  CLI::Option* id = command->add_option("ID", options->id, "A setting, as cpu.governor");
  command->add_flag("--all", options->all, "Explain every setting")->excludes(id);
  add_format_option(*command, options->format, "text,json,markdown");
  add_root_option(*command, options->root);
  command->callback([options, &context] { context.exit_code = run_explain(*options); });
}

}  // namespace assay::cli
