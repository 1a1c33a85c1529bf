#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "assay_version.hpp"
#include "cli/command.hpp"
#include "cli/tune_host.hpp"
#include "cli/tune_prove.hpp"
#include "cli/vocabulary.hpp"
#include "core/timed_host.hpp"
#include "probes/probe.hpp"
#include "tuner/apply.hpp"
#include "tuner/check.hpp"
#include "tuner/persist.hpp"
#include "tuner/plan.hpp"

namespace assay::cli {
namespace {

struct Options {
  std::string profile = "default";
  std::string format, root, only;
  std::string max_disruption = "reboot";
  std::string prove_time;
  bool plan = false, diff = false, yes = false, keep_going = false, persist = false;
  bool prove = false;
};

Failure wrong_usage(std::string_view cause, std::string_view advice) {
  return fail(ErrorCode::invalid, "tune", "", cause, advice);
}

// What the options exclude, before anything is read.
Expected<void> check_options(const Options& options) {
  if (auto word = tuner::parse_disruption(options.max_disruption); !word) {
    return Failure(word.error());
  }
  const bool only_shows = options.plan || options.diff;
  if (!options.root.empty() && !only_shows) {
    return wrong_usage("a capture cannot be tuned", "add --plan to see what would be changed");
  }
  if (options.format == "script" && !only_shows) {
    return wrong_usage("a script is a form of the plan", "add --plan");
  }
  if (options.prove && (options.diff || options.format == "script")) {
    return wrong_usage("--diff and a script show values, not what --prove measures",
                       "leave --prove out, or use --plan");
  }
  if (!options.prove && !options.prove_time.empty()) {
    return wrong_usage("--prove-time is the time that --prove measures", "add --prove");
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
bool confirmed(const std::string& plan) {
  fmt::print(stderr, "{}\nApply this? [y/N] ", plan);
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

tuner::ApplyOptions apply_options(const Options& options, const Context& context) {
  tuner::ApplyOptions how;
  how.keep_going = options.keep_going;
  how.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  how.tool = fmt::format("{} ({})", kVersion, kBuild);
  how.stop = context.stop;
  // The start-up unit's own profile: what it does belongs to the transaction that persisted it.
  how.reapplied =
      !options.persist && options.profile.starts_with(std::string(tuner::kProfileFolder) + "/");
  return how;
}

int apply_plan(TimedHost& host, tuner::Plan plan, const profiles::Profile& profile,
               tuner::JournalFolder& folder, const Options& options, const Laps& laps,
               const Context& context) {
  auto report =
      tuner::apply(host, std::move(plan), profile, folder, apply_options(options, context));
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

Expected<tuner::PlanOptions> plan_options(const Host& host, const Options& options) {
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
  return how;
}

// A plan, and how it was made: a proof plans again, from what it kept.
struct Planned {
  tuner::Plan plan;
  tuner::PlanOptions how;
};
Expected<Planned> plan_for(const Host& host, const profiles::Profile& profile,
                           const Options& options) {
  auto how = plan_options(host, options);
  if (!how) return Failure(how.error());
  auto plan = tuner::make_plan(host, probes::probe(host), profile, *how);
  if (!plan) return Failure(plan.error());
  return Planned{*std::move(plan), *std::move(how)};
}

// What is shown before anything is done.
Expected<std::string> shown_plan(const Host& host, const profiles::Profile& profile,
                                 const tuner::Plan& plan, const Options& options, bool json) {
  if (!options.prove) return json ? plan_text(plan, options) : tuner::render_plan(plan);
  const auto time = prove_time(options.prove_time, profile);
  if (!time) return Failure(time.error());
  auto proof = proof_plan_text(host, profile, plan, *time, json);
  if (!proof || json) return proof;
  return tuner::render_plan(plan) + *proof;
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
  auto planned = plan_for(host, profile, options);
  if (!planned) return report_error(planned.error());
  const auto shown = shown_plan(host, profile, planned->plan, options, false);
  if (!shown) return report_error(shown.error());
  const auto asking = Watch::now();
  laps.plan = asking - planning;
  if (!planned->plan.empty() && !options.yes && !confirmed(*shown)) {
    fmt::print(stderr, "nothing was changed\n");
    return kNotAsWanted;
  }
  // Whoever was asked has seen it in the plan.
  if (options.yes && options.persist) tell_overrides(planned->plan);
  laps.asked = Watch::now() - asking;
  if (!options.prove) {
    return apply_plan(host, std::move(planned->plan), profile, folder, options, laps, context);
  }
  const ProveRun run{.apply = apply_options(options, context),
                     .plan = std::move(planned->how),
                     .per_group = prove_time(options.prove_time, profile).value_or(Nanoseconds{0}),
                     .json = options.format == "json"};
  return prove_host(host, std::move(planned->plan), profile, folder, run, context);
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
  const auto planned = plan_for(**host, *profile, options);
  if (!planned) return report_error(planned.error());
  if (!options.prove) return print(plan_text(planned->plan, options), planned->plan.exit_code());
  const auto shown = shown_plan(**host, *profile, planned->plan, options, options.format == "json");
  if (!shown) return report_error(shown.error());
  return print(*shown, planned->plan.exit_code());
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
  command->add_flag("--prove", options->prove,
                    "Measure the profile's budgets without and with each group of settings; keep "
                    "what helps or is required");
  command
      ->add_option("--prove-time", options->prove_time,
                   "With --prove: measure each group for at most this long (default: the "
                   "profile's time_limit, at most 60s)")
      ->type_name("DURATION");
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
