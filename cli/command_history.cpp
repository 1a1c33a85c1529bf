#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "certify/json_text.hpp"
#include "cli/command.hpp"
#include "report/render.hpp"
#include "report/store.hpp"

namespace assay::cli {
namespace {

constexpr double kConfidence = 0.95;

struct Options {
  std::string format, store;
  std::string id = "latest", earlier = "latest-1", later = "latest";
  std::size_t limit = 100;
};

// An id that is ambiguous is wrong usage; a store that is damaged or of another kind is not.
int report_store_error(const Error& error) {
  const int code = report_error(error);
  return code == kWrongUsage && error.operation == "open store" ? static_cast<int>(kCouldNotDo)
                                                                : code;
}

std::string path_of(const Options& options) {
  return options.store.empty() ? report::Store::default_path() : options.store;
}

nlohmann::ordered_json document(const std::vector<report::StoredCertificate>& certificates) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const report::StoredCertificate& one : certificates) {
    list.push_back({{"id", one.id},
                    {"issued", one.issued},
                    {"host", one.host},
                    {"profile", one.profile},
                    {"verdict", one.verdict},
                    {"partial", one.partial},
                    {"configuration_digest", one.configuration_digest}});
  }
  return {{"schema", "assay.history"}, {"version", 1}, {"certificates", std::move(list)}};
}

int list(const Options& options) {
  std::vector<report::StoredCertificate> certificates;
  // Looking at a history that does not exist yet must not make one.
  std::error_code error;
  if (std::filesystem::exists(path_of(options), error)) {
    const auto store = report::Store::open(path_of(options));
    if (!store) return report_store_error(store.error());
    auto found = store->list(options.limit);
    if (!found) return report_store_error(found.error());
    certificates = std::move(*found);
  }
  return print(options.format == "json" ? document(certificates).dump(2) + "\n"
                                        : report::history_text(certificates, report::Style{}));
}

Expected<std::string> stored_document(const Options& options, const std::string& id) {
  std::error_code error;
  if (!std::filesystem::exists(path_of(options), error)) {
    return fail(ErrorCode::absent, "open store", path_of(options), "there is no store yet",
                "`assay certify` makes it");
  }
  const auto store = report::Store::open(path_of(options));
  if (!store) return std::unexpected(store.error());
  return store->document(id);
}

int show(const Options& options) {
  const auto text = stored_document(options, options.id);
  if (!text) return report_store_error(text.error());
  if (options.format == "json") return print(*text);
  const auto certificate = certify::certificate_from_json(*text);
  if (!certificate) {
    report_error(certificate.error());
    return kCouldNotDo;
  }
  return print(report::certificate_text(*certificate, report::Style{}));
}

int compare(const Options& options) {
  std::vector<certify::Certificate> both;
  for (const std::string& id : {options.earlier, options.later}) {
    const auto text = stored_document(options, id);
    if (!text) return report_store_error(text.error());
    auto certificate = certify::certificate_from_json(*text);
    if (!certificate) {
      report_error(certificate.error());
      return kCouldNotDo;
    }
    both.push_back(std::move(*certificate));
  }
  const report::Comparison comparison = report::compare(both[0], both[1], kConfidence);
  return print(options.format == "json" ? certify::json_text(report::to_json(comparison))
                                        : report::comparison_text(comparison, report::Style{}));
}

}  // namespace

void add_history_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("history", "List, show and compare past certificates");
  add_format_option(*command, options->format, "table,json");
  command->add_option("--store", options->store, "The store to read instead of the default one")
      ->type_name("FILE");
  command->add_option("--limit", options->limit, "How many to list, newest first")
      ->type_name("N")
      ->capture_default_str();
  command->require_subcommand(0, 1);

  CLI::App* one = command->add_subcommand("show", "Print a certificate again");
  one->add_option("ID", options->id, "Its id, the beginning of it, latest, or latest-N")
      ->capture_default_str();
  CLI::App* two = command->add_subcommand("compare", "Measurement by measurement, with intervals");
  two->add_option("EARLIER", options->earlier, "An id, as for show")->capture_default_str();
  two->add_option("LATER", options->later, "An id, as for show")->capture_default_str();
  for (CLI::App* part : {one, two}) part->fallthrough();

  command->callback([options, &context, one, two] {
    if (one->parsed()) {
      context.exit_code = show(*options);
    } else if (two->parsed()) {
      context.exit_code = compare(*options);
    } else {
      context.exit_code = list(*options);
    }
  });
}

}  // namespace assay::cli
