#include "certify/certify.hpp"
#include "core/host_lock.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "certify/claims.hpp"
#include "certify/expand.hpp"
#include "certify/files.hpp"
#include "certify/judge.hpp"
#include "certify/measure.hpp"
#include "certify/noise.hpp"
#include "certify/size_plan.hpp"
#include "certify/tool.hpp"
#include "core/digest.hpp"
#include "probes/probe.hpp"

namespace assay::certify {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Nanoseconds kNoiseSpin = std::chrono::milliseconds(200);
// Of the time limit: kept free for the verdicts, the claims and the document.
constexpr double kReserve = 0.06;
constexpr Nanoseconds kReserveLeast = std::chrono::milliseconds(500);

Expected<void> check_load(const profiles::Profile& profile, bool force, Certificate& certificate) {
  if (!profile.load_limit) return {};
  const unsigned cpus = std::max(1U, certificate.inventory.topology.counts.cpus);
  const double per_cpu = certificate.inventory.load_1m / cpus;
  if (per_cpu <= *profile.load_limit) return {};
  const std::string what =
      fmt::format("load of {:.2f} on {} CPUs is above the limit of {:g} per CPU",
                  certificate.inventory.load_1m, cpus, *profile.load_limit);
  if (!force) {
    return fail(ErrorCode::busy, "start measuring", {}, what,
                "wait until the host is idle, or use --force, which is recorded");
  }
  certificate.forced = true;
  certificate.notes.push_back("forced: " + what);
  return {};
}

// Sorts by time; the digits behind tell two of the same second apart.
std::string make_id(const Certificate& certificate) {
  struct timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::string seed = fmt::format("{} {} {} {} {}", certificate.digests.identity,
                                       certificate.boot_id, now.tv_sec, now.tv_nsec, ::getpid());
  const std::string hash = sha256(seed);
  const auto time = std::chrono::system_clock::to_time_t(certificate.issued);
  return fmt::format("{:%Y%m%dT%H%M%SZ}-{}", fmt::gmtime(time),
                     hash.substr(hash.find(':') + 1).substr(0, 6));
}

// Everything that stands in a certificate before anything is measured.
Expected<Certificate> open_certificate(const Host& host, const profiles::Profile& profile,
                                       const Options& options) {
  Certificate certificate;
  certificate.inventory = probes::probe(host);
  certificate.digests = probes::digests(certificate.inventory);
  certificate.boot_id = certificate.inventory.kernel.boot_id;
  certificate.nonce = options.nonce;
  certificate.tool_version = tool_version();
  certificate.tool_build = tool_build();
  certificate.profile_name = profile.name;
  certificate.profile_digest = profile.digest;
  certificate.confidence = profile.confidence;
  certificate.looks_planned = std::max(1U, profile.looks);
  const auto now = std::chrono::system_clock::now();
  certificate.issued = std::chrono::floor<std::chrono::seconds>(now);
  certificate.expires = certificate.issued + options.valid_for;
  certificate.id = make_id(certificate);
  if (auto load = check_load(profile, options.force, certificate); !load) {
    return std::unexpected(load.error());
  }
  auto checks = tuner::check(host, certificate.inventory, profile,
                             std::chrono::floor<std::chrono::days>(now));
  if (!checks) return std::unexpected(checks.error());
  certificate.checks = std::move(*checks);
  return certificate;
}

Expected<Expansion> expand_budgets(const profiles::Profile& profile, const Options& options,
                                   const probes::Inventory& inventory,
                                   const profiles::Roles& roles) {
  ExpandContext context;
  context.inventory = &inventory;
  context.roles = &roles;
  context.directory = options.directory;
  context.is_root = ::geteuid() == 0;
  if (!options.techniques.empty()) {
    context.find = [&options](std::string_view id) -> const engine::Technique* {
      const auto found = std::ranges::find(options.techniques, id, &engine::Technique::id);
      return found == options.techniques.end() ? nullptr : &*found;
    };
  }
  return expand(profile, context);
}

bool stopped(const Options& options) { return options.stop != nullptr && options.stop->load(); }

void tell(const Options& options, std::string_view line) {
  if (options.on_progress) options.on_progress(line);
}

// What the measuring half of certify() works on.
struct Run {
  const Host& host;
  const profiles::Profile& profile;
  const Options& options;
  const engine::Clock& clock;
  const Expansion& expansion;
  const TestFiles& files;
  SteadyClock::time_point began;
};

// Rounds up to each planned look, judged there; the last look, or the first that decides everything
// required, ends it.
Expected<void> measure_and_judge(const Run& run, Meter& meter, const Sizing& sizing,
                                 double confidence, Certificate& certificate) {
  for (unsigned look = 1; look <= certificate.looks_planned; ++look) {
    auto measured = meter.measure(look == 1 ? sizing.rounds : sizing.more_rounds, sizing.blocks);
    if (!measured) return measured;
    certificate.measurements = meter.measurements();
    if (meter.interrupted()) break;
    tell(run.options, fmt::format("look {} of {}", look, certificate.looks_planned));
    const Evidence evidence{&run.expansion, certificate.measurements, confidence};
    // Stopped by a limit before its planned size, a look is the last one.
    certificate.looks_taken = look;
    judge(evidence, look, certificate.budgets);
    if (meter.ended_early() || !wants_another_look(evidence, certificate.budgets)) break;
  }
  return {};
}

Expected<void> fill_in(const Run& run, Certificate& certificate) {
  const double seconds = std::chrono::duration<double>(run.profile.time_limit).count();
  const auto reserve =
      std::max(kReserveLeast, Nanoseconds(static_cast<std::int64_t>(seconds * kReserve * 1e9)));
  const auto deadline = run.began + run.profile.time_limit - reserve;
  Meter meter(run.host, certificate.inventory, run.clock, run.expansion, run.files,
              {run.options.stop, run.options.on_progress, deadline, run.profile.write_limit});
  tell(run.options, "pilot blocks");
  auto pilot = meter.pilot();
  if (!pilot) return std::unexpected(pilot.error());

  SizeLimits limits;
  limits.time = std::max(Nanoseconds(deadline - SteadyClock::now()), Nanoseconds{0});
  limits.written = run.profile.write_limit - std::min(run.profile.write_limit, meter.written());
  limits.rounds = std::max(1U, run.profile.rounds);
  limits.looks = certificate.looks_planned;
  limits.confidence = run.profile.confidence;
  const Sizing sizing = size_run(run.expansion, *pilot, limits);
  Plan plan = describe_plan(run.expansion, *pilot, limits, sizing);
  plan.profile = run.profile.name;
  plan.written = plan.written + meter.written();
  if (run.options.on_plan && !meter.interrupted()) run.options.on_plan(plan);

  certificate.budgets = open_verdicts(run.expansion, plan.confidence_per_verdict);
  auto judged = measure_and_judge(run, meter, sizing, plan.confidence_per_verdict, certificate);
  if (!judged) return judged;
  certificate.partial = meter.interrupted();
  certificate.written = meter.written();
  for (const std::string& note : meter.notes()) certificate.notes.push_back(note);
  return {};
}

void finish(const Run& run, Certificate& certificate) {
  certificate.clock = run.clock.check();
  void_by_clock(certificate.clock, certificate.budgets);
  tell(run.options, "claims");
  certificate.claims =
      judge_claims(run.expansion, certificate.measurements, run.profile.confidence);
  for (engine::Measurement& measurement : certificate.measurements) {
    if (measurement.blocks.empty()) continue;
    measurement.limits =
        engine::find_limits(engine::limit_evidence(measurement, certificate.inventory, 0));
  }
  conclude(certificate);
  certificate.took = Nanoseconds(SteadyClock::now() - run.began);
}

}  // namespace

Expected<Certificate> certify(const Host& host, const profiles::Profile& profile,
                              const Options& options) {
  const auto began = SteadyClock::now();
  if (!host.is_this_system()) {
    return fail(ErrorCode::unsupported, "certify", host.root(),
                "a captured host cannot be measured", "run assay on the host itself");
  }
  auto lock =
      HostLock::take(options.lock_path.empty() ? HostLock::default_path() : options.lock_path);
  if (!lock) return std::unexpected(lock.error());
  tell(options, "looking at the host");
  auto certificate = open_certificate(host, profile, options);
  if (!certificate) return certificate;
  const probes::Topology& topology = certificate->inventory.topology;
  auto roles = profiles::resolve_roles(profile, topology);
  if (!roles) return std::unexpected(roles.error());
  auto expansion = expand_budgets(profile, options, certificate->inventory, *roles);
  if (!expansion) return std::unexpected(expansion.error());

  auto files = TestFiles::prepare(host, *expansion, [&](std::string_view line) {
    tell(options, line);
    return !stopped(options);
  });
  if (!files && files.error().code != ErrorCode::interrupted) {
    return std::unexpected(files.error());
  }
  tell(options, "calibrating the clock");
  auto clock = engine::Clock::calibrate(host);
  if (!clock) return std::unexpected(clock.error());
  const auto tested = tested_cpus(topology, *roles);
  const unsigned cpu = tested ? tested->first().value_or(0) : 0;
  certificate->noise = measure_noise(*clock, cpu, kNoiseSpin);

  const TestFiles no_files;
  const Run run{host, profile, options, *clock, *expansion, files ? *files : no_files, began};
  if (!files || stopped(options)) {
    certificate->partial = true;
    certificate->budgets = open_verdicts(*expansion, 0);
    const Meter idle(host, certificate->inventory, *clock, *expansion, run.files, {});
    certificate->measurements = idle.measurements();
  } else if (auto filled = fill_in(run, *certificate); !filled) {
    return std::unexpected(filled.error());
  }
  finish(run, *certificate);
  return certificate;
}

}  // namespace assay::certify
