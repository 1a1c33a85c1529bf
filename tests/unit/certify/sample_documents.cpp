// Prints one document of the kind that is named, for check_schema.py.
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "certify/json_text.hpp"
#include "report/bench_document.hpp"
#include "sample_certificate.hpp"

int main(int argc, char** argv) {
  using namespace assay;
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
    text = report::bench_document(result, certificate.inventory, 0.95);
  }
  std::fputs(text.c_str(), stdout);
  return 0;
}
