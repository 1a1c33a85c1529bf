#include "certify/prove_meter.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "certify/expand.hpp"
#include "certify/files.hpp"
#include "certify/measure.hpp"
#include "certify/size_plan.hpp"
#include "core/host_lock.hpp"
#include "probes/probe.hpp"

namespace assay::certify {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Only what a limit speaks of: baselines are no part of the question whether a setting helps.
Expansion without_baselines(const Expansion& all) {
  Expansion kept;
  std::map<std::size_t, std::size_t> series, files;
  for (const ExpandedLimit& limit : all.limits) {
    const auto [place, is_new] = series.try_emplace(limit.series, kept.series.size());
    if (is_new) {
      ExpandedSeries one = all.series[limit.series];
      one.baseline.reset();
      one.is_baseline = false;
      if (one.file) {
        const auto [file, first] = files.try_emplace(*one.file, kept.files.size());
        if (first) kept.files.push_back(all.files[*one.file]);
        one.file = file->second;
      }
      kept.series.push_back(std::move(one));
    }
    ExpandedLimit moved = limit;
    moved.series = place->second;
    kept.limits.push_back(std::move(moved));
  }
  return kept;
}

// "storage.uring", and what tells it from another series of that technique: "on pci-…", "depth=32".
std::string label_of(const Expansion& expansion, std::size_t index) {
  const ExpandedSeries& own = expansion.series[index];
  const auto parameters = parameters_of(*own.technique, own.parameters);
  std::set<std::string> telling;
  if (parameters.contains("variant")) telling.insert("variant");
  for (const ExpandedSeries& other : expansion.series) {
    if (&other == &own || other.technique != own.technique) continue;
    const auto theirs = parameters_of(*other.technique, other.parameters);
    for (const auto& [key, value] : parameters) {
      const auto found = theirs.find(key);
      if (found == theirs.end() || found->second != value) telling.insert(key);
    }
  }
  std::string label(own.technique->id);
  for (const std::string& key : telling) label += fmt::format(" {}={}", key, parameters.at(key));
  return own.target == "host" ? label : label + " on " + own.target;
}

// Each percentile once, whether its limit is absolute, a ratio, or both.
std::vector<ProofLimit> limits_of(const Expansion& expansion) {
  std::vector<ProofLimit> limits;
  for (const ExpandedLimit& limit : expansion.limits) {
    const bool known = std::ranges::any_of(limits, [&](const ProofLimit& one) {
      return one.series == limit.series && one.quantile == limit.limit.quantile;
    });
    if (known) continue;
    const ExpandedSeries& series = expansion.series[limit.series];
    limits.push_back({.series = limit.series,
                      .quantile = limit.limit.quantile,
                      .technique = std::string(series.technique->id),
                      .target = series.target,
                      .parameters = parameters_of(*series.technique, series.parameters),
                      .label = label_of(expansion, limit.series)});
  }
  return limits;
}

Expected<Expansion> budgets_of(const Host& host, const probes::Inventory& inventory,
                               const profiles::Profile& profile,
                               std::span<const engine::Technique> techniques) {
  if (profile.budgets.empty()) {
    return fail(ErrorCode::invalid, "prove", profile.name,
                "the profile has no budgets, so there is nothing to measure",
                "extend a profile that has some, as `default` has");
  }
  const auto roles = profiles::resolve_roles(profile, inventory.topology);
  if (!roles) return Failure(roles.error());
  ExpandContext context;
  context.inventory = &inventory;
  context.roles = &*roles;
  context.is_root = ::geteuid() == 0;
  // Of a capture's directories only the capture knows.
  if (!host.is_this_system()) context.writable = [](const std::string&) { return true; };
  if (!techniques.empty()) {
    context.find = [techniques](std::string_view id) -> const engine::Technique* {
      const auto found = std::ranges::find(techniques, id, &engine::Technique::id);
      return found == techniques.end() ? nullptr : &*found;
    };
  }
  const auto expansion = expand(profile, context);
  if (!expansion) return Failure(expansion.error());
  return without_baselines(*expansion);
}

Expected<void> check_load(const profiles::Profile& profile, const probes::Inventory& inventory) {
  if (!profile.load_limit) return {};
  const double per_cpu = inventory.load_1m / std::max(1U, inventory.topology.counts.cpus);
  if (per_cpu <= *profile.load_limit) return {};
  return fail(ErrorCode::busy, "prove", {},
              fmt::format("load of {:.2f} per CPU is above the limit of {:g}", per_cpu,
                          *profile.load_limit),
              "wait until the host is idle, or raise measure: load_limit in the profile");
}

// Measures this host through the engine, a meter a side.
class HostMeter final : public ProofMeter {
 public:
  HostMeter(const Host& host, HostLock lock, probes::Inventory inventory, Expansion expansion,
            engine::Clock clock, TestFiles files, HostMeterOptions options)
      : host_(host),
        lock_(std::move(lock)),
        inventory_(std::move(inventory)),
        expansion_(std::move(expansion)),
        limits_(limits_of(expansion_)),
        clock_(clock),
        files_(std::move(files)),
        options_(std::move(options)) {}

  Expected<void> pilot(const profiles::Profile& profile);

  const std::vector<ProofLimit>& limits() const override { return limits_; }
  std::size_t measurable() const override { return measurable_; }
  unsigned rounds() const override { return sizing_.rounds; }
  void start(bool by_turns) override {
    by_turns_ = by_turns;
    for (auto& meter : meters_) meter.reset();
  }
  Expected<bool> measure(Side side, unsigned rounds) override;
  std::vector<engine::Measurement> results(Side side) const override {
    const auto& meter = meters_[static_cast<std::size_t>(side)];
    return meter ? meter->measurements() : std::vector<engine::Measurement>();
  }

 private:
  std::unique_ptr<Meter> open(Nanoseconds time) const;

  const Host& host_;
  HostLock lock_;
  probes::Inventory inventory_;
  Expansion expansion_;
  std::vector<ProofLimit> limits_;
  engine::Clock clock_;
  TestFiles files_;
  HostMeterOptions options_;
  Bytes written_per_side_;
  Sizing sizing_;
  std::size_t measurable_ = 0;
  bool by_turns_ = true;
  std::array<std::unique_ptr<Meter>, 2> meters_;
};

std::unique_ptr<Meter> HostMeter::open(Nanoseconds time) const {
  MeterOptions options;
  options.stop = options_.stop;
  options.deadline = SteadyClock::now() + time;
  // A meter counts the test files as its own.
  options.write_limit = files_.written() + written_per_side_;
  return std::make_unique<Meter>(host_, inventory_, clock_, expansion_, files_, std::move(options));
}

// Sizes the blocks as a certificate's are: so that the percentiles can be told, in the time.
Expected<void> HostMeter::pilot(const profiles::Profile& profile) {
  const Bytes left = profile.write_limit - std::min(profile.write_limit, files_.written());
  written_per_side_ = Bytes{left.count / (2 * options_.groups + 1)};
  const auto meter = open(options_.time);
  const auto figures = meter->pilot();
  if (!figures) return Failure(figures.error());
  const auto ran = [&](const ProofLimit& limit) { return (*figures)[limit.series].ran; };
  measurable_ = static_cast<std::size_t>(std::ranges::count_if(limits_, ran));
  SizeLimits limits;
  limits.time = options_.time / 2;
  limits.written = written_per_side_;
  limits.rounds = std::max(1U, profile.rounds);
  limits.confidence = confidence_per_effect(options_.confidence, options_.groups, measurable_);
  sizing_ = size_run(expansion_, *figures, limits);
  return {};
}

Expected<bool> HostMeter::measure(Side side, unsigned rounds) {
  auto& meter = meters_[static_cast<std::size_t>(side)];
  if (!meter) meter = open(by_turns_ ? options_.time : options_.time / 2);
  auto measured = meter->measure(rounds, sizing_.blocks);
  if (!measured) return Failure(measured.error());
  return !meter->ended_early() && !meter->interrupted();
}

}  // namespace

Expected<std::unique_ptr<ProofMeter>> open_host_meter(const Host& host,
                                                      const profiles::Profile& profile,
                                                      const HostMeterOptions& options) {
  const auto tell = [&](std::string_view line) {
    if (options.on_progress) options.on_progress(line);
  };
  if (!host.is_this_system()) {
    return fail(ErrorCode::unsupported, "prove", host.root(), "a captured host cannot be measured",
                "run assay on the host itself");
  }
  auto lock =
      HostLock::take(options.lock_path.empty() ? HostLock::default_path() : options.lock_path);
  if (!lock) return Failure(lock.error());
  probes::Inventory inventory = probes::probe(host);
  if (auto load = check_load(profile, inventory); !load) return Failure(load.error());
  auto expansion = budgets_of(host, inventory, profile, options.techniques);
  if (!expansion) return Failure(expansion.error());
  auto files = TestFiles::prepare(host, *expansion, [&](std::string_view line) {
    tell(line);
    return options.stop == nullptr || !options.stop->load();
  });
  if (!files) return Failure(files.error());
  tell("calibrating the clock");
  auto clock = engine::Clock::calibrate(host);
  if (!clock) return Failure(clock.error());
  auto meter =
      std::make_unique<HostMeter>(host, *std::move(lock), std::move(inventory),
                                  *std::move(expansion), *clock, *std::move(files), options);
  tell("pilot blocks");
  if (auto ready = meter->pilot(profile); !ready) return Failure(ready.error());
  return meter;
}

Expected<std::vector<ProofLimit>> proof_limits(const Host& host, const probes::Inventory& inventory,
                                               const profiles::Profile& profile) {
  const auto expansion = budgets_of(host, inventory, profile, {});
  if (!expansion) return Failure(expansion.error());
  return limits_of(*expansion);
}

}  // namespace assay::certify
