// The noise floor: what the machine does to a loop that only looks at the clock.
#pragma once

#include "certify/certificate.hpp"
#include "core/units.hpp"
#include "engine/clock.hpp"

namespace assay::certify {

// Spins for `duration` on `cpu` (which this thread is moved to and back; where that is refused it
// spins where it is) and records the gap between every two successive time stamps. Needs no
// privilege. The timer's own p50 and p99 are those of Clock::check().
NoiseFloor measure_noise(const engine::Clock& clock, unsigned cpu, Nanoseconds duration);

}  // namespace assay::certify
