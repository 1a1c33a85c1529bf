// Prints one JSON document of a proof, for the test of its published schema.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "certify/prove.hpp"
#include "probes/probe.hpp"
#include "simulated_meter.hpp"
#include "tests/unit/tuner/transaction.hpp"

namespace {

using namespace assay;
using namespace assay::certify;
using namespace assay::certify::testing;
using namespace assay::tuner::testing;

// With an effect, none, and one that could not be compared: every key is filled at least once.
std::string document(const std::string& kind) {
  const auto host = make_untuned_machine();
  const profiles::Profile profile = shipped("default");
  tuner::Plan plan = plan_now(*host, profile);
  if (kind == "prove-plan") {
    const auto proof = describe_proof(*host, probes::probe(*host), profile, std::move(plan),
                                      std::chrono::seconds(20));
    return to_json(proof.value()).dump();
  }
  SimulatedMeter meter(*host, {.rounds = 8, .series = 2}, [](const Host& now, std::size_t series) {
    const auto limit = now.read_trimmed("/proc/sys/net/core/somaxconn");
    return series == 0 && limit && *limit == "4096" ? 0.5 : 1.0;
  });
  meter.spoil = [](Side, engine::Measurement& one) {
    if (one.technique == "fake.1") one.invalid = {"unsteady"};
  };
  tuner::JournalFolder folder(*host);
  ProveOptions options;
  options.apply = at_noon();
  return to_json(prove(*host, std::move(plan), profile, folder, &meter, options).value()).dump();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::puts(document(argv[1]).c_str());
  return 0;
}
