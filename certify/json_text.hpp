// JSON as text that a person can read and a diff can show.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace assay::certify {

// Indented by two, but with arrays of plain values (and of short arrays, as histograms are) on one
// line each. Bytes that are no UTF-8 become U+FFFD. Ends with a newline.
std::string json_text(const nlohmann::ordered_json& document);

}  // namespace assay::certify
