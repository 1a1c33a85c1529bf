// Prints the probe's document of this machine, for the check of the published schema.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/real_host.hpp"
#include "probes/inventory_json.hpp"
#include "probes/probe.hpp"

int main() {
  const auto document = assay::probes::to_json(assay::probes::probe(*assay::make_real_host()));
  std::puts(document.dump().c_str());
  return 0;
}
