#include "tuner/tuned_names.hpp"

#include <array>

#include "tuner/readers.hpp"

namespace assay::tuner {
namespace {

// Sysctls TuneD calls by their own names; these it does not.
struct TunedName {
  std::string_view id, key;
};
constexpr std::array kNames{TunedName{"cpu.governor", "cpu.governor"},
                            TunedName{"cpu.energy-bias", "cpu.energy_perf_bias"},
                            TunedName{"cpu.energy-preference", "cpu.energy_performance_preference"},
                            TunedName{"memory.thp-enabled", "vm.transparent_hugepages"},
                            TunedName{"block.scheduler", "disk.elevator"},
                            TunedName{"block.read-ahead", "disk.readahead"}};

}  // namespace

std::string tuned_key(const Setting& setting) {
  if (std::string key = sysctl_key(setting.where); !key.empty()) return "sysctl." + key;
  for (const TunedName& name : kNames) {
    if (name.id == setting.id) return std::string(name.key);
  }
  return {};
}

}  // namespace assay::tuner
