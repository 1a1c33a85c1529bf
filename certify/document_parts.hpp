// Parts that several JSON documents share. Internal to certify/ and report/; pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/clock.hpp"

namespace assay::certify {

// {"source","reason","hz","calibrated_for_ns","error_ppm","ntp_offset_ppm","overhead_p50_ns",
//  "overhead_p99_ns","valid"}
nlohmann::ordered_json clock_document(const engine::ClockReport& clock);

// {"name","version","build"}
nlohmann::ordered_json tool_document();

}  // namespace assay::certify
