// Prints the probe's document of this machine, or of the captured tree below the directory that is
// given: for the check of the published schema, and for a profiler.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/real_host.hpp"
#include "core/replay_host.hpp"
#include "probes/inventory_json.hpp"
#include "probes/json_text.hpp"
#include "probes/probe.hpp"

int main(int argc, char** argv) {
  using namespace assay;
  auto host = argc > 1 ? open_replay_host(argv[1]) : make_real_host();
  if (!host) {
    std::fprintf(stderr, "%s\n", host.error().message().c_str());
    return 1;
  }
  std::fputs(probes::to_json_text(probes::to_json(probes::probe(**host))).c_str(), stdout);
  return 0;
}
