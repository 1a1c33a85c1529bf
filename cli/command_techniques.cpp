#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "engine/catalogue_markdown.hpp"
#include "engine/technique.hpp"
#include "probes/probe.hpp"

namespace assay::cli {
namespace {

struct Row {
  const engine::Technique* technique = nullptr;
  engine::Availability availability;
};

std::vector<Row> catalogue(const Host& host, const probes::Inventory& inventory) {
  std::vector<Row> rows;
  for (const engine::Technique& technique : engine::techniques()) {
    Row row{&technique, {}};
    if (technique.available != nullptr) {
      row.availability = technique.available(host, inventory, engine::Parameters{});
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string table(const std::vector<Row>& rows) {
  std::string text =
      fmt::format("{:<28} {:<22} {:<5} {}\n", "TECHNIQUE", "BASELINE", "HERE", "CLAIM");
  for (const Row& row : rows) {
    const engine::Technique& technique = *row.technique;
    text += fmt::format("{:<28} {:<22} {:<5} {}\n", technique.id,
                        technique.baseline.empty() ? "-" : technique.baseline,
                        row.availability.available ? "yes" : "no",
                        technique.claim.text.empty() ? "-" : technique.claim.text);
    text += fmt::format("    {}\n", technique.summary);
    if (!row.availability.available) {
      text +=
          fmt::format("    not here: {}; {}\n", row.availability.reason, row.availability.remedy);
    }
  }
  return text;
}

nlohmann::ordered_json document(const std::vector<Row>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    const engine::Technique& technique = *row.technique;
    nlohmann::ordered_json entry{{"id", technique.id},
                                 {"summary", technique.summary},
                                 {"baseline", nullptr},
                                 {"claim", technique.claim.text},
                                 {"proof", technique.proof},
                                 {"parameters", technique.parameters},
                                 {"available", row.availability.available}};
    if (!technique.baseline.empty()) entry["baseline"] = technique.baseline;
    if (!technique.also_against.empty()) entry["also_against"] = technique.also_against;
    if (!row.availability.available) {
      entry["reason"] = row.availability.reason;
      entry["remedy"] = row.availability.remedy;
    }
    list.push_back(std::move(entry));
  }
  return {{"schema", "assay.techniques"}, {"version", 1}, {"techniques", std::move(list)}};
}

}  // namespace

void add_techniques_command(CLI::App& app, Context& context) {
  struct Options {
    std::string format, root;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "techniques",
      "List every technique: its claim, its baseline, and whether this host can run it");
  add_format_option(*command, options->format, "table,json,markdown");
  add_root_option(*command, options->root);
  command->callback([options, &context] {
    if (options->format == "markdown") {  // the page of the handbook: says nothing of any host
      context.exit_code = print(engine::techniques_markdown(engine::techniques()));
      return;
    }
    const auto host = open_host(options->root);
    if (!host) {
      context.exit_code = report_error(host.error());
      return;
    }
    const std::vector<Row> rows = catalogue(**host, probes::probe(**host));
    context.exit_code =
        print(options->format == "json" ? document(rows).dump(2) + "\n" : table(rows));
  });
}

}  // namespace assay::cli
