#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include "certify/certificate.hpp"
#include "certify/json_read.hpp"
#include "certify/measurement_json.hpp"

namespace assay::certify {
namespace {

using ReadJson = nlohmann::json;

// Bounds on what a certificate that somebody sent may cost to read; ours are far below.
constexpr std::size_t kLargestDocument = 64U << 20;
constexpr std::size_t kMostBlocks = 20'000;

Failure not_one(std::string_view cause, std::string_view advice = {}) {
  return fail(ErrorCode::invalid, "read a certificate", {}, cause, advice);
}

template <typename Value, std::size_t N>
Value value_named(const std::string& word, const std::array<Value, N>& values, Value otherwise) {
  for (const Value value : values) {
    if (to_string(value) == word) return value;
  }
  return otherwise;
}

std::map<std::string, std::string> read_words_by_key(const ReadJson& document, const char* key) {
  std::map<std::string, std::string> words;
  const ReadJson& found = member(document, key);
  if (!found.is_object()) return words;
  for (const auto& [name, value] : found.items()) {
    words[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return words;
}

BudgetVerdict read_budget(const ReadJson& document) {
  BudgetVerdict budget;
  budget.technique = text_or_empty(document, "technique");
  budget.target = text_or_empty(document, "target");
  budget.parameters = read_words_by_key(document, "parameters");
  budget.quantile = number_or_zero<double>(document, "quantile");
  budget.limit = text_or_empty(document, "limit");
  budget.required = true_or_false(document, "required");
  budget.outcome =
      value_named(text_or_empty(document, "outcome"),
                  std::array{BudgetOutcome::pass, BudgetOutcome::fail, BudgetOutcome::inconclusive,
                             BudgetOutcome::skipped, BudgetOutcome::invalid},
                  BudgetOutcome::invalid);
  budget.reason = text_or_empty(document, "reason");
  budget.is_ratio = true_or_false(document, "is_ratio");
  budget.observed_ns = number_or_zero<double>(document, "observed");
  budget.low_ns = number_or_zero<double>(document, "low");
  budget.high_ns = number_or_zero<double>(document, "high");
  budget.confidence = number_or_zero<double>(document, "confidence");
  budget.n = number_or_zero<std::uint64_t>(document, "n");
  budget.n_effective = number_or_zero<double>(document, "n_effective");
  budget.needed = number_or_zero<std::uint64_t>(document, "samples_needed");
  budget.look = number_or_zero<unsigned>(document, "look");
  return budget;
}

stats::RatioInterval read_ratio(const ReadJson& document, const char* key) {
  const ReadJson& found = member(document, key);
  if (!found.is_object()) return {};
  return {number_or_zero<double>(found, "ratio"), number_or_zero<double>(found, "low"),
          number_or_zero<double>(found, "high"), number_or_zero<double>(found, "confidence"),
          number_or_zero<std::size_t>(found, "pairs")};
}

ClaimRow read_claim(const ReadJson& document) {
  ClaimRow claim;
  claim.technique = text_or_empty(document, "technique");
  claim.target = text_or_empty(document, "target");
  claim.parameters = read_words_by_key(document, "parameters");
  claim.baseline = text_or_empty(document, "baseline");
  claim.claim = text_or_empty(document, "claim");
  claim.latency_p50 = read_ratio(document, "latency_p50_ratio");
  claim.latency_p99 = read_ratio(document, "latency_p99_ratio");
  claim.throughput = read_ratio(document, "throughput_ratio");
  claim.verdict = text_or_empty(document, "verdict");
  return claim;
}

tuner::CheckRow read_check(const ReadJson& document) {
  tuner::CheckRow row;
  row.id = text_or_empty(document, "id");
  row.target = text_or_empty(document, "target");
  row.wanted = text_or_empty(document, "wanted");
  row.configured = text_or_empty(document, "configured");
  row.effective = text_or_empty(document, "effective");
  using tuner::Outcome;
  row.outcome = value_named(
      text_or_empty(document, "outcome"),
      std::array{Outcome::ok, Outcome::differs, Outcome::not_applicable, Outcome::kernel_managed,
                 Outcome::pending_reboot, Outcome::denied, Outcome::waived},
      Outcome::denied);
  row.required = true_or_false(document, "required");
  row.reason = text_or_empty(document, "reason");
  return row;
}

engine::ClockReport read_clock(const ReadJson& document) {
  engine::ClockReport clock;
  if (text_or_empty(document, "source") == "tsc") clock.source = engine::ClockSource::tsc;
  clock.reason = text_or_empty(document, "reason");
  clock.hz = number_or_zero<double>(document, "hz");
  clock.calibrated_for = Nanoseconds(number_or_zero<std::int64_t>(document, "calibrated_for_ns"));
  clock.error_ppm = number_or_zero<double>(document, "error_ppm");
  clock.ntp_offset_ppm = number_or_zero<double>(document, "ntp_offset_ppm");
  clock.overhead_p50_ns = number_or_zero<std::uint64_t>(document, "overhead_p50_ns");
  clock.overhead_p99_ns = number_or_zero<std::uint64_t>(document, "overhead_p99_ns");
  clock.valid = true_or_false(document, "valid");
  return clock;
}

NoiseFloor read_noise(const ReadJson& document) {
  NoiseFloor noise;
  noise.cpu = number_or_zero<unsigned>(document, "cpu");
  noise.spun_for = Nanoseconds(number_or_zero<std::int64_t>(document, "spun_for_ns"));
  noise.timer_p50_ns = number_or_zero<std::uint64_t>(document, "timer_p50_ns");
  noise.timer_p99_ns = number_or_zero<std::uint64_t>(document, "timer_p99_ns");
  noise.gap_p99_9_ns = number_or_zero<std::uint64_t>(document, "gap_p99_9_ns");
  noise.gap_max_ns = number_or_zero<std::uint64_t>(document, "gap_max_ns");
  noise.gaps_over_10us_per_s = number_or_zero<double>(document, "gaps_over_10us_per_s");
  return noise;
}

// The few facts that the head of a printed certificate shows.
void read_host(const ReadJson& document, probes::Inventory& inventory) {
  inventory.host_name = text_or_empty(member(document, "machine"), "host_name");
  const ReadJson& topology = member(document, "topology");
  const ReadJson& counts = member(topology, "counts");
  inventory.topology.counts = {
      number_or_zero<unsigned>(counts, "cpus"), number_or_zero<unsigned>(counts, "cores"),
      number_or_zero<unsigned>(counts, "packages"), number_or_zero<unsigned>(counts, "nodes")};
  inventory.topology.model_name = text_or_empty(topology, "model_name");
  inventory.memory.total.count =
      number_or_zero<std::uint64_t>(member(document, "memory"), "total_bytes");
  const ReadJson& kernel = member(document, "kernel");
  inventory.kernel.release = text_or_empty(kernel, "release");
  inventory.kernel.preempt_model = text_or_empty(kernel, "preempt_model");
  inventory.kernel.command_line = text_or_empty(kernel, "command_line");
  const ReadJson& environment = member(document, "environment");
  inventory.environment.hypervisor = text_or_empty(environment, "hypervisor");
  inventory.environment.container = text_or_empty(environment, "container");
  inventory.environment.product_name = text_or_empty(environment, "product_name");
}

Expected<void> read_head(const ReadJson& document, Certificate& certificate) {
  certificate.id = text_or_empty(document, "id");
  auto issued = parse_time(text_or_empty(document, "issued"));
  if (!issued) return std::unexpected(issued.error());
  auto expires = parse_time(text_or_empty(document, "expires"));
  if (!expires) return std::unexpected(expires.error());
  certificate.issued = *issued;
  certificate.expires = *expires;
  certificate.verdict = value_named(text_or_empty(document, "verdict"),
                                    std::array{Verdict::pass, Verdict::fail, Verdict::inconclusive},
                                    Verdict::inconclusive);
  certificate.partial = true_or_false(document, "partial");
  certificate.forced = true_or_false(document, "forced");
  certificate.reasons = words_of(document, "reasons");
  certificate.notes = words_of(document, "notes");
  certificate.nonce = text_or_empty(document, "nonce");
  const ReadJson& tool = member(document, "tool");
  certificate.tool_version = text_or_empty(tool, "version");
  certificate.tool_build = text_or_empty(tool, "build");
  certificate.boot_id = text_or_empty(document, "boot_id");
  const ReadJson& digests = member(document, "digests");
  certificate.digests = {text_or_empty(digests, "identity"),
                         text_or_empty(digests, "configuration"), text_or_empty(digests, "state")};
  const ReadJson& profile = member(document, "profile");
  certificate.profile_name = text_or_empty(profile, "name");
  certificate.profile_digest = text_or_empty(profile, "digest");
  certificate.took = Nanoseconds(number_or_zero<std::int64_t>(document, "took_ns"));
  certificate.written.count = number_or_zero<std::uint64_t>(document, "written_bytes");
  certificate.confidence = number_or_zero<double>(document, "confidence");
  const ReadJson& looks = member(document, "looks");
  certificate.looks_planned = number_or_zero<unsigned>(looks, "planned");
  certificate.looks_taken = number_or_zero<unsigned>(looks, "taken");
  return {};
}

// Throws as measurement_from_document() does.
Expected<Certificate> read_certificate(const ReadJson& document) {
  Certificate certificate;
  if (auto head = read_head(document, certificate); !head) return std::unexpected(head.error());
  certificate.clock = read_clock(member(document, "clock"));
  certificate.noise = read_noise(member(document, "noise"));
  read_host(document, certificate.inventory);
  for (const ReadJson& budget : document.at("budgets")) {
    certificate.budgets.push_back(read_budget(budget));
  }
  for (const ReadJson& claim : document.at("claims"))
    certificate.claims.push_back(read_claim(claim));
  certificate.checks.profile = certificate.profile_name;
  certificate.checks.notes = words_of(document, "check_notes");
  for (const ReadJson& row : document.at("settings")) {
    certificate.checks.rows.push_back(read_check(row));
  }
  std::size_t blocks_left = kMostBlocks;
  for (const ReadJson& measurement : document.at("measurements")) {
    certificate.measurements.push_back(measurement_from_document(measurement, blocks_left));
  }
  return certificate;
}

}  // namespace

Expected<Certificate> certificate_from_json(const std::string& text) {
  if (text.size() > kLargestDocument) return not_one("the document is larger than 64 MiB");
  const ReadJson document = ReadJson::parse(text, nullptr, false);
  if (document.is_discarded()) return not_one("the text is no JSON");
  if (text_or_empty(document, "schema") != Certificate::kSchema) {
    return not_one(fmt::format("its schema is not {}", Certificate::kSchema));
  }
  const int version = number_or_zero<int>(document, "version");
  if (version != Certificate::kVersion) {
    return not_one(fmt::format("version {} is not known", version), "use a newer assay");
  }
  try {
    return read_certificate(document);
  } catch (const ReadJson::exception& error) {
    return not_one(error.what());
  } catch (const std::length_error& error) {
    return not_one(error.what());
  }
}

}  // namespace assay::certify
