// How long every series is measured: so that budgets can be proven and the time limit holds.
//
// Pure functions of what a short pilot saw.
#pragma once

#include <vector>

#include "certify/certify.hpp"
#include "certify/expand.hpp"

namespace assay::certify {

// What two short blocks of a series told: how fast it is, and what a block costs beside its time.
struct PilotFigure {
  bool ran = false;
  double samples_per_s = 0;  // recorded latencies, each of one or more operations
  double bytes_per_s = 0;
  Nanoseconds overhead{0};  // building the block, warming up, proof, tearing down
};

struct SizeLimits {
  Nanoseconds time{0};   // for all looks
  Bytes written;         // that may still be written
  unsigned rounds = 30;  // wanted up to the first look
  unsigned looks = 1;
  double confidence = 0.95;  // shared over looks and required limits
};

struct Sizing {
  unsigned rounds = 0;              // up to the first look
  unsigned more_rounds = 0;         // before each further look
  std::vector<Nanoseconds> blocks;  // of each series
};

// Confidence of one verdict at one look: 1 - (1 - confidence) / (looks x required limits).
double confidence_per_verdict(double confidence, unsigned looks, std::size_t required_limits);

// Chooses rounds and block lengths. Every series gets a base; what its budgets need comes on top,
// scaled down together when the time does not suffice; the first look is at 60 % of the time.
Sizing size_run(const Expansion& expansion, const std::vector<PilotFigure>& pilot,
                const SizeLimits& limits);

// The same in words and figures, with a warning for every budget that the time cannot prove.
Plan describe_plan(const Expansion& expansion, const std::vector<PilotFigure>& pilot,
                   const SizeLimits& limits, const Sizing& sizing);

}  // namespace assay::certify
