#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/vocabulary.hpp"
#include "core/own_process.hpp"
#include "probes/probe.hpp"
#include "tuner/placement.hpp"

namespace assay::cli {
namespace {

struct Options {
  tuner::PlacementRequest request;
  std::string profile, format, root;
  bool require = false, dry_run = false;
};

// As shells do: a program that is not there, and one that cannot be run.
constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;

Failure bad_usage(std::string_view option, std::string_view cause, std::string_view advice) {
  return fail(ErrorCode::invalid, "run", option, cause, advice);
}

Expected<void> check_usage(const Options& options, const Context& context) {
  if (context.program.empty()) {
    return bad_usage("", "no program was named",
                     "write it behind \"--\": assay run --cpus isolated -- PROGRAM ARGUMENTS");
  }
  if (!options.dry_run && options.format != "table") {
    return bad_usage("--format", "standard output belongs to the program",
                     "add --dry-run to see what would be set");
  }
  if (!options.dry_run && !options.root.empty()) {
    return bad_usage("--root", "no program runs in a capture", "add --dry-run");
  }
  return {};
}

// near() in a selector, or in the roles of a profile, is about NICs and drives.
bool speaks_of_devices(const Options& options) {
  return !options.profile.empty() || options.request.cpus.find("near(") != std::string::npos;
}

Expected<tuner::Placement> plan(const Options& options, const Host& host) {
  // Only what a placement looks at: a program that starts every minute should not read all.
  auto areas = probes::parse_areas(
      options.request.near.empty() && !speaks_of_devices(options)
          ? std::vector<std::string>{"topology", "environment"}
          : std::vector<std::string>{"topology", "environment", "net", "block", "nvme"});
  if (!areas) return Failure(areas.error());
  const probes::Inventory inventory = probes::probe(host, {.areas = *areas});
  profiles::Roles roles;
  if (!options.profile.empty()) {
    auto profile = load_profile(options.profile);
    if (!profile) return Failure(profile.error());
    auto resolved = profiles::resolve_roles(*profile, inventory);
    if (!resolved) return Failure(resolved.error());
    roles = *std::move(resolved);
  }
  return tuner::plan_placement(host, inventory, std::move(roles), options.request);
}

// One line for each thing that the program does not get. Returns how many.
unsigned tell_missing(const std::vector<tuner::PlacementOutcome>& outcomes) {
  unsigned missing = 0;
  for (const tuner::PlacementOutcome& outcome : outcomes) {
    if (outcome.reason.empty()) continue;
    ++missing;
    fmt::print(stderr, "assay: not given: {} ({}): {}\n", outcome.option, outcome.wanted,
               outcome.reason);
  }
  return missing;
}

int refuse() {
  fmt::print(stderr, "assay: the program was not started: --require wants all of it\n");
  return kSkippedOrDenied;
}

int run_program(const Options& options, const Context& context) {
  if (auto good = check_usage(options, context); !good) return report_error(good.error());
  const auto host = open_host(options.root);
  if (!host) return report_error(host.error());
  const auto placement = plan(options, **host);
  if (!placement) return report_error(placement.error());
  if (options.dry_run) {
    const bool json = options.format == "json";
    const int code =
        options.require && !placement->missing.empty() ? kSkippedOrDenied : kAllAsWanted;
    return print(json ? tuner::to_json(*placement, context.program).dump(2) + "\n"
                      : tuner::render_placement(*placement, context.program),
                 code);
  }
  // Nothing is set for a program that will not run.
  if (tell_missing(placement->missing) > 0 && options.require) return refuse();
  const auto process = make_own_process();
  const unsigned missing = tell_missing(tuner::apply_placement(**host, *process, *placement));
  if (missing > 0 && options.require) return refuse();
  restore_signals();
  const Error error = process->execute(context.program);
  report_error(error);
  return error.code == ErrorCode::absent ? kNotFound : kNotExecutable;
}

void add_options(CLI::App& command, Options& options) {
  tuner::PlacementRequest& request = options.request;
  command
      .add_option("--cpus", request.cpus,
                  "CPUs to run on: \"isolated\", a list, or any selector of docs/profiles.md")
      ->type_name("SELECTOR");
  command.add_option("--profile", options.profile, "Take CPU roles from this profile")
      ->type_name("PROFILE");
  command
      .add_option("--near", request.near, "Of these CPUs, those on the NUMA node of this device")
      ->type_name("NIC|DRIVE");
  command
      .add_option("--mem-node", request.memory,
                  "Memory from the CPUs' own nodes (local) or from these; also preferred:N, "
                  "interleave:LIST")
      ->type_name("local|LIST");
  command
      .add_option("--sched", request.scheduling,
                  "Scheduling class: fifo:1-99, rr:1-99, deadline:RUNTIME/DEADLINE[/PERIOD], "
                  "other, batch, idle")
      ->type_name("CLASS");
  command.add_flag("--mlock", request.lock_memory,
                   "Let the program lock all its memory (it calls mlockall itself)");
  command
      .add_option("--limit", request.limits,
                  "Raise a limit: memlock=64MiB, rtprio=95, nofile=65536; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--cgroup", request.group,
                  "Join this cgroup v2 group; auto: the partition that holds the CPUs; none")
      ->type_name("auto|none|GROUP");
  command.add_flag("--require", options.require,
                   "Do not start the program when something cannot be given (exit code 3)");
  command.add_flag("--dry-run", options.dry_run, "Show what would be set, and set nothing");
  add_format_option(command, options.format, "table,json");
  add_root_option(command, options.root);
  command.footer(
      "PROGRAM and its arguments stand behind \"--\". It takes this process's place: its pid and\n"
      "exit status are the program's own; 126 it cannot be run, 127 it is not there.");
}

}  // namespace

void add_run_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "run",
      "Start a program in the tuned place (CPUs, memory node, scheduling class, limits): assay run "
      "OPTIONS -- PROGRAM ARGUMENTS");
  add_options(*command, *options);
  command->callback([options, &context] { context.exit_code = run_program(*options, context); });
}

}  // namespace assay::cli
