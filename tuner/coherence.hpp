// What is wrong between settings, rather than within one: roles, interrupts and places that do not
// fit together, and other tools that will undo what was set. Findings are notes: they change no
// outcome and no exit code.
#pragma once

#include <string>
#include <vector>

#include "profiles/profile.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner {

// Findings in words, the most harmful first; empty when all fits. Isolated CPUs are the profile's
// role of that name, else what the kernel isolates now. Pure over its view, thread-safe.
std::vector<std::string> coherence_notes(const HostView& view, const profiles::Profile& profile);

}  // namespace assay::tuner
