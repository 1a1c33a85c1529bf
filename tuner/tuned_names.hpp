// What TuneD calls the things that our rows set. Pure, thread-safe. Source: tuned.conf(5).
#pragma once

#include <string>

#include "tuner/setting.hpp"

namespace assay::tuner {

// "sysctl.vm.swappiness", "cpu.governor", "disk.elevator": the section and key of a TuneD profile;
// "" for a row that TuneD does not set.
std::string tuned_key(const Setting& setting);

}  // namespace assay::tuner
