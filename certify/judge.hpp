// Verdicts: is the budget met, missed, or is it too early to say?
//
// At a rate (open loop) the response is judged, from the intended start; else the service time.
//
// Met when the upper confidence bound of the quantile lies inside the limit, missed when the lower
// one lies outside, else inconclusive. Looks are planned beforehand, each at its share of alpha
// (Bonferroni over looks and required limits), so deciding at the first look that allows it keeps
// the promised confidence. Pure functions.
#pragma once

#include <span>
#include <vector>

#include "certify/certificate.hpp"
#include "certify/expand.hpp"
#include "engine/clock.hpp"
#include "engine/measurement.hpp"

namespace assay::certify {

struct Evidence {
  const Expansion* expansion = nullptr;
  std::span<const engine::Measurement> measurements;  // one per series, in their order
  double confidence = 0;                              // of one verdict at one look
};

// One verdict for every limit, not judged yet: "inconclusive, not measured".
std::vector<BudgetVerdict> open_verdicts(const Expansion& expansion, double confidence);

// Judges what earlier looks left open. What they decided stands, unless the measurement has been
// skipped or void since.
void judge(const Evidence& evidence, unsigned look, std::vector<BudgetVerdict>& verdicts);

// Voids every verdict that a measurement decided: the clock was wrong.
void void_by_clock(const engine::ClockReport& clock, std::vector<BudgetVerdict>& verdicts);

// True while a further look could decide something required.
bool wants_another_look(const Evidence& evidence, const std::vector<BudgetVerdict>& verdicts);

// Why a measurement does not count, as one sentence; empty: it counts.
std::string void_reason(const engine::Measurement& measurement);

}  // namespace assay::certify
