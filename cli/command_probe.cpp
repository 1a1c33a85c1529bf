#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "probes/inventory_json.hpp"
#include "probes/inventory_svg.hpp"
#include "probes/inventory_table.hpp"
#include "probes/json_text.hpp"
#include "probes/probe.hpp"
#include "probes/yaml_text.hpp"

namespace assay::cli {
namespace {

struct ProbeOptions {
  std::string root, format;
};

int run_probe(const ProbeOptions& options) {
  const auto host = open_host(options.root);
  if (!host) return report_error(host.error());
  const probes::Inventory inventory = probes::probe(**host);
  if (options.format == "table") return print(probes::to_table(inventory));
  if (options.format == "svg") return print(probes::to_svg(inventory));
  const auto document = probes::to_json(inventory);
  if (options.format == "yaml") return print(probes::to_yaml(document));
  return print(probes::to_json_text(document));
}

}  // namespace

void add_probe_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ProbeOptions>();
  CLI::App* command = app.add_subcommand(
      "probe", "Show what this host is: CPUs, memory, interrupts, devices, kernel, limits");
  add_root_option(*command, options->root);
  add_format_option(*command, options->format, "table,json,yaml,svg");
  command->callback([options, &context] { context.exit_code = run_probe(*options); });
}

}  // namespace assay::cli
