#include "engine/bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "core/suggest.hpp"

namespace assay::engine {
namespace {

// The time of each series should not shrink below what one block needs to do anything at all.
constexpr Nanoseconds kBlockMin = std::chrono::microseconds(100);

Expected<const Technique*> technique_named(const std::string& id) {
  if (const Technique* technique = find_technique(id)) return technique;
  const std::vector<std::string_view> ids = technique_ids();
  return fail(ErrorCode::invalid, "bench", id,
              fmt::format("no such technique{}", did_you_mean(id, ids)),
              "`assay techniques` lists them");
}

Parameters resolved(const Technique& technique, const Parameters& parameters) {
  return technique.resolve == nullptr ? parameters : technique.resolve(parameters);
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

// The same work for another technique: what the candidate resolves its parameters to, as far as the
// other knows them; how each batches and waits stays its own.
Parameters beside(const Technique& candidate, const Technique& other, const Parameters& given) {
  if (candidate.baseline == other.id && candidate.baseline_parameters != nullptr) {
    return candidate.baseline_parameters(given);
  }
  Parameters same = resolved(candidate, given);
  if (given.batch == 0) same.batch = 0;
  same.completion = given.completion;
  return candidate.baseline == other.id ? given : only_taken(other, same);
}

Expected<const Technique*> baseline_for(const Technique& technique, const std::string& wanted) {
  if (wanted.empty() && technique.baseline.empty()) {
    return fail(ErrorCode::invalid, "bench --baseline", technique.id,
                "this technique is a baseline itself",
                "leave --baseline out, or name another technique: --baseline=ID");
  }
  auto found = technique_named(wanted.empty() ? std::string(technique.baseline) : wanted);
  if (!found) return found;
  if ((*found)->id == technique.id || area_of((*found)->id) != area_of(technique.id)) {
    return fail(ErrorCode::invalid, "bench --baseline", wanted,
                fmt::format("{} is compared with another technique of its area", technique.id),
                "`assay techniques` lists them");
  }
  return found;
}

// Adds the technique's baseline with the parameters that make it a fair comparison.
Expected<void> add_baseline(std::vector<Series>& all, const Series& candidate,
                            const std::string& wanted) {
  const auto baseline = baseline_for(*candidate.technique, wanted);
  if (!baseline) return Failure(baseline.error());
  Series series = candidate;
  series.technique = *baseline;
  series.is_baseline = true;
  series.parameters = beside(*candidate.technique, **baseline, candidate.parameters);
  add_unless_there(all, std::move(series));
  return {};
}

std::vector<std::string> variants_of(const Technique& technique, const probes::Inventory& inventory,
                                     const Parameters& parameters) {
  if (technique.variants == nullptr || !parameters.variant.empty()) return {parameters.variant};
  return technique.variants(inventory);
}

// Some techniques write whatever `op` says.
bool writes(const Series& series) {
  return resolved(*series.technique, series.parameters).operation == Operation::write;
}

Expected<TestFile> prepare_file(const Host& host, const BenchRequest& request,
                                std::span<const Series> series, const RunControl& control) {
  TestFileOptions options;
  options.path = request.parameters.path;
  options.directory = request.parameters.directory;
  options.size = request.whole_file ? Bytes{0} : request.parameters.size;
  options.host = &host;
  options.for_writing = std::ranges::any_of(
      series, [](const Series& one) { return one.technique->uses_file && writes(one); });
  options.destroy_data = request.destroy_data;
  options.keep = request.keep;
  options.progress = [&control](Bytes, Bytes) {
    return control.stop == nullptr || !control.stop->load();
  };
  return TestFile::prepare(options);
}

}  // namespace

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

Expected<std::vector<Series>> bench_series(const probes::Inventory& inventory,
                                           const BenchRequest& request) {
  std::vector<Series> all;
  for (const std::string& id : request.techniques) {
    const auto technique = technique_named(id);
    if (!technique) return Failure(technique.error());
    for (const std::string& variant : variants_of(**technique, inventory, request.parameters)) {
      Series series;
      series.technique = *technique;
      series.parameters = only_taken(**technique, request.parameters);
      series.parameters.variant = variant;
      series.cpus = request.cpus;
      const Series candidate = series;
      add_unless_there(all, std::move(series));
      if (!request.with_baseline) continue;
      if (auto added = add_baseline(all, candidate, request.baseline); !added)
        return Failure(added.error());
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
  TestFile file;
  const bool needs_file =
      std::ranges::any_of(*series, [](const Series& one) { return one.technique->uses_file; });
  if (needs_file) {
    auto prepared = prepare_file(host, request, *series, control);
    if (!prepared) return Failure(prepared.error());
    file = std::move(*prepared);
    for (Series& one : *series) {
      if (!one.technique->uses_file) continue;
      one.file = &file;
      one.parameters.size = file.size();
    }
  }
  const auto clock = Clock::calibrate(host);
  if (!clock) return Failure(clock.error());
  RunPlan plan;
  plan.rounds = request.rounds;
  plan.block = std::max(kBlockMin, request.duration / static_cast<int>(request.rounds));
  return run(host, inventory, *clock, *series, plan, control);
}

}  // namespace assay::engine
