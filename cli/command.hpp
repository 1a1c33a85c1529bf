// The frame of every command: parse, call one library function, render. Only this folder prints.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/host.hpp"

namespace assay::cli {

// Exit codes of every command; where several hold: 64, 4, 1, 3, 2, 0 in this order.
enum ExitCode : int {
  kAllAsWanted = 0,
  kNotAsWanted = 1,      // evaluated: drift, budget missed, pending reboot
  kInconclusive = 2,     // or invalid
  kSkippedOrDenied = 3,  // something required
  kCouldNotDo = 4,       // the job, or only part of it
  kWrongUsage = 64,
  kInterrupted = 130,
};

// What commands share. Lives as long as the program.
struct Context {
  int exit_code = kAllAsWanted;
  // Set by SIGINT and SIGTERM; long work looks at it between blocks.
  const std::atomic<bool>* stop = nullptr;
  // What stood behind "--" of `assay run`: another program's words, never parsed here.
  std::vector<std::string> program;
};

// Gives the signals back that this program handles, as it found them: what follows an exec must not
// inherit an ignored SIGPIPE.
void restore_signals();

// Prints "assay: " and the error's message to stderr and returns the exit code that goes with it:
// invalid → 64 (wrong usage), interrupted → 130, everything else → 4.
int report_error(const Error& error);

// The machine itself, or the capture (directory or archive) at `root` when that is not empty.
Expected<std::unique_ptr<Host>> open_host(const std::string& root);

// Adds `--root CAPTURE`, on every read-only command.
void add_root_option(CLI::App& command, std::string& root);
// Adds `--format`, one of `choices` (comma-separated, the first is the default).
void add_format_option(CLI::App& command, std::string& format, std::string_view choices);

// "cpu,block.scheduler" → its names; empty ones are left out.
std::vector<std::string> split_names(std::string_view text);

// Writes to standard output whole, also to a pipe; EPIPE ends quietly, a full disk is kCouldNotDo.
// Returns the exit code to use: `code` when all was written.
int print(std::string_view text, int code = kAllAsWanted);

// A line on stderr that overwrites itself; nothing at all unless stderr is a terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  // wipes the line
  void show(std::string_view text);
  void clear();  // before anything else is printed

 private:
  bool terminal_ = false;
  bool shown_ = false;
};

// One function per command, each in its own command_NAME.cpp: adds the subcommand with its options
// and a callback that runs it and sets context.exit_code.
void add_probe_command(CLI::App& app, Context& context);
void add_check_command(CLI::App& app, Context& context);
void add_tune_command(CLI::App& app, Context& context);
void add_rollback_command(CLI::App& app, Context& context);
void add_explain_command(CLI::App& app, Context& context);
void add_profiles_command(CLI::App& app, Context& context);
void add_techniques_command(CLI::App& app, Context& context);
void add_bench_command(CLI::App& app, Context& context);
void add_core_to_core_command(CLI::App& app, Context& context);
void add_certify_command(CLI::App& app, Context& context);
void add_history_command(CLI::App& app, Context& context);
void add_selftest_command(CLI::App& app, Context& context);
void add_gather_command(CLI::App& app, Context& context);
void add_run_command(CLI::App& app, Context& context);

}  // namespace assay::cli
