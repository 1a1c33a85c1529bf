#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/tune_host.hpp"
#include "core/real_host.hpp"
#include "tuner/rollback.hpp"

namespace assay::cli {
namespace {

struct Options {
  std::string id, format;
  bool list = false, force = false;
};

// A journal that is not there is a word mistyped only when an id was given.
int could_not(const Error& error) {
  report_error(error);
  return kCouldNotDo;
}

int list_journals(const tuner::JournalFolder& folder, const Options& options) {
  const auto journals = folder.list();
  if (!journals) return could_not(journals.error());
  return print(options.format == "json" ? tuner::to_json(*journals).dump(2) + "\n"
                                        : tuner::render_journals(*journals));
}

int run_rollback(const Options& options) {
  const std::unique_ptr<Host> host = make_real_host();
  if (auto root = need_root(*host, "rollback"); !root) return could_not(root.error());
  tuner::JournalFolder folder(*host);
  if (options.list) return list_journals(folder, options);
  const auto lock = lock_for_tuning(folder);
  if (!lock) return could_not(lock.error());
  auto journals = folder.to_undo(options.id);
  if (!journals) return could_not(journals.error());
  const auto report =
      tuner::rollback(*host, folder, *std::move(journals), {.force = options.force});
  if (!report) return could_not(report.error());
  return print(options.format == "json" ? tuner::to_json(*report).dump(2) + "\n"
                                        : tuner::render_rollback(*report),
               report->exit_code());
}

}  // namespace

void add_rollback_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("rollback", "Put back what `assay tune` changed, also after a crash");
  CLI::Option* id = command->add_option(
      "ID", options->id, "Which transaction (default: the newest that is not undone)");
  command->add_flag("--list", options->list, "List the transactions")->excludes(id);
  command->add_flag("--force", options->force,
                    "Put old values back also where somebody changed them since");
  add_format_option(*command, options->format, "table,json");
  command->callback([options, &context] { context.exit_code = run_rollback(*options); });
}

}  // namespace assay::cli
