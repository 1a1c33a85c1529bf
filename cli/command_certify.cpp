#include <fmt/format.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "certify/certify.hpp"
#include "certify/json_text.hpp"
#include "cli/command.hpp"
#include "cli/vocabulary.hpp"
#include "report/output_file.hpp"
#include "report/render.hpp"
#include "report/store.hpp"

namespace assay::cli {
namespace {

struct Options {
  std::string profile = "default", format, out, directory, nonce, store;
  bool force = false, no_store = false;
};

void warn(const Error& error) { fmt::print(stderr, "assay: warning: {}\n", error.message()); }

certify::Options options_from(const Options& options, const Context& context, ProgressLine& line) {
  certify::Options wanted;
  wanted.directory = options.directory;
  wanted.nonce = options.nonce;
  wanted.force = options.force;
  wanted.stop = context.stop;
  wanted.on_progress = [&line](std::string_view words) { line.show(words); };
  // The plan is for people. With JSON on standard output it goes where people look.
  wanted.on_plan = [&line, json = options.format == "json"](const certify::Plan& plan) {
    line.clear();
    const std::string text = report::plan_text(plan, report::Style{}) + "\n";
    if (json) {
      fmt::print(stderr, "{}", text);
    } else {
      print(text);
    }
  };
  return wanted;
}

// Keeps a certificate that has been printed already. False: some of it failed, with a warning.
bool keep(const Options& options, const certify::Certificate& certificate,
          const std::string& document, const std::string& text) {
  bool kept = true;
  const auto note = [&kept](const Expected<void>& done) {
    if (done) return;
    warn(done.error());
    kept = false;
  };
  if (!options.out.empty()) {
    note(report::write_output_file(options.out, certificate.id + ".json", document));
    note(report::write_output_file(options.out, certificate.id + ".txt", text));
  }
  if (options.no_store) return kept;
  // A file size limit must not end the process between printing and the warning.
  ::signal(SIGXFSZ, SIG_IGN);
  auto store =
      report::Store::open(options.store.empty() ? report::Store::default_path() : options.store);
  if (!store) {
    note(std::unexpected(store.error()));
  } else {
    note(store->add(certificate, document));
  }
  return kept;
}

int certify_host(const Options& options, const Context& context) {
  const auto profile = load_profile(options.profile);
  if (!profile) {
    const int code = report_error(profile.error());
    // A profile that does not exist is a word mistyped, not a job that could not be done.
    return profile.error().code == ErrorCode::absent ? kWrongUsage : code;
  }
  if (!options.out.empty()) {
    if (auto ready = report::prepare_output_directory(options.out); !ready) {
      report_error(ready.error());
      return kCouldNotDo;
    }
  }
  const auto host = open_host({});
  if (!host) return report_error(host.error());
  ProgressLine line;
  const auto certificate = certify::certify(**host, *profile, options_from(options, context, line));
  line.clear();
  if (!certificate) return report_error(certificate.error());

  const std::string document = certify::json_text(certify::to_json(*certificate));
  const std::string text = report::certificate_text(*certificate, report::Style{});
  const int code = certificate->exit_code();
  const int printed = print(options.format == "json" ? document : text, code);
  const bool kept = keep(options, *certificate, document, text);
  if (code == kInterrupted || kept) return printed;
  return kCouldNotDo;
}

}  // namespace

void add_certify_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "certify", "Check and measure this host against a profile, and print its certificate");
  command
      ->add_option("PROFILE", options->profile,
                   "Built-in name or file; `assay profiles` lists them")
      ->capture_default_str();
  add_format_option(*command, options->format, "table,json");
  command->add_option("--out", options->out, "Also write ID.json and ID.txt into DIR")
      ->type_name("DIR");
  command->add_option("--dir", options->directory, "Where own test files are made")
      ->type_name("DIR");
  command->add_option("--nonce", options->nonce, "Words of the caller that the certificate repeats")
      ->type_name("TEXT");
  command->add_flag("--force", options->force,
                    "Measure above the profile's load limit; recorded in the certificate");
  command->add_flag("--no-store", options->no_store, "Do not keep the certificate in the store");
  command->add_option("--store", options->store, "Keep it in this store instead of the default one")
      ->type_name("FILE");
  command->callback([options, &context] { context.exit_code = certify_host(*options, context); });
}

}  // namespace assay::cli
