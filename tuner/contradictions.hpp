// What a profile may not want at once. Unlike the notes of coherence.hpp these refuse a plan: no
// order of changes can meet both lines.
#pragma once

#include "core/error.hpp"
#include "profiles/profile.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner {

// Error: invalid, with both lines ("a.yaml:7:3 and a.yaml:9:3") and why they exclude each other.
// Pure over its view.
Expected<void> check_contradictions(const HostView& view, const profiles::Profile& profile);

}  // namespace assay::tuner
