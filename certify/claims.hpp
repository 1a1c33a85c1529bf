// Published claims beside what this host measured.
#pragma once

#include <span>
#include <vector>

#include "certify/certificate.hpp"
#include "certify/expand.hpp"

namespace assay::certify {

// One row for every series that claims something or has a baseline. Each interval is at
// `confidence` on its own; rows are for reading and decide nothing. Pure.
//
// A claim is confirmed when the whole interval of every figure it names lies inside it: the
// medians' ratio, the throughputs' ratio, the absolute median.
std::vector<ClaimRow> judge_claims(const Expansion& expansion,
                                   std::span<const engine::Measurement> measurements,
                                   double confidence);

}  // namespace assay::certify
