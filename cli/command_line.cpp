#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "assay_version.hpp"
#include "cli/command.hpp"
#include "core/suggest.hpp"

namespace assay::cli {
namespace {

std::atomic<bool> stop_requested{false};

// The second signal is for a user who will not wait: test files are unlinked while open, so that
// dying here leaves nothing behind.
void on_signal(int signal) {
  if (stop_requested.exchange(true)) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

// What this program changes, and what it found.
struct Handled {
  int signal;
  void (*handler)(int);
  struct sigaction before;
};
// print() reports a reader that went away, so SIGPIPE need not kill.
std::array handled{Handled{SIGINT, on_signal, {}}, Handled{SIGTERM, on_signal, {}},
                   Handled{SIGPIPE, SIG_IGN, {}}};

void install_signal_handlers() {
  for (Handled& one : handled) {
    struct sigaction action{};
    action.sa_handler = one.handler;
    sigaction(one.signal, &action, &one.before);
  }
}

// `assay run OPTIONS -- PROGRAM...`: takes what follows "--" away, for it is not ours to parse.
std::vector<std::string> take_program(int& argc, char** argv) {
  std::vector<std::string> program;
  if (argc < 2 || std::string_view(argv[1]) != "run") return program;
  for (int i = 2; i < argc; ++i) {
    if (std::string_view(argv[i]) != "--") continue;
    program.assign(argv + i + 1, argv + argc);
    argc = i;
  }
  return program;
}

constexpr std::array kCommands = {
    add_probe_command,   add_check_command,        add_tune_command,       add_rollback_command,
    add_explain_command, add_profiles_command,     add_techniques_command, add_bench_command,
    add_certify_command, add_history_command,      add_selftest_command,   add_gather_command,
    add_run_command,     add_core_to_core_command,
};

// What a user may have meant: a command's name, or an option of the command that was given.
std::string suggestion(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* active = &app;
  for (const CLI::App* sub : app.get_subcommands()) active = sub;
  for (const std::string& word : words) {
    std::vector<std::string> names;
    const bool option = word.starts_with("-");
    if (option) {
      for (const CLI::Option* candidate : active->get_options()) {
        for (const std::string& name : candidate->get_lnames()) names.push_back("--" + name);
      }
    } else if (active == &app) {
      for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(sub->get_name());
      }
    }
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string hint = did_you_mean(word.substr(0, word.find('=')), views);
    if (!hint.empty()) return hint;
  }
  return {};
}

// CLI11 has exit codes of its own (109 for a bad flag): everything but help is wrong usage here.
int report_parse_error(const CLI::App& app, const CLI::ParseError& error,
                       const std::vector<std::string>& words) {
  if (error.get_exit_code() == 0) return app.exit(error);
  const CLI::App* active = &app;
  for (const CLI::App* sub : app.get_subcommands()) active = sub;
  const std::string name = active == &app ? "assay" : "assay " + active->get_name();
  fmt::print(stderr, "assay: {}{}\nTry '{} --help'.\n", error.what(), suggestion(app, words), name);
  return kWrongUsage;
}

}  // namespace

void restore_signals() {
  for (const Handled& one : handled) sigaction(one.signal, &one.before, nullptr);
}

int run(int argc, char** argv) {
  install_signal_handlers();
  Context context;
  context.program = take_program(argc, argv);
  context.stop = &stop_requested;
  CLI::App app{"Tunes Linux hosts for low latency and proves the result.", "assay"};
  app.set_version_flag("--version", fmt::format("assay {} ({})", kVersion, kBuild));
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 all as wanted, 1 not as wanted, 2 inconclusive or invalid, 3 something\n"
      "required was skipped or denied, 4 could not do the job, 64 wrong usage, 130 Ctrl-C.");
  for (const auto add : kCommands) add(app, context);
  if (argc == 1) {
    fmt::print(stderr, "{}", app.help());
    return kWrongUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app, error, std::vector<std::string>(argv + 1, argv + argc));
  }
  return context.exit_code;
}

}  // namespace assay::cli
