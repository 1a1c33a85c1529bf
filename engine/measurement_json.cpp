#include <nlohmann/json.hpp>

#include "engine/measurement.hpp"

namespace assay::engine {
namespace {

using Json = nlohmann::ordered_json;

struct NamedQuantile {
  const char* name;
  double quantile;
};
constexpr NamedQuantile kQuantiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}, {"p99_99", 0.9999}};

// A sample of many operations is divided: whole nanoseconds only where one operation is a sample.
Json per_operation(double sample_ns, unsigned operations_per_sample) {
  if (operations_per_sample <= 1) return static_cast<std::uint64_t>(sample_ns);
  return sample_ns / operations_per_sample;
}

Json latency_json(const stats::Histogram& histogram, unsigned per_sample) {
  if (histogram.empty()) return nullptr;
  Json json;
  for (const auto& [name, quantile] : kQuantiles) {
    json[name] = per_operation(static_cast<double>(histogram.quantile_ns(quantile)), per_sample);
  }
  json["min"] = per_operation(static_cast<double>(histogram.min_ns()), per_sample);
  json["max"] = per_operation(static_cast<double>(histogram.max_ns()), per_sample);
  json["mean"] = histogram.mean_ns() / per_sample;
  return json;
}

// {"p50": {...} or null, ..., "reasons": {"p99_99": "why there is none"}}
Json intervals_json(const std::vector<stats::Histogram>& blocks, double per_sample,
                    double confidence) {
  Json json;
  Json reasons = Json::object();
  for (const auto& [name, quantile] : kQuantiles) {
    const auto interval = stats::quantile_interval(blocks, quantile, confidence);
    if (!interval) {
      json[name] = nullptr;
      reasons[name] = interval.error().message();
      continue;
    }
    json[name] = {{"low", interval->low_ns / per_sample},
                  {"high", interval->high_ns / per_sample},
                  {"confidence", interval->confidence},
                  {"n", interval->n},
                  {"n_effective", interval->n_effective}};
  }
  json["reasons"] = std::move(reasons);
  return json;
}

std::vector<stats::Histogram> services_of(const Measurement& measurement) {
  std::vector<stats::Histogram> blocks;
  for (const BlockResult& block : measurement.blocks) blocks.push_back(block.service);
  return blocks;
}

std::vector<stats::Histogram> responses_of(const Measurement& measurement) {
  std::vector<stats::Histogram> blocks;
  for (const BlockResult& block : measurement.blocks) {
    if (block.response) blocks.push_back(*block.response);
  }
  return blocks;
}

bool names_key(std::string_view list, std::string_view key) {
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t comma = std::min(list.find(',', start), list.size());
    if (list.substr(start, comma - start) == key) return true;
    start = comma + 1;
  }
  return false;
}

// Only what means something to the technique: a budget's and a command line's own words.
Json parameters_json(const Measurement& measurement) {
  const Technique* technique = find_technique(measurement.technique);
  Json json = Json::object();
  for (const ParameterRow& row : parameter_rows()) {
    if (technique != nullptr && !names_key(technique->parameters, row.key)) continue;
    std::string value = row.get(measurement.parameters);
    if (!value.empty()) json[std::string(row.key)] = std::move(value);
  }
  return json;
}

Json placement_json(const Placement& placement) {
  return {{"cpus_asked", placement.asked.to_list()},
          {"cpus", placement.got.to_list()},
          {"smt_siblings", placement.siblings.to_list()},
          {"smt_siblings_busy", placement.siblings_busy},
          {"irqs", placement.irqs},
          {"migrations", placement.migrations},
          {"preemptions", placement.preemptions},
          {"major_faults", placement.major_faults},
          {"minor_faults", placement.minor_faults},
          {"scheduling", placement.scheduling},
          {"steal_fraction", placement.steal_fraction}};
}

Json clock_offsets_json(const Measurement& measurement) {
  Json json = Json::array();
  for (const ClockOffset& offset : measurement.clock_offsets) {
    json.push_back({{"cpus", {offset.a.value, offset.b.value}},
                    {"low_ns", offset.low_ns},
                    {"high_ns", offset.high_ns},
                    {"exchanges", offset.exchanges}});
  }
  return json;
}

Json slowest_json(const Measurement& measurement) {
  Json json = Json::array();
  for (const ExplainedEvent& event : measurement.slowest) {
    json.push_back({{"at_ns", event.at_ns},
                    {"since_start_ns", event.since_start.count()},
                    {"latency_ns", event.latency_ns},
                    {"cpu", event.cpu},
                    {"cause", to_string(event.why.cause)},
                    {"because", event.why.because}});
  }
  return json;
}

Json limits_json(const Measurement& measurement) {
  Json json = Json::array();
  for (const LimitFinding& finding : measurement.limits) {
    json.push_back({{"id", finding.id},
                    {"limit", finding.limit},
                    {"evidence", finding.evidence},
                    {"advice", finding.advice}});
  }
  return json;
}

Json breaches_json(const Measurement& measurement) {
  Json json = Json::array();
  for (const Breach& breach : measurement.breaches) {
    Json records = Json::array();
    for (const BreachRecord& record : breach.records) {
      records.push_back(Json::array({record.at_ns, record.service_ns, record.response_ns}));
    }
    json.push_back(
        {{"round", breach.round}, {"breach", breach.breach}, {"records", std::move(records)}});
  }
  return json;
}

Json histogram_json(const stats::Histogram& histogram) {
  Json buckets = Json::array();
  for (const stats::Bucket& bucket : histogram.buckets()) {
    buckets.push_back({bucket.low_ns, bucket.high_ns, bucket.count});
  }
  return {{"count", histogram.count()},
          {"min_ns", histogram.min_ns()},
          {"max_ns", histogram.max_ns()},
          {"buckets", std::move(buckets)}};
}

Json block_json(const BlockResult& block) {
  Json json{{"round", block.round},
            {"started_ns", block.started.count()},
            {"duration_ns", block.duration.count()},
            {"cpu_ns", block.cpu_time.count()},
            {"operations", block.operations},
            {"bytes", block.bytes},
            {"errors", block.errors},
            {"enters", block.enters},
            {"histogram", histogram_json(block.service)}};
  if (block.response) json["response"] = histogram_json(*block.response);
  return json;
}

void add_open_loop(Json& json, const Measurement& measurement, double confidence) {
  if (measurement.response.empty()) return;
  json["response_ns"] = latency_json(measurement.response, 1);
  json["response_intervals"] = intervals_json(responses_of(measurement), 1, confidence);
  json["lag_ns"] = latency_json(measurement.lag, 1);
  json["missed"] = measurement.missed;
}

}  // namespace

Json to_json(const Measurement& measurement, double confidence, bool with_blocks) {
  Json json;
  json["technique"] = measurement.technique;
  json["target"] = measurement.target;
  json["parameters"] = parameters_json(measurement);
  if (!measurement.file.empty()) json["file"] = measurement.file;
  json["is_baseline"] = measurement.is_baseline;
  if (!measurement.skipped.empty()) {
    json["skipped"] = measurement.skipped;
    if (!measurement.remedy.empty()) json["remedy"] = measurement.remedy;
  }
  json["operations"] = measurement.operations;
  json["bytes"] = measurement.bytes;
  json["errors"] = measurement.errors;
  json["short_transfers"] = measurement.short_transfers;
  json["enters"] = measurement.enters;
  json["duration_ns"] = measurement.duration.count();
  json["cpu_ns"] = measurement.cpu_time.count();
  json["operations_per_sample"] = measurement.operations_per_sample;
  json["latency_ns"] = latency_json(measurement.service, measurement.operations_per_sample);
  json["intervals"] =
      intervals_json(services_of(measurement), measurement.operations_per_sample, confidence);
  add_open_loop(json, measurement, confidence);
  json["engaged"] = measurement.engaged;
  json["evidence"] = measurement.evidence;
  // null: this technique moves no data that can be checked.
  json["verified"] =
      measurement.verification.applies ? Json(measurement.verification.verified) : Json(nullptr);
  json["verification"] = {{"checked", measurement.verification.checked},
                          {"detail", measurement.verification.detail}};
  if (!measurement.clock_offsets.empty()) {
    json["clock_offsets"] = clock_offsets_json(measurement);
  }
  json["placement"] = placement_json(measurement.placement);
  json["invalid"] = measurement.invalid;
  json["slowest"] = slowest_json(measurement);
  json["limits"] = limits_json(measurement);
  if (!measurement.breaches.empty() || measurement.breaches_seen > 0) {
    json["breaches_seen"] = measurement.breaches_seen;
    json["breaches"] = breaches_json(measurement);
  }
  if (with_blocks) {
    json["histogram"] = histogram_json(measurement.service);
    Json blocks = Json::array();
    for (const BlockResult& block : measurement.blocks) blocks.push_back(block_json(block));
    json["blocks"] = std::move(blocks);
  }
  return json;
}

}  // namespace assay::engine
