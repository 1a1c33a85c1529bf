#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/vocabulary.hpp"
#include "profiles/loader.hpp"

namespace assay::cli {
namespace {

int list_profiles() {
  std::string text =
      fmt::format("{:<18} {:>8} {:>8}  {}\n", "PROFILE", "SETTINGS", "BUDGETS", "FOR");
  for (const profiles::BuiltIn& built_in : profiles::built_in_profiles()) {
    const auto profile = load_profile(std::string(built_in.name));
    if (!profile) return report_error(profile.error());
    text += fmt::format("{:<18} {:>8} {:>8}  {}\n", profile->name, profile->settings.size(),
                        profile->budgets.size(), profile->description);
  }
  return print(text);
}

// The file's own text: what a user copies to write a profile of their own.
int show_profile(const std::string& name) {
  const auto profile = load_profile(name);
  if (!profile) return report_error(profile.error());
  for (const profiles::BuiltIn& built_in : profiles::built_in_profiles()) {
    if (built_in.name == name) return print(built_in.yaml);
  }
  return print(fmt::format("{}: valid; {} settings, {} budgets, {} waivers; digest {}\n", name,
                           profile->settings.size(), profile->budgets.size(),
                           profile->waivers.size(), profile->digest));
}

}  // namespace

void add_profiles_command(CLI::App& app, Context& context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "profiles", "List the built-in profiles, print one, or check a file of your own");
  command->add_option("PROFILE", *name, "A built-in name to print, or a file to check");
  command->callback([name, &context] {
    context.exit_code = name->empty() ? list_profiles() : show_profile(*name);
  });
}

}  // namespace assay::cli
