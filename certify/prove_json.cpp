// A proof for programs, and what it would do.
#include <nlohmann/json.hpp>

#include "certify/prove.hpp"

namespace assay::certify {
namespace {

using Json = nlohmann::ordered_json;

// A group without a setting's targets: those stand in the rows.
Json group_json(const ProofGroup& group) {
  return {{"settings", group.settings},
          {"required", group.required},
          {"disruption", to_string(group.disruption)},
          {"interleaved", group.interleaved},
          {"how", group.how}};
}

Json limit_json(const ProofLimit& limit) {
  return {{"technique", limit.technique},
          {"target", limit.target},
          {"parameters", limit.parameters},
          {"quantile", limit.quantile}};
}

Json effect_json(const Effect& effect) {
  const bool compared = effect.high > 0;
  const auto or_null = [compared](double value) { return compared ? Json(value) : Json(nullptr); };
  Json json = limit_json(effect.of);
  json["effect"] = to_string(effect.kind);
  json["ratio"] = or_null(effect.ratio);
  json["low"] = or_null(effect.low);
  json["high"] = or_null(effect.high);
  json["pairs"] = effect.pairs;
  json["samples_before"] = effect.samples_before;
  json["samples_after"] = effect.samples_after;
  json["cause"] = effect.cause.empty() ? Json(nullptr) : Json(effect.cause);
  json["reason"] = effect.reason.empty() ? Json(nullptr) : Json(effect.reason);
  return json;
}

Json confidence_json(double all, double each, std::size_t comparisons) {
  return {{"all", all}, {"each", each}, {"comparisons", comparisons}};
}

}  // namespace

Json to_json(const ProveReport& report) {
  Json ledger = Json::array();
  for (const LedgerEntry& entry : report.ledger) {
    Json json = group_json(entry.group);
    json["decision"] = to_string(entry.decision);
    json["reason"] = entry.reason.empty() ? Json(nullptr) : Json(entry.reason);
    json["took_ns"] = entry.took.count();
    json["effects"] = Json::array();
    for (const Effect& effect : entry.effects) json["effects"].push_back(effect_json(effect));
    ledger.push_back(std::move(json));
  }
  return {{"schema", "assay.prove"},
          {"version", 1},
          {"profile", report.tuned.plan.profile},
          {"profile_digest", report.tuned.plan.profile_digest},
          {"confidence",
           confidence_json(report.confidence, report.confidence_each, report.comparisons)},
          {"ledger", std::move(ledger)},
          {"tune", tuner::to_json(report.tuned)},
          {"took_ns", report.took.count()},
          {"exit_code", report.exit_code()},
          {"exit_reason", report.exit_reason()}};
}

Json to_json(const ProofPlan& plan) {
  Json groups = Json::array(), measured = Json::array();
  for (const ProofGroup& group : plan.groups) groups.push_back(group_json(group));
  for (const ProofLimit& limit : plan.limits) measured.push_back(limit_json(limit));
  return {{"schema", "assay.prove-plan"},
          {"version", 1},
          {"profile", plan.plan.profile},
          {"profile_digest", plan.plan.profile_digest},
          {"groups", std::move(groups)},
          {"measured", std::move(measured)},
          {"blocks_per_side", plan.rounds},
          {"confidence", confidence_json(plan.confidence, plan.confidence_each,
                                         plan.groups.size() * plan.limits.size())},
          {"group_ns_max", plan.per_group.count()},
          {"about_ns", plan.about.count()},
          {"at_most_ns", plan.at_most.count()},
          {"plan", tuner::to_json(plan.plan)},
          {"exit_code", plan.plan.exit_code()},
          {"exit_reason", plan.plan.exit_reason()}};
}

}  // namespace assay::certify
