#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "certify/gather.hpp"
#include "cli/command.hpp"
#include "cli/vocabulary.hpp"
#include "core/capture_archive.hpp"
#include "core/digest.hpp"
#include "profiles/loader.hpp"
#include "report/output_file.hpp"

namespace assay::cli {
namespace {

struct Options {
  std::string out = "assay-capture.tar.zst";
  std::string root, format;
  bool with_identity = false, force = false;
};

Expected<void> check_name(const Options& options) {
  if (!options.out.ends_with(".tar.zst")) {
    return fail(ErrorCode::invalid, "gather", "--out", "expected a name that ends in .tar.zst");
  }
  struct stat raw{};
  if (::lstat(options.out.c_str(), &raw) != 0) return {};
  if (S_ISREG(raw.st_mode) && options.force) return {};
  return fail(ErrorCode::busy, "write", options.out,
              S_ISREG(raw.st_mode) ? "it exists" : "something that is no file has this name",
              S_ISREG(raw.st_mode) ? "give another name, or --force to replace it" : "");
}

Expected<void> save(const Options& options, std::string_view bytes) {
  // Once more: the name may have been taken while we read.
  if (auto good = check_name(options); !good) return good;
  const std::size_t slash = options.out.rfind('/');
  const std::string directory = slash == std::string::npos ? "."
                                : slash == 0               ? "/"
                                                           : options.out.substr(0, slash);
  const std::string name = options.out.substr(slash == std::string::npos ? 0 : slash + 1);
  // What names the host is for its owner alone.
  const mode_t mode = options.with_identity ? 0600 : 0644;
  return report::write_output_file(directory, name, bytes, mode);
}

std::vector<profiles::Profile> every_profile() {
  std::vector<profiles::Profile> all;
  for (const profiles::BuiltIn& built_in : profiles::built_in_profiles()) {
    if (auto profile = load_profile(std::string(built_in.name))) all.push_back(*std::move(profile));
  }
  return all;
}

std::string table(const certify::Gathered& gathered, const Options& options, std::size_t size) {
  std::string text = fmt::format("{}  {}\n", options.out, format_bytes_short(Bytes{size}));
  text += fmt::format("  {} files read, {} directories, {} links, {} answers of system calls\n",
                      gathered.files_read, gathered.directories, gathered.links, gathered.answers);
  if (options.with_identity) {
    text += "  with everything that identifies the host: keep it to yourself\n";
  } else {
    std::string kinds;
    for (const auto& [kind, number] : gathered.privacy.replaced) {
      kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", number, kind);
    }
    text += fmt::format("  replaced: {}\n", kinds.empty() ? "nothing" : kinds);
  }
  if (!gathered.unreadable.empty()) {
    text += fmt::format("  {} could not be read, and will read so in the capture:\n",
                        gathered.unreadable.size());
    for (const std::string& line : gathered.unreadable) text += "    " + line + "\n";
  }
  return text + fmt::format("  read it with: assay probe --root {}\n", options.out);
}

int run_gather(const Options& options, const Context& context) {
  // A file size limit must not end the process while the temporary file is there.
  ::signal(SIGXFSZ, SIG_IGN);
  const auto taken = check_name(options);
  if (!taken) return report_error(taken.error());
  const auto host = open_host(options.root);
  if (!host) return report_error(host.error());
  ProgressLine line;
  const std::vector<profiles::Profile> known = every_profile();
  const auto gathered = certify::gather(
      **host, {.with_identity = options.with_identity,
               .profiles = known,
               .today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()),
               .stop = context.stop,
               .on_progress = [&line](std::string_view words) { line.show(words); }});
  line.clear();
  if (!gathered) return report_error(gathered.error());
  const auto bytes = pack_capture(gathered->tree);
  if (!bytes) return report_error(bytes.error());
  if (context.stop != nullptr && *context.stop) {
    return report_error(make_error(ErrorCode::interrupted, "gather", "", "nothing was written"));
  }
  if (auto saved = save(options, *bytes); !saved) return report_error(saved.error());
  if (options.format == "table") return print(table(*gathered, options, bytes->size()));
  const auto document = certify::to_json(*gathered, options.out, bytes->size(), sha256(*bytes));
  using OrderedJson = nlohmann::ordered_json;
  return print(document.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
}

}  // namespace

void add_gather_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "gather", "Record what assay reads here as a capture that `--root` reads elsewhere");
  command->add_option("--out", options->out, "The capture's file")
      ->type_name("FILE.tar.zst")
      ->capture_default_str();
  command->add_flag("--with-identity", options->with_identity,
                    "Keep serial numbers, addresses and names instead of replacing them");
  command->add_flag("--force", options->force, "Replace a file of that name");
  add_root_option(*command, options->root);
  add_format_option(*command, options->format, "table,json");
  command->callback([options, &context] { context.exit_code = run_gather(*options, context); });
}

}  // namespace assay::cli
