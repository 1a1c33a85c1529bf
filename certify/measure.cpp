#include "certify/measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace assay::certify {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Rounds that run whatever the deadline says: fewer blocks give no interval at all.
constexpr unsigned kFewestRounds = 8;
constexpr Nanoseconds kPilotBlock = std::chrono::milliseconds(10);

Bytes bytes_written(const engine::RunResult& result) {
  Bytes sum;
  for (const engine::Measurement& one : result.measurements) {
    sum.count += engine::written_part(one.parameters, one.bytes);
  }
  return sum;
}

engine::Measurement skipped_measurement(const ExpandedSeries& series) {
  engine::Measurement measurement;
  measurement.technique = series.technique->id;
  measurement.target = series.target;
  measurement.parameters = series.parameters;
  measurement.is_baseline = series.is_baseline;
  measurement.skipped = series.skipped;
  measurement.remedy = series.remedy;
  return measurement;
}

}  // namespace

Meter::Meter(const Host& host, const probes::Inventory& inventory, const engine::Clock& clock,
             const Expansion& expansion, const TestFiles& files, MeterOptions options)
    : host_(host),
      inventory_(inventory),
      clock_(clock),
      expansion_(expansion),
      files_(files),
      options_(std::move(options)) {
  for (std::size_t i = 0; i < expansion.series.size(); ++i) {
    const ExpandedSeries& wanted = expansion.series[i];
    if (!wanted.skipped.empty()) continue;
    engine::Series series;
    series.technique = wanted.technique;
    series.parameters = wanted.parameters;
    series.target = wanted.target;
    series.cpus = wanted.cpus;
    series.file = wanted.file ? files.file(*wanted.file) : nullptr;
    series.is_baseline = wanted.is_baseline;
    running_.push_back(i);
    series_.push_back(std::move(series));
  }
}

bool Meter::stopped() const { return options_.stop != nullptr && options_.stop->load(); }

// The engine asks between blocks: time for a line on the terminal, and to see whether to go on.
engine::RunControl Meter::control(bool may_end_early) {
  engine::RunControl control;
  control.stop = &halt_;
  control.on_progress = [this, may_end_early](const engine::Progress& progress) {
    if (stopped()) halt_ = true;
    if (may_end_early && progress.round >= kFewestRounds &&
        SteadyClock::now() >= options_.deadline) {
      ended_early_ = true;
      halt_ = true;
    }
    rounds_done_ = progress.round;
    if (options_.on_progress) {
      options_.on_progress(fmt::format("round {} of {}: {}", progress.round + 1, rounds_planned_,
                                       progress.technique));
    }
  };
  return control;
}

engine::RunPlan Meter::plan_for(unsigned rounds) const {
  engine::RunPlan plan;
  plan.rounds = rounds;
  plan.warm_up_rounds = 0;  // the pilot has warmed up
  const std::uint64_t limit = options_.write_limit.count;
  plan.write_limit.count = limit - std::min(limit, written().count);
  return plan;
}

Expected<std::vector<PilotFigure>> Meter::pilot() {
  std::vector<PilotFigure> figures(expansion_.series.size());
  if (series_.empty()) return figures;
  rounds_planned_ = 2;
  engine::RunPlan plan = plan_for(rounds_planned_);
  plan.block = kPilotBlock;
  plan.check_steadiness = false;
  const auto began = SteadyClock::now();
  auto result = engine::run(host_, inventory_, clock_, series_, plan, control(false));
  if (!result) return std::unexpected(result.error());
  rounds_done_ = 0;
  interrupted_ = stopped();
  pilot_written_ = bytes_written(*result);

  Nanoseconds timed{0};
  double blocks = 0;
  for (std::size_t i = 0; i < series_.size(); ++i) {
    const engine::Measurement& measurement = result->measurements[i];
    const double seconds = std::chrono::duration<double>(measurement.duration).count();
    PilotFigure& figure = figures[running_[i]];
    figure.ran = measurement.skipped.empty() && !measurement.blocks.empty();
    if (!figure.ran || seconds <= 0) continue;
    // Samples, not single operations: a cache hit's sample covers many.
    figure.samples_per_s = static_cast<double>(measurement.service.count()) / seconds;
    figure.bytes_per_s = static_cast<double>(measurement.bytes) / seconds;
    timed += measurement.duration;
    blocks += static_cast<double>(measurement.blocks.size());
  }
  const Nanoseconds beside =
      std::max(Nanoseconds(SteadyClock::now() - began) - timed, Nanoseconds{0});
  for (PilotFigure& figure : figures) {
    if (figure.ran) {
      figure.overhead = Nanoseconds(
          static_cast<std::int64_t>(static_cast<double>(beside.count()) / std::max(1.0, blocks)));
    }
  }
  return figures;
}

Expected<void> Meter::measure(unsigned rounds, const std::vector<Nanoseconds>& blocks) {
  if (series_.empty() || interrupted_ || ended_early_) return {};
  for (std::size_t i = 0; i < series_.size(); ++i) series_[i].block = blocks[running_[i]];
  const bool first = result_.measurements.empty();
  rounds_planned_ = rounds_done_ + rounds;
  const engine::RunPlan plan = plan_for(rounds);
  if (first) {
    auto result = engine::run(host_, inventory_, clock_, series_, plan, control(true));
    if (!result) return std::unexpected(result.error());
    result_ = std::move(*result);
  } else {
    auto more = engine::extend(result_, host_, inventory_, clock_, series_, plan, control(true));
    if (!more) return more;
  }
  interrupted_ = stopped();
  if (ended_early_ && !interrupted_) {
    notes_.push_back(fmt::format("the time limit ended the measuring after {} of {} rounds",
                                 rounds_done_, rounds_planned_));
  } else {
    rounds_done_ = rounds_planned_;
  }
  return {};
}

std::vector<engine::Measurement> Meter::measurements() const {
  std::vector<engine::Measurement> all;
  for (const ExpandedSeries& series : expansion_.series) all.push_back(skipped_measurement(series));
  for (std::size_t i = 0; i < running_.size(); ++i) {
    engine::Measurement& place = all[running_[i]];
    if (i < result_.measurements.size()) {
      place = result_.measurements[i];
    } else {
      place.skipped = "stopped before it was measured";
    }
  }
  return all;
}

Bytes Meter::written() const { return files_.written() + pilot_written_ + bytes_written(result_); }

}  // namespace assay::certify
