#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "assay_version.hpp"
#include "cli/command.hpp"
#include "cli/tune_host.hpp"
#include "cli/vocabulary.hpp"
#include "core/timed_host.hpp"
#include "probes/probe.hpp"
#include "tuner/apply.hpp"
#include "tuner/check.hpp"
#include "tuner/plan.hpp"

namespace assay::cli {
namespace {

struct Options {
  std::string profile = "default";
  std::string format, root, only;
  std::string max_disruption = "reboot";
  bool plan = false, diff = false, yes = false, keep_going = false, persist = false;
};

Failure wrong_usage(std::string_view cause, std::string_view advice) {
  return fail(ErrorCode::invalid, "tune", "", cause, advice);
}

// What the options exclude, before anything is read.
Expected<void> check_options(const Options& options) {
  const bool only_shows = options.plan || options.diff;
  if (!options.root.empty() && !only_shows) {
    return wrong_usage("a capture cannot be tuned", "add --plan to see what would be changed");
  }
  if (options.format == "script" && !only_shows) {
    return wrong_usage("a script is a form of the plan", "add --plan");
  }
  if (!only_shows && !options.yes && ::isatty(STDIN_FILENO) != 1) {
    return wrong_usage("nobody can be asked: standard input is no terminal",
                       "look at --plan, then give --yes");
  }
  return {};
}

std::string plan_text(const tuner::Plan& plan, const Options& options) {
  if (options.format == "json") return tuner::to_json(plan).dump(2) + "\n";
  if (options.format == "script") return tuner::render_script(plan);
  if (options.diff) return tuner::render_diff(plan);
  return tuner::render_plan(plan);
}

// The plan as it is shown to whoever decides; standard error, so that JSON stays alone.
bool confirmed(const tuner::Plan& plan) {
  fmt::print(stderr, "{}\nApply this? [y/N] ", tuner::render_plan(plan));
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

using Watch = std::chrono::steady_clock;

// What was counted before the host is changed; a person who is asked is not counted.
struct Laps {
  Watch::time_point start = Watch::now();
  std::chrono::nanoseconds plan{0}, asked{0};
};

int apply_plan(TimedHost& host, tuner::Plan plan, const profiles::Profile& profile,
               tuner::JournalFolder& folder, const Options& options, const Laps& laps,
               const Context& context) {
  tuner::ApplyOptions how;
  how.keep_going = options.keep_going;
  how.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  how.tool = fmt::format("{} ({})", kVersion, kBuild);
  how.stop = context.stop;
  auto report = tuner::apply(host, std::move(plan), profile, folder, how);
  if (!report) {
    // Whatever the reason, the job was not done; wrong usage was told before.
    report_error(report.error());
    return kCouldNotDo;
  }
  report->times = tuner::TuneTimes{
      .total = Watch::now() - laps.start - laps.asked, .plan = laps.plan, .host = host.times()};
  const std::string text = options.format == "json" ? tuner::to_json(*report).dump(2) + "\n"
                                                    : tuner::render_apply(*report);
  return print(text, report->exit_code());
}

// Who will set a value anew, before anything is written.
void tell_overrides(const tuner::Plan& plan) {
  for (const std::string& note : plan.notes) {
    if (note.starts_with("later, ")) fmt::print(stderr, "assay: {}\n", note);
  }
}

Expected<tuner::Plan> plan_for(const Host& host, const profiles::Profile& profile,
                               const Options& options) {
  const auto worst = tuner::parse_disruption(options.max_disruption);
  if (!worst) return Failure(worst.error());
  tuner::PlanOptions how;
  how.max_disruption = *worst;
  // Waivers run out at the end of a day in UTC.
  how.today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  how.persist = options.persist;
  // What runs now is what shall run at boot; a capture has no such program.
  if (const auto own = host.read_link("/proc/self/exe"); own && host.is_this_system()) {
    how.program = *own;
  }
  return tuner::make_plan(host, probes::probe(host), profile, how);
}

int tune_this_host(TimedHost& host, const profiles::Profile& profile, const Options& options,
                   Laps laps, const Context& context) {
  if (auto root = need_root(host, "tune"); !root) {
    report_error(root.error());
    return kCouldNotDo;
  }
  tuner::JournalFolder folder(host);
  const auto lock = lock_for_tuning(folder);
  if (!lock) {
    report_error(lock.error());
    return kCouldNotDo;
  }
  const auto planning = Watch::now();
  auto plan = plan_for(host, profile, options);
  if (!plan) return report_error(plan.error());
  const auto planned = Watch::now();
  laps.plan = planned - planning;
  if (!plan->empty() && !options.yes && !confirmed(*plan)) {
    fmt::print(stderr, "nothing was changed\n");
    return kNotAsWanted;
  }
  // Whoever was asked has seen it in the plan.
  if (options.yes && options.persist) tell_overrides(*plan);
  laps.asked = Watch::now() - planned;
  return apply_plan(host, *std::move(plan), profile, folder, options, laps, context);
}

int run_tune(const Options& options, const Context& context) {
  const Laps laps;
  if (auto good = check_options(options); !good) return report_error(good.error());
  auto profile = load_profile(options.profile);
  if (!profile) return report_error(profile.error());
  if (!options.only.empty()) {
    const std::vector<std::string> names = split_names(options.only);
    if (auto kept = tuner::keep_only(names, *profile); !kept) return report_error(kept.error());
  }
  auto host = open_host(options.root);
  if (!host) return report_error(host.error());
  if (!options.plan && !options.diff) {
    TimedHost timed(*std::move(host));
    return tune_this_host(timed, *profile, options, laps, context);
  }
  const auto plan = plan_for(**host, *profile, options);
  if (!plan) return report_error(plan.error());
  return print(plan_text(*plan, options), plan->exit_code());
}

}  // namespace

void add_tune_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "tune", "Change this host's settings to what a profile wants, as one transaction");
  command->add_option("PROFILE", options->profile,
                      "A built-in name or a file of your own (default: default)");
  command->add_flag("--plan", options->plan, "Show what would be changed; change nothing");
  command->add_flag("--diff", options->diff,
                    "As --plan, with the old and new content of each file");
  command
      ->add_option("--only", options->only,
                   "Change only these areas and settings: cpu,block.scheduler")
      ->type_name("NAME,...");
  command
      ->add_option("--max-disruption", options->max_disruption,
                   "Leave out what disturbs running work more: none, stall, link-reset, "
                   "driver-reload, reboot (default: reboot)")
      ->type_name("WHAT");
  command->add_flag("--persist", options->persist,
                    "Make it last over a reboot: files in /etc, a start-up unit, the boot line");
  command->add_flag("--yes", options->yes, "Do not ask");
  command->add_flag("--keep-going", options->keep_going,
                    "Keep what succeeded when a required change fails; otherwise all is put back");
  add_format_option(*command, options->format, "table,json,script");
  add_root_option(*command, options->root);
  command->footer(
      "Every old value is kept in /var/lib/assay/journal before the first change;\n"
      "`assay rollback` puts all of it back, also after a crash or a reboot.\n"
      "--format script, with --plan, prints a shell script with the same effect.\n"
      "--root, with --plan, shows the plan of a captured host.");
  command->callback([options, &context] { context.exit_code = run_tune(*options, context); });
}

}  // namespace assay::cli
