#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "core/units.hpp"
#include "probes/inventory_json.hpp"
#include "probes/inventory_svg.hpp"
#include "probes/inventory_table.hpp"
#include "probes/json_text.hpp"
#include "probes/probe.hpp"
#include "probes/yaml_text.hpp"

namespace assay::cli {
namespace {

struct ProbeOptions {
  std::string root, format, window, path;
  std::vector<std::string> areas;
};

// "1s", "500ms": how long interrupts are counted for their rates.
Expected<std::chrono::nanoseconds> window_of(const ProbeOptions& options,
                                             const probes::Areas& areas) {
  if (options.window.empty()) return std::chrono::nanoseconds(0);
  if (!probes::has(areas, probes::Area::interrupts)) {
    return fail(ErrorCode::invalid, "probe", "--window",
                "rates belong to the area \"interrupts\", which was not asked for");
  }
  if (!options.root.empty()) {
    return fail(ErrorCode::invalid, "probe", "--window",
                "a captured tree stands still: there are no rates in it");
  }
  const auto window = parse_duration(options.window);
  if (!window) return Failure(window.error());
  constexpr auto kWindowMax = std::chrono::hours(1);
  if (window->count() <= 0 || *window > kWindowMax) {
    return fail(ErrorCode::invalid, "probe", "--window", "expected more than 0 and at most 1h");
  }
  return *window;
}

// What is read and shown: the areas that were named; with a path alone, its storage.
Expected<probes::Areas> areas_of(const ProbeOptions& options) {
  auto names = options.areas;
  const bool has_storage = std::find(names.begin(), names.end(), "storage") != names.end();
  if (!options.path.empty() && !has_storage) names.emplace_back("storage");
  return probes::parse_areas(names);
}

int run_probe(const ProbeOptions& options, const Context& context) {
  if (options.format == "svg" && (!options.areas.empty() || !options.path.empty())) {
    return report_error(make_error(ErrorCode::invalid, "probe", "--format svg",
                                   "the drawing shows the whole machine",
                                   "leave the areas and --path out"));
  }
  const auto areas = areas_of(options);
  if (!areas) return report_error(areas.error());
  const auto window = window_of(options, *areas);
  if (!window) return report_error(window.error());
  const auto host = open_host(options.root);
  if (!host) return report_error(host.error());
  const probes::Inventory inventory = probes::probe(**host, {*areas, *window, context.stop});
  if (context.stop != nullptr && *context.stop) return kInterrupted;
  probes::InventoryView view{*areas, std::nullopt};
  if (!options.path.empty()) {
    // A relative path is one of this machine's, from where the user stands.
    const bool relative = options.root.empty() && !options.path.starts_with('/');
    const std::string path = relative ? std::filesystem::current_path() / options.path
                                      : std::filesystem::path(options.path);
    auto storage = probes::storage_of_path(**host, inventory, path);
    if (!storage) return report_error(storage.error());
    view.storage = std::move(*storage);
  }
  if (options.format == "table") return print(probes::to_table(inventory, view));
  if (options.format == "svg") return print(probes::to_svg(inventory));
  const auto document = probes::to_json(inventory, view);
  if (options.format == "yaml") return print(probes::to_yaml(document));
  return print(probes::to_json_text(document));
}

std::string areas_help() {
  std::string text = "What to show, everything by default:";
  for (const probes::AreaRow& row : probes::area_rows()) {
    text += fmt::format("\n{} ({})", row.name, row.about);
  }
  return text;
}

}  // namespace

void add_probe_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ProbeOptions>();
  CLI::App* command = app.add_subcommand(
      "probe", "Show what this host is: CPUs, memory, interrupts, devices, kernel, limits");
  command->add_option("areas", options->areas, areas_help())->type_name("AREA");
  command->add_option("--path", options->path, "Show which drives stand under DIR, layer by layer")
      ->type_name("DIR");
  command
      ->add_option("--window", options->window,
                   "Count interrupts twice, this long apart, and show their rates (1s)")
      ->type_name("TIME");
  add_root_option(*command, options->root);
  add_format_option(*command, options->format, "table,json,yaml,svg");
  command->callback([options, &context] { context.exit_code = run_probe(*options, context); });
}

}  // namespace assay::cli
