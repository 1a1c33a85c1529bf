#include "certify/measurement_json.hpp"

#include <nlohmann/json.hpp>

namespace assay::certify {
namespace {

using Json = nlohmann::ordered_json;

Json histogram_document(const stats::Histogram& histogram) {
  Json buckets = Json::array();
  for (const stats::Bucket& bucket : histogram.buckets()) {
    buckets.push_back(Json::array({bucket.low_ns, bucket.high_ns, bucket.count}));
  }
  return {{"count", histogram.count()},
          {"min_ns", histogram.min_ns()},
          {"max_ns", histogram.max_ns()},
          {"buckets", std::move(buckets)}};
}

// Steps are small numbers: half the size of bucket bounds, over a thousand blocks.
Json counts_document(const stats::Histogram& histogram) {
  Json counts = Json::array();
  std::size_t before = 0;
  for (const stats::Bucket& bucket : histogram.buckets()) {
    const std::size_t index = stats::Histogram::index_of(bucket.low_ns);
    counts.push_back(index - before);
    counts.push_back(bucket.count);
    before = index;
  }
  return counts;
}

Json block_document(const engine::BlockResult& block) {
  Json document{{"round", block.round},
                {"started_ns", block.started.count()},
                {"duration_ns", block.duration.count()},
                {"cpu_ns", block.cpu_time.count()},
                {"operations", block.operations},
                {"bytes", block.bytes},
                {"errors", block.errors},
                {"enters", block.enters},
                {"min_ns", block.service.min_ns()},
                {"max_ns", block.service.max_ns()},
                {"counts", counts_document(block.service)}};
  if (block.response) {
    document["response"] = {{"min_ns", block.response->min_ns()},
                            {"max_ns", block.response->max_ns()},
                            {"counts", counts_document(*block.response)}};
  }
  return document;
}

}  // namespace

Json measurement_document(const engine::Measurement& measurement, double confidence) {
  Json document = engine::to_json(measurement, confidence, false);
  document["histogram"] = histogram_document(measurement.service);
  Json blocks = Json::array();
  for (const engine::BlockResult& block : measurement.blocks) {
    blocks.push_back(block_document(block));
  }
  document["blocks"] = std::move(blocks);
  return document;
}

}  // namespace assay::certify
