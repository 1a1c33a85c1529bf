#include <algorithm>
#include <stdexcept>

#include "certify/json_read.hpp"
#include "certify/measurement_json.hpp"

namespace assay::certify {
namespace {

using ReadJson = nlohmann::json;

Nanoseconds ns_or_zero(const ReadJson& document, const char* key) {
  return Nanoseconds(number_or_zero<std::int64_t>(document, key));
}

stats::Histogram read_histogram(const ReadJson& document) {
  std::vector<stats::Bucket> buckets;
  for (const ReadJson& bucket : document.at("buckets")) {
    buckets.push_back(
        {whole_number(bucket.at(0)), whole_number(bucket.at(1)), whole_number(bucket.at(2))});
  }
  return stats::Histogram::from_buckets(buckets, whole_number(document.at("min_ns")),
                                        whole_number(document.at("max_ns")));
}

stats::Histogram read_counts(const ReadJson& document) {
  std::vector<stats::Bucket> buckets;
  const ReadJson& counts = document.at("counts");
  std::uint64_t index = 0;
  for (std::size_t i = 0; i + 1 < counts.size(); i += 2) {
    const auto step = whole_number(counts.at(i));
    if (step > stats::Histogram::kBuckets || index + step > stats::Histogram::kBuckets) {
      throw std::length_error("a bucket beyond the histogram");
    }
    index += step;
    const std::uint64_t low = stats::Histogram::bucket_low_ns(index);
    buckets.push_back({low, low, whole_number(counts.at(i + 1))});
  }
  return stats::Histogram::from_buckets(buckets, whole_number(document.at("min_ns")),
                                        whole_number(document.at("max_ns")));
}

engine::BlockResult read_block(const ReadJson& document) {
  engine::BlockResult block;
  block.round = number_or_zero<unsigned>(document, "round");
  block.started = ns_or_zero(document, "started_ns");
  block.duration = ns_or_zero(document, "duration_ns");
  block.cpu_time = ns_or_zero(document, "cpu_ns");
  block.operations = number_or_zero<std::uint64_t>(document, "operations");
  block.bytes = number_or_zero<std::uint64_t>(document, "bytes");
  block.errors = number_or_zero<std::uint64_t>(document, "errors");
  block.enters = number_or_zero<std::uint64_t>(document, "enters");
  block.service = read_counts(document);
  if (const ReadJson& response = member(document, "response"); response.is_object()) {
    block.response = read_counts(response);
  }
  return block;
}

void read_parameters(const ReadJson& document, engine::Parameters& parameters) {
  const ReadJson& found = member(document, "parameters");
  if (!found.is_object()) return;
  for (const auto& [key, value] : found.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    // What a later version of assay knows beyond this one does not keep the rest from being read.
    [[maybe_unused]] const auto set = engine::set_parameter(parameters, key, text);
  }
}

}  // namespace

engine::Measurement measurement_from_document(const ReadJson& document, std::size_t& blocks_left) {
  engine::Measurement measurement;
  measurement.technique = document.at("technique").get<std::string>();
  measurement.target = document.at("target").get<std::string>();
  read_parameters(document, measurement.parameters);
  measurement.file = text_or_empty(document, "file");
  measurement.is_baseline = true_or_false(document, "is_baseline");
  measurement.operations = number_or_zero<std::uint64_t>(document, "operations");
  measurement.bytes = number_or_zero<std::uint64_t>(document, "bytes");
  measurement.errors = number_or_zero<std::uint64_t>(document, "errors");
  measurement.enters = number_or_zero<std::uint64_t>(document, "enters");
  measurement.operations_per_sample =
      std::max(1U, number_or_zero<unsigned>(document, "operations_per_sample"));
  measurement.duration = ns_or_zero(document, "duration_ns");
  measurement.cpu_time = ns_or_zero(document, "cpu_ns");
  measurement.engaged = true_or_false(document, "engaged");
  measurement.evidence = text_or_empty(document, "evidence");
  measurement.skipped = text_or_empty(document, "skipped");
  measurement.remedy = text_or_empty(document, "remedy");
  measurement.invalid = words_of(document, "invalid");
  measurement.service = read_histogram(document.at("histogram"));
  const ReadJson& blocks = document.at("blocks");
  if (blocks.size() > blocks_left) throw std::length_error("too many blocks");
  blocks_left -= blocks.size();
  for (const ReadJson& block : blocks) {
    measurement.blocks.push_back(read_block(block));
    const auto& response = measurement.blocks.back().response;
    if (response) measurement.response.merge(*response);
  }
  return measurement;
}

}  // namespace assay::certify
