#include "engine/runner.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <numeric>

#include "engine/block_counters.hpp"
#include "engine/run_window.hpp"
#include "engine/scheduling.hpp"
#include "engine/threaded_block.hpp"

namespace assay::engine {
namespace {

// Warm-up rounds see other offsets than the timed ones: what they touch is not what is timed.
constexpr unsigned kWarmUpIndex = 1'000'000;
// A sibling thread that is busy for more of the time than this shares the core's units.
constexpr double kSiblingBusy = 0.05;

Nanoseconds process_cpu_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);  // every thread, pollers and io_uring's workers too
  const auto ns = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

// Counters of this thread that tell whether a block was disturbed.
struct ThreadCounters {
  std::uint64_t preemptions = 0, major_faults = 0, minor_faults = 0;
  static ThreadCounters read() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return {static_cast<std::uint64_t>(usage.ru_nivcsw),
            static_cast<std::uint64_t>(usage.ru_majflt),
            static_cast<std::uint64_t>(usage.ru_minflt)};
  }
};

// "major minor" of the block device below a file, as /proc/diskstats names it; empty: none.
std::string drive_below(const TestFile* file) {
  if (file == nullptr || file->is_character_device()) return {};
  const auto fd = file->open(false, false);
  struct stat about{};
  if (!fd || ::fstat(fd->get(), &about) != 0) return {};
  const dev_t device = file->is_block_device() ? about.st_rdev : about.st_dev;
  return fmt::format("{} {}", gnu_dev_major(device), gnu_dev_minor(device));
}

CpuSet siblings_of(const probes::Inventory& inventory, const CpuSet& cpus) {
  CpuSet all;
  for (const unsigned cpu : cpus.to_vector()) {
    if (const probes::Cpu* found = inventory.topology.find(CpuId{cpu})) all = all | found->siblings;
  }
  return all - cpus;
}

// Isolated CPUs before others, high numbers before low ones (interrupts and housekeeping gather on
// the low ones), and no two of one core while there are others.
CpuSet choose_cpus(const probes::Inventory& inventory, const CpuSet& allowed, unsigned wanted) {
  CpuSet chosen;
  const CpuSet isolated = inventory.topology.isolated & allowed;
  for (const bool avoid_siblings : {true, false}) {
    for (const CpuSet& pool : {isolated, allowed}) {
      std::vector<unsigned> cpus = pool.to_vector();
      for (auto cpu = cpus.rbegin(); cpu != cpus.rend() && chosen.count() < wanted; ++cpu) {
        const bool shares = siblings_of(inventory, CpuSet{*cpu}).intersects(chosen);
        if (!avoid_siblings || !shares) chosen.add(*cpu);
      }
    }
  }
  return chosen;
}

// One run: the state that its blocks share.
class Run {
 public:
  Run(const Host& host, const probes::Inventory& inventory, const Clock& clock,
      std::span<const Series> series, const RunPlan& plan, const RunControl& control,
      RunResult& result)
      : host_(host),
        inventory_(inventory),
        clock_(clock),
        series_(series),
        plan_(plan),
        control_(control),
        result_(result),
        watch_(host) {
    const auto slices =
        static_cast<unsigned>((plan.block + kBlockMax - Nanoseconds(1)) / kBlockMax);
    if (slices > 1) {
      plan_.rounds *= slices;
      plan_.block /= slices;
    }
  }

  Expected<void> start() {
    for (const Measurement& earlier : result_.measurements) {
      written_.count += written_part(earlier.parameters, earlier.bytes);
    }
    auto allowed = current_affinity();
    if (!allowed) return Failure(allowed.error());
    allowed_ = std::move(*allowed);
    for (const Series& series : series_) {
      cpus_.push_back(cpus_for(series));
      drives_.push_back(drive_below(series.file));
      breaches_.push_back(nullptr);
      if (!control_.breach) continue;
      BreachOptions options = *control_.breach;
      options.open_loop = series.parameters.rate_per_s > 0;
      breaches_.back() = std::make_unique<BreachRecorder>(options);
    }
    return {};
  }

  // Fills in what is known before the first block.
  void prepare_measurements() {
    for (std::size_t i = 0; i < series_.size(); ++i) {
      const Series& series = series_[i];
      Measurement measurement;
      measurement.technique = series.technique->id;
      measurement.target = series.target;
      measurement.parameters = resolved(series);
      measurement.is_baseline = series.is_baseline;
      measurement.operations_per_sample =
          operations_per_sample(*series.technique, measurement.parameters);
      if (series.file != nullptr) measurement.file = series.file->description();
      measurement.placement.asked = cpus_[i];
      measurement.placement.siblings = siblings_of(inventory_, cpus_[i]);
      measurement.engaged = true;
      if (series.technique->available != nullptr) {
        const Availability can =
            series.technique->available(host_, inventory_, measurement.parameters);
        if (!can.available) skip(measurement, can.reason, can.remedy);
      }
      if (!series.skipped.empty()) skip(measurement, series.skipped, series.remedy);
      result_.measurements.push_back(std::move(measurement));
    }
  }

  void run_rounds(unsigned first_round, unsigned rounds, bool timed) {
    for (unsigned round = first_round; round < first_round + rounds; ++round) {
      for (std::size_t turn = 0; turn < series_.size(); ++turn) {
        const std::size_t i = round % 2 == 0 ? turn : series_.size() - 1 - turn;
        Measurement& measurement = result_.measurements[i];
        if (!measurement.skipped.empty() || !measurement.broken.empty()) continue;
        if (control_.stop != nullptr && control_.stop->load()) {
          result_.interrupted = true;
          return;
        }
        if (timed && control_.on_progress) {
          control_.on_progress({round, first_round + rounds, measurement.technique});
        }
        run_block(i, round, timed);
      }
    }
  }

  void finish() {
    const HostCounters& before = *result_.counters_before;
    const HostCounters after = HostCounters::read(host_);
    result_.clock = clock_.check();
    for (Measurement& measurement : result_.measurements) {
      if (!measurement.skipped.empty()) continue;
      Placement& placement = measurement.placement;
      placement.irqs = after.irqs_since(before, placement.asked);
      placement.steal_fraction = after.steal_since(before, placement.asked);
      placement.siblings_busy = after.busy_since(before, placement.siblings) > kSiblingBusy;
      measurement.invalid = reasons_against(measurement, result_.clock, plan_.check_steadiness);
    }
  }

  const RunPlan& plan() const { return plan_; }

 private:
  CpuSet cpus_for(const Series& series) const {
    const Technique& technique = *series.technique;
    if (technique.place != nullptr) {
      CpuSet placed = technique.place(inventory_, series.parameters, series.cpus, allowed_);
      if (!placed.empty()) return placed;
    }
    if (!series.cpus.empty()) return series.cpus;
    const unsigned threads = needs_of(technique, series.parameters).threads;
    return choose_cpus(inventory_, allowed_, std::max(1U, threads) * series.parameters.threads);
  }

  static Parameters resolved(const Series& series) {
    const auto resolve = series.technique->resolve;
    return resolve == nullptr ? series.parameters : resolve(series.parameters);
  }

  static void skip(Measurement& measurement, std::string reason, std::string remedy) {
    measurement.skipped = std::move(reason);
    measurement.remedy = std::move(remedy);
    measurement.engaged = false;
  }

  // An error before anything was measured skips the series; later it ends and voids it.
  static void end_series(Measurement& measurement, Error error) {
    if (measurement.blocks.empty()) {
      std::string advice = std::exchange(error.advice, {});
      skip(measurement, error.message(), std::move(advice));
      return;
    }
    measurement.broken =
        fmt::format("block {} failed: {}", measurement.blocks.size() + 1, error.message());
  }

  bool would_write_too_much(const Measurement& measurement) const {
    if (!writes(measurement.parameters) || measurement.blocks.empty()) return false;
    const auto largest = std::ranges::max_element(measurement.blocks, {}, &BlockResult::bytes);
    const std::uint64_t next = written_part(measurement.parameters, largest->bytes);
    return written_.count + next > plan_.write_limit.count;
  }

  void run_block(std::size_t i, unsigned round, bool timed) {
    Measurement& measurement = result_.measurements[i];
    if (would_write_too_much(measurement)) {
      measurement.broken = fmt::format("the limit of {} written was reached after {} blocks",
                                       format_bytes(plan_.write_limit), measurement.blocks.size());
      return;
    }
    const auto pinned = ScopedAffinity::pin(CpuSet{cpus_[i].first().value_or(0)});
    if (!pinned) return end_series(measurement, pinned.error());
    BlockContext context;
    context.clock = &clock_;
    context.host = &host_;
    context.inventory = &inventory_;
    context.parameters = &measurement.parameters;
    context.file = series_[i].file;
    context.cpus = cpus_[i];
    context.index = timed ? round : kWarmUpIndex + round;
    const Technique& technique = *series_[i].technique;
    auto block = measurement.parameters.threads > 1 ? make_threaded_block(technique, context)
                                                    : technique.make(context);
    if (!block) return end_series(measurement, block.error());
    if (auto warm = (*block)->warm_up(); !warm) return end_series(measurement, warm.error());
    if (auto ran = time_block(**block, i, round, timed); !ran) {
      return end_series(measurement, ran.error());
    }
  }

  Expected<void> time_block(Block& block, std::size_t i, unsigned round, bool timed) {
    Measurement& measurement = result_.measurements[i];
    Recorder recorder;
    recorder.cpu = cpus_[i].first().value_or(0);
    if (timed) recorder.breaches = breaches_[i].get();
    if (timed) watch_.before();
    // What is faster than the slowest kept so far needs no second look.
    const bool full = measurement.slowest.size() == SlowEvents::kKept;
    recorder.slow.watch(full ? measurement.slowest.back().latency_ns : 0);
    const ThreadCounters counters_before = ThreadCounters::read();
    const Nanoseconds cpu_before = process_cpu_time();
    const std::uint64_t begun = clock_.now_ns();
    const auto ran = block.run(plan_.block, recorder);
    const std::uint64_t ended = clock_.now_ns();
    const Nanoseconds cpu_after = process_cpu_time();
    const ThreadCounters counters_after = ThreadCounters::read();
    BlockCounters counted;
    if (timed) counted = watch_.after(cpus_[i], drives_[i]);
    if (!ran) return ran;
    written_.count += written_part(measurement.parameters, recorder.bytes);
    read_back_placement(measurement);
    const Engagement engagement = block.engagement();
    const Verification verification = block.verification();
    if (!timed) return {};

    if (result_.began_ns == 0) result_.began_ns = begun;
    Placement& placement = measurement.placement;
    placement.preemptions += counters_after.preemptions - counters_before.preemptions;
    placement.major_faults += counters_after.major_faults - counters_before.major_faults;
    placement.minor_faults += counters_after.minor_faults - counters_before.minor_faults;
    add_proof(measurement, engagement, verification);
    add_clock_offsets(measurement, block.clock_offsets());
    BlockResult done;
    done.round = round;
    done.started = Nanoseconds(static_cast<std::int64_t>(begun - result_.began_ns));
    done.duration = Nanoseconds(static_cast<std::int64_t>(ended - begun));
    done.cpu_time = cpu_after - cpu_before;
    add_slow_events(measurement, recorder.slow, counted);
    add_block(measurement, std::move(done), recorder);
    if (breaches_[i] != nullptr) add_breaches(measurement, *breaches_[i]);
    measurement.counters += counted;
    return {};
  }

  static void read_back_placement(Measurement& measurement) {
    Placement& placement = measurement.placement;
    if (const auto got = current_affinity()) placement.got = *got;
    placement.scheduling = current_scheduling();
    const int cpu = ::sched_getcpu();
    const bool inside = cpu >= 0 && placement.asked.contains(static_cast<unsigned>(cpu)) &&
                        placement.got.is_subset_of(placement.asked);
    if (!inside) ++placement.migrations;
  }

  // One block that fell back silently makes the whole series not engaged, with that block's words.
  static void add_proof(Measurement& measurement, const Engagement& engagement,
                        const Verification& verification) {
    if (measurement.engaged) {
      measurement.engaged = engagement.engaged;
      measurement.evidence = engagement.evidence;
    }
    Verification& all = measurement.verification;
    all.applies = all.applies || verification.applies;
    all.checked += verification.checked;
    if (all.verified) {
      all.verified = verification.verified;
      all.detail = verification.detail;
    }
  }

  // The bounds of all blocks hold together: the offset lies where they overlap. Bounds that do not
  // overlap stay crossed (low above high): the clocks did not keep their distance.
  static void add_clock_offsets(Measurement& measurement, const std::vector<ClockOffset>& found) {
    for (const ClockOffset& offset : found) {
      const auto same = [&](const ClockOffset& one) {
        return one.a == offset.a && one.b == offset.b;
      };
      const auto known = std::ranges::find_if(measurement.clock_offsets, same);
      if (known == measurement.clock_offsets.end()) {
        measurement.clock_offsets.push_back(offset);
        continue;
      }
      known->low_ns = std::max(known->low_ns, offset.low_ns);
      known->high_ns = std::min(known->high_ns, offset.high_ns);
      known->exchanges += offset.exchanges;
    }
  }

  // The slowest of all blocks; each is explained by its own block's counts.
  void add_slow_events(Measurement& measurement, const SlowEvents& slow,
                       const BlockCounters& counted) const {
    std::vector<ExplainedEvent>& all = measurement.slowest;
    const bool full = all.size() == SlowEvents::kKept;
    for (const SlowEvent& event : slow.sorted()) {
      if (full && event.latency_ns <= all[SlowEvents::kKept - 1].latency_ns) break;
      const std::uint64_t since =
          event.at_ns > result_.began_ns ? event.at_ns - result_.began_ns : 0;
      all.push_back(
          {event, Nanoseconds(static_cast<std::int64_t>(since)), explain(event, counted)});
    }
    std::ranges::stable_sort(all, std::ranges::greater{}, &SlowEvent::latency_ns);
    if (all.size() > SlowEvents::kKept) all.resize(SlowEvents::kKept);
  }

  // With a limit on a percentile, only breaches in a block that itself missed it.
  void add_breaches(Measurement& measurement, BreachRecorder& recorder) const {
    recorder.finish();
    std::vector<Breach> found = recorder.take();
    measurement.breaches_seen = recorder.seen();
    const BlockResult& block = measurement.blocks.back();
    const bool counts =
        !control_.breach_quantile ||
        judged(block).quantile_ns(*control_.breach_quantile) > control_.breach->threshold_ns;
    if (!counts) return;
    for (Breach& breach : found) {
      if (measurement.breaches.size() == kBreachesMax) break;
      breach.round = block.round;
      measurement.breaches.push_back(std::move(breach));
    }
  }

  static void add_block(Measurement& measurement, BlockResult done, Recorder& recorder) {
    done.operations = recorder.operations;
    done.bytes = recorder.bytes;
    done.errors = recorder.errors;
    done.enters = recorder.enters;
    measurement.operations += recorder.operations;
    measurement.bytes += recorder.bytes;
    measurement.errors += recorder.errors;
    measurement.short_transfers += recorder.short_transfers;
    measurement.enters += recorder.enters;
    measurement.missed += recorder.missed;
    if (measurement.first_errno == 0) measurement.first_errno = recorder.first_errno;
    measurement.duration += done.duration;
    measurement.cpu_time += done.cpu_time;
    measurement.service.merge(recorder.service);
    measurement.response.merge(recorder.response);
    measurement.lag.merge(recorder.lag);
    if (!recorder.response.empty()) done.response = std::move(recorder.response);
    done.service = std::move(recorder.service);
    measurement.blocks.push_back(std::move(done));
  }

  const Host& host_;
  const probes::Inventory& inventory_;
  const Clock& clock_;
  std::span<const Series> series_;
  RunPlan plan_;
  const RunControl& control_;
  RunResult& result_;
  CpuSet allowed_;
  BlockWatch watch_;
  std::vector<CpuSet> cpus_;                               // per series
  std::vector<std::string> drives_;                        // per series
  std::vector<std::unique_ptr<BreachRecorder>> breaches_;  // per series; null: none is wanted
  Bytes written_;
};

unsigned rounds_done(const RunResult& result) {
  unsigned done = 0;
  for (const Measurement& measurement : result.measurements) {
    if (!measurement.blocks.empty()) done = std::max(done, measurement.blocks.back().round + 1);
  }
  return done;
}

}  // namespace

Expected<RunResult> run(const Host& host, const probes::Inventory& inventory, const Clock& clock,
                        std::span<const Series> series, const RunPlan& plan,
                        const RunControl& control) {
  RunResult result;
  Run all(host, inventory, clock, series, plan, control, result);
  if (auto started = all.start(); !started) return Failure(started.error());
  all.prepare_measurements();
  all.run_rounds(0, plan.warm_up_rounds, false);
  result.counters_before = std::make_shared<const HostCounters>(HostCounters::read(host));
  if (!result.interrupted) all.run_rounds(0, all.plan().rounds, true);
  all.finish();
  return result;
}

Expected<void> extend(RunResult& result, const Host& host, const probes::Inventory& inventory,
                      const Clock& clock, std::span<const Series> series, const RunPlan& plan,
                      const RunControl& control) {
  if (series.size() != result.measurements.size()) {
    return fail(ErrorCode::invalid, "extend a run", "", "its series are not those of the run");
  }
  Run all(host, inventory, clock, series, plan, control, result);
  if (auto started = all.start(); !started) return started;
  all.run_rounds(rounds_done(result), all.plan().rounds, true);
  all.finish();
  return {};
}

}  // namespace assay::engine
