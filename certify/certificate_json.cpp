#include <nlohmann/json.hpp>

#include "certify/certificate.hpp"
#include "certify/document_parts.hpp"
#include "certify/measurement_json.hpp"
#include "certify/tool.hpp"

namespace assay::certify {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }
Json positive_or_null(double value) { return value > 0 ? Json(value) : Json(); }

Json budget_document(const BudgetVerdict& budget) {
  return {{"technique", budget.technique},
          {"target", budget.target},
          {"parameters", budget.parameters},
          {"quantile", budget.quantile},
          {"limit", budget.limit},
          {"required", budget.required},
          {"outcome", to_string(budget.outcome)},
          {"reason", budget.reason},
          {"is_ratio", budget.is_ratio},
          {"observed", positive_or_null(budget.observed_ns)},
          {"low", positive_or_null(budget.low_ns)},
          {"high", positive_or_null(budget.high_ns)},
          {"confidence", budget.confidence},
          {"n", budget.n},
          {"n_effective", budget.n_effective},
          {"samples_needed", budget.needed},
          {"look", budget.look}};
}

Json ratio_document(const stats::RatioInterval& ratio) {
  if (ratio.pairs == 0) return nullptr;
  return {{"ratio", ratio.ratio},
          {"low", ratio.low},
          {"high", ratio.high},
          {"confidence", ratio.confidence},
          {"pairs", ratio.pairs}};
}

Json claim_document(const ClaimRow& claim) {
  return {{"technique", claim.technique},
          {"target", claim.target},
          {"parameters", claim.parameters},
          {"baseline", text_or_null(claim.baseline)},
          {"claim", claim.claim},
          {"latency_p50_ratio", ratio_document(claim.latency_p50)},
          {"latency_p99_ratio", ratio_document(claim.latency_p99)},
          {"throughput_ratio", ratio_document(claim.throughput)},
          {"verdict", claim.verdict}};
}

Json noise_document(const NoiseFloor& noise) {
  return {{"cpu", noise.cpu},
          {"spun_for_ns", noise.spun_for.count()},
          {"timer_p50_ns", noise.timer_p50_ns},
          {"timer_p99_ns", noise.timer_p99_ns},
          {"gap_p99_9_ns", noise.gap_p99_9_ns},
          {"gap_max_ns", noise.gap_max_ns},
          {"gaps_over_10us_per_s", noise.gaps_over_10us_per_s}};
}

Json machine_document(const Certificate& certificate) {
  const probes::Environment& environment = certificate.inventory.environment;
  Json drives = Json::array();
  for (const probes::BlockDevice& drive : certificate.inventory.block) {
    if (drive.physical) {
      drives.push_back(
          {{"target", drive.target}, {"serial_hash", text_or_null(drive.serial_hash)}});
    }
  }
  return {{"host_name", certificate.inventory.host_name},
          {"machine_id_hash", text_or_null(environment.machine_id_hash)},
          {"vendor", text_or_null(environment.board_vendor)},
          {"product", text_or_null(environment.product_name)},
          {"hypervisor", text_or_null(environment.hypervisor)},
          {"boot_id", certificate.boot_id},
          {"drives", std::move(drives)}};
}

Json head_document(const Certificate& certificate) {
  return {{"schema", Certificate::kSchema},
          {"version", Certificate::kVersion},
          {"id", certificate.id},
          {"verdict", to_string(certificate.verdict)},
          {"exit_code", certificate.exit_code()},
          {"partial", certificate.partial},
          {"reasons", certificate.reasons},
          {"notes", certificate.notes},
          {"forced", certificate.forced},
          {"issued", format_time(certificate.issued)},
          {"expires", format_time(certificate.expires)},
          {"nonce", text_or_null(certificate.nonce)},
          {"tool",
           {{"name", "assay"},
            {"version", certificate.tool_version},
            {"build", certificate.tool_build}}},
          {"boot_id", certificate.boot_id},
          {"machine", machine_document(certificate)},
          {"digests",
           {{"identity", certificate.digests.identity},
            {"configuration", certificate.digests.configuration},
            {"state", certificate.digests.state}}},
          {"profile", {{"name", certificate.profile_name}, {"digest", certificate.profile_digest}}},
          {"took_ns", certificate.took.count()},
          {"written_bytes", certificate.written.count},
          {"confidence", certificate.confidence},
          {"looks", {{"planned", certificate.looks_planned}, {"taken", certificate.looks_taken}}},
          {"clock", clock_document(certificate.clock)},
          {"noise", noise_document(certificate.noise)}};
}

}  // namespace

Json clock_document(const engine::ClockReport& clock) {
  return {{"source", clock.source == engine::ClockSource::tsc ? "tsc" : "monotonic"},
          {"reason", clock.reason},
          {"hz", clock.hz},
          {"calibrated_for_ns", clock.calibrated_for.count()},
          {"error_ppm", clock.error_ppm},
          {"ntp_offset_ppm", clock.ntp_offset_ppm},
          {"overhead_p50_ns", clock.overhead_p50_ns},
          {"overhead_p99_ns", clock.overhead_p99_ns},
          {"valid", clock.valid}};
}

Json tool_document() {
  return {{"name", "assay"}, {"version", tool_version()}, {"build", tool_build()}};
}

Json to_json(const Certificate& certificate) {
  Json document = head_document(certificate);
  document["budgets"] = Json::array();
  for (const BudgetVerdict& budget : certificate.budgets) {
    document["budgets"].push_back(budget_document(budget));
  }
  document["claims"] = Json::array();
  for (const ClaimRow& claim : certificate.claims) {
    document["claims"].push_back(claim_document(claim));
  }
  Json checks = tuner::to_json(certificate.checks);
  document["settings"] = std::move(checks["settings"]);
  document["check_notes"] = certificate.checks.notes;
  // The inventory's parts stand side by side with the rest, under the names that `assay probe`
  // gives them: "topology", "net", "block" and so on.
  const Json inventory = probes::to_json(certificate.inventory);
  for (const auto& [key, value] : inventory.items()) {
    if (!document.contains(key)) document[key] = value;
  }
  document["measurements"] = Json::array();
  for (const engine::Measurement& measurement : certificate.measurements) {
    document["measurements"].push_back(measurement_document(measurement, certificate.confidence));
  }
  return document;
}

}  // namespace assay::certify
