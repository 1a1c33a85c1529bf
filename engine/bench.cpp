#include "engine/bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/suggest.hpp"
#include "engine/limits.hpp"
#include "engine/scheduling.hpp"

namespace assay::engine {
namespace {

// The time of each series should not shrink below what one block needs to do anything at all.
constexpr Nanoseconds kBlockMin = std::chrono::microseconds(100);
constexpr double kMuchCopied_per_s = 5e8;

Expected<const Technique*> technique_named(const std::string& id) {
  if (const Technique* technique = find_technique(id)) return technique;
  const std::vector<std::string_view> ids = technique_ids();
  return fail(ErrorCode::invalid, "bench", id,
              fmt::format("no such technique{}", did_you_mean(id, ids)),
              "`assay techniques` lists them");
}

std::string parameters_key(const Series& series) {
  std::string key(series.technique->id);
  for (const ParameterRow& row : parameter_rows()) {
    key += fmt::format(" {}={}", row.key, row.get(series.parameters));
  }
  return key;
}

void add_unless_there(std::vector<Series>& all, Series series) {
  const std::string key = parameters_key(series);
  const auto same = std::ranges::find_if(
      all, [&key](const Series& other) { return parameters_key(other) == key; });
  if (same == all.end()) all.push_back(std::move(series));
}

std::string_view area_of(std::string_view id) { return id.substr(0, id.find('.')); }

Parameters resolved(const Technique& technique, const Parameters& parameters) {
  return technique.resolve == nullptr ? parameters : technique.resolve(parameters);
}

// The same work for another technique. For one that its row does not prepare: what the candidate
// resolves its parameters to, as far as the other knows them; how each batches and waits stays its
// own.
Parameters beside(const Technique& candidate, const Technique& other, const Parameters& given) {
  const bool named = other.id == candidate.baseline || other.id == candidate.also_against;
  if (named && candidate.baseline_parameters == nullptr) return given;
  if (other.id == candidate.baseline) return candidate.baseline_parameters(given);
  Parameters same = resolved(candidate, given);
  if (given.batch == 0) same.batch = 0;
  same.completion = given.completion;
  return only_taken(other, same);
}

// What the request compares a technique with: the one that it names, or those of the row.
Expected<std::vector<const Technique*>> baselines_for(const Technique& technique,
                                                      const std::string& wanted) {
  std::vector<const Technique*> found;
  if (wanted.empty() && technique.baseline.empty()) {
    return fail(ErrorCode::invalid, "bench --baseline", technique.id,
                "this technique is a baseline itself",
                "leave --baseline out, or name another technique: --baseline=ID");
  }
  const std::vector<std::string> ids =
      wanted.empty() ? std::vector<std::string>{std::string(technique.baseline),
                                                std::string(technique.also_against)}
                     : std::vector<std::string>{wanted};
  for (const std::string& id : ids) {
    if (id.empty()) continue;
    const auto other = technique_named(id);
    if (!other) return Failure(other.error());
    if ((*other)->id == technique.id || area_of(id) != area_of(technique.id)) {
      return fail(ErrorCode::invalid, "bench --baseline", id,
                  fmt::format("{} is compared with another technique of its area", technique.id),
                  "`assay techniques` lists them");
    }
    found.push_back(*other);
  }
  return found;
}

// Adds the technique's baselines with the parameters that make it a fair comparison.
Expected<void> add_baselines(std::vector<Series>& all, const Series& candidate,
                             const std::string& wanted) {
  const auto baselines = baselines_for(*candidate.technique, wanted);
  if (!baselines) return Failure(baselines.error());
  for (const Technique* other : *baselines) {
    Series series = candidate;
    series.technique = other;
    series.is_baseline = true;
    series.parameters = beside(*candidate.technique, *other, candidate.parameters);
    add_unless_there(all, std::move(series));
  }
  return {};
}

std::vector<std::string> variants_of(const Technique& technique, const probes::Inventory& inventory,
                                     const Parameters& parameters) {
  if (technique.variants == nullptr || !parameters.variant.empty()) return {parameters.variant};
  return technique.variants(inventory);
}

Expected<TestFile> prepare_file(const Host& host, const BenchRequest& request, bool for_writing,
                                const RunControl& control) {
  TestFileOptions options;
  options.path = request.parameters.path;
  options.directory = request.parameters.directory;
  options.size = request.whole_file ? Bytes{0} : request.parameters.size;
  options.host = &host;
  options.for_writing = for_writing;
  options.destroy_data = request.destroy_data;
  options.keep = request.keep;
  options.progress = [&control](Bytes, Bytes) {
    return control.stop == nullptr || !control.stop->load();
  };
  return TestFile::prepare(options);
}

// The file of the series that need one. Where only one step among others needs it (the storage of
// memory.hierarchy), a file that cannot be had is that step's loss alone.
Expected<void> give_file(std::vector<Series>& all, TestFile& file, const Host& host,
                         const BenchRequest& request, const RunControl& control) {
  const auto needs_file = [](const Series& one) {
    return needs_of(*one.technique, one.parameters).file;
  };
  if (std::ranges::none_of(all, needs_file)) return {};
  const auto takes_size = [&](const Series& one) {
    return needs_file(one) && takes_parameter(*one.technique, "size");
  };
  const bool for_writing = std::ranges::any_of(all, [](const Series& one) {
    return writes(resolved(*one.technique, one.parameters));  // some write whatever `op` says
  });
  BenchRequest wanted = request;
  if (std::ranges::none_of(all, takes_size)) wanted.parameters.size = Parameters{}.size;
  auto prepared = prepare_file(host, wanted, for_writing, control);
  if (!prepared) {
    const bool all_need = std::ranges::all_of(all, needs_file);
    const bool interrupted = prepared.error().code == ErrorCode::interrupted;
    const auto by_nature = [](const Series& one) { return one.technique->uses_file; };
    if (all_need || interrupted || std::ranges::any_of(all, by_nature)) {
      return Failure(prepared.error());
    }
    for (Series& one : all) {
      if (!needs_file(one)) continue;
      Error error = prepared.error();
      one.remedy = std::exchange(error.advice, {});
      one.skipped = error.message();
    }
    return {};
  }
  file = std::move(*prepared);
  for (Series& one : all) {
    if (!needs_file(one)) continue;
    one.file = &file;
    one.parameters.size = file.size();
  }
  return {};
}

// Which of the runs might be held back by copying: only then is a plain copy worth its 30 ms.
bool copies_much(const Measurement& measurement) {
  const double seconds = std::chrono::duration<double>(measurement.duration).count();
  return seconds > 0 && static_cast<double>(measurement.bytes) / seconds > kMuchCopied_per_s;
}

}  // namespace

void add_limits(RunResult& result, const probes::Inventory& inventory) {
  double rate = 0;
  if (std::ranges::any_of(result.measurements, copies_much)) {
    // On a CPU that was measured, so that it is that one's memory.
    const auto pinned = ScopedAffinity::pin(result.measurements.front().placement.got);
    rate = copy_rate();
  }
  for (Measurement& measurement : result.measurements) {
    if (measurement.blocks.empty()) continue;
    measurement.limits = find_limits(limit_evidence(measurement, inventory, rate));
  }
}

std::vector<std::string> ignored_parameters(const BenchRequest& request) {
  std::vector<std::string> ignored;
  const Parameters plain;
  for (const std::string& id : request.techniques) {
    const Technique* technique = find_technique(id);
    if (technique == nullptr) continue;
    for (const ParameterRow& row : parameter_rows()) {
      if (takes_parameter(*technique, row.key)) continue;
      if (row.get(request.parameters) == row.get(plain)) continue;
      // What it does anyway.
      const Parameters done = resolved(*technique, only_taken(*technique, request.parameters));
      if (row.get(request.parameters) == row.get(done)) continue;
      ignored.push_back(fmt::format("{} takes no {}: ignored", id, row.key));
    }
  }
  return ignored;
}

Expected<void> check_sweep(const BenchRequest& request) {
  if (request.sweep.empty()) return {};
  if (request.with_baseline) {
    return fail(ErrorCode::invalid, "bench --sweep", "--baseline",
                "a sweep compares its points with each other",
                "leave one of the two out, or name the baseline as a second technique");
  }
  for (const std::string& id : request.techniques) {
    const auto technique = technique_named(id);
    if (!technique) return Failure(technique.error());
    for (const SweepAxis& axis : request.sweep) {
      if (takes_parameter(**technique, axis.key)) continue;
      return fail(
          ErrorCode::invalid, "bench --sweep", axis.key,
          fmt::format("{} takes no {}; it takes {}", id, axis.key,
                      (*technique)->parameters.empty() ? "none" : (*technique)->parameters));
    }
  }
  return {};
}

Expected<std::vector<Series>> bench_series(const probes::Inventory& inventory,
                                           const BenchRequest& request) {
  std::vector<Series> all;
  const auto points = sweep_points(request.parameters, request.sweep);
  if (!points) return Failure(points.error());
  if (auto fine = check_sweep(request); !fine) return Failure(fine.error());
  for (const std::string& id : request.techniques) {
    const auto technique = technique_named(id);
    if (!technique) return Failure(technique.error());
    for (const Parameters& point : *points) {
      for (const std::string& variant : variants_of(**technique, inventory, point)) {
        Series series;
        series.technique = *technique;
        series.parameters = only_taken(**technique, point);
        series.parameters.variant = variant;
        series.cpus = request.cpus;
        const Series candidate = series;
        add_unless_there(all, std::move(series));
        if (!request.with_baseline) continue;
        if (auto added = add_baselines(all, candidate, request.baseline); !added) {
          return Failure(added.error());
        }
      }
    }
  }
  return all;
}

Expected<RunResult> bench(const Host& host, const probes::Inventory& inventory,
                          const BenchRequest& request, const RunControl& control) {
  if (!host.is_this_system()) {
    return fail(ErrorCode::unsupported, "bench", host.root(), "a captured tree cannot be measured",
                "leave --root out");
  }
  auto series = bench_series(inventory, request);
  if (!series) return Failure(series.error());
  return bench_series_of(host, inventory, request, std::move(*series), control);
}

Expected<RunResult> bench_series_of(const Host& host, const probes::Inventory& inventory,
                                    const BenchRequest& request, std::vector<Series> series,
                                    const RunControl& control) {
  TestFile file;
  if (auto prepared = give_file(series, file, host, request, control); !prepared) {
    return Failure(prepared.error());
  }
  const auto clock = Clock::calibrate(host);
  if (!clock) return Failure(clock.error());
  RunPlan plan;
  plan.rounds = request.rounds;
  plan.block = std::max(kBlockMin, request.duration / static_cast<int>(request.rounds));
  auto result = run(host, inventory, *clock, series, plan, control);
  if (result) add_limits(*result, inventory);
  return result;
}

}  // namespace assay::engine
