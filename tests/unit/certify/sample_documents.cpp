// Prints one document of the kind that is named, for check_schema.py.
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "certify/json_text.hpp"
#include "report/bench_document.hpp"
#include "sample_certificate.hpp"

namespace {

using namespace assay;

// An open loop with everything that a run may find out about itself.
engine::Measurement open_loop() {
  engine::Measurement measurement = testing::sample_measurement("fake.better", 30, 1000);
  for (engine::BlockResult& block : measurement.blocks) {
    block.response = block.service;
    measurement.response.merge(block.service);
    measurement.lag.record(7);
  }
  engine::ExplainedEvent event;
  event.latency_ns = 5000;
  event.why = {engine::SlowCause::steal, "20 ms stolen"};
  measurement.slowest = {event};
  measurement.limits = engine::find_limits({});
  measurement.breaches = {{.records = {{1, 2, 3}, {4, 5, 6}}, .breach = 1, .round = 2}};
  measurement.breaches_seen = 9;
  return measurement;
}

report::SweepReport sweep() {
  report::SweepReport report;
  report.axes = {"depth", "block"};
  report.load_axis = "depth";
  report.curves = {{.technique = "fake.better",
                    .fixed = {{"block", "4KiB"}},
                    .points = {1, 0},
                    .knee = {stats::KneePlace::found, 1, 0.5}},
                   {.technique = "fake.base", .fixed = {}, .points = {}, .knee = {}}};
  return report;
}

report::AblationReport ablation(const std::vector<engine::Measurement>& measurements) {
  engine::AblationPlan plan;
  plan.technique = "storage.uring";
  plan.steps.resize(3);
  plan.steps[0].series = 1;
  plan.steps[1] = {engine::AblationKind::alone, "batched", {"batched"}, 0, 0, "", ""};
  plan.steps[2] = {engine::AblationKind::alone, "iopoll", {"iopoll"}, {}, 0, "no queue", "a drive"};
  return report::ablation_report(plan, measurements, 0.95);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  certify::Certificate certificate = testing::sample_certificate();
  // A series that did not run and one of many operations a sample stand in real documents, too.
  engine::Measurement skipped;
  skipped.technique = "fake.absent";
  skipped.target = "pci-0000:00:02.0";
  skipped.skipped = "not here";
  skipped.remedy = "fit one";
  certificate.measurements.push_back(skipped);
  certificate.measurements[1].operations_per_sample = 16;
  std::string text;
  if (std::strcmp(argv[1], "certificate") == 0) {
    text = certify::json_text(certify::to_json(certificate));
  } else {
    engine::RunResult result;
    result.measurements = certificate.measurements;
    result.measurements.push_back(open_loop());
    const auto curves = sweep();
    const auto steps = ablation(result.measurements);
    text = report::bench_document(result, certificate.inventory, 0.95, {&curves, &steps});
  }
  std::fputs(text.c_str(), stdout);
  return 0;
}
