// Which order statistics bound a quantile of independent observations. Internal to stats/.
//
// The r-th smallest of n uniforms is Beta(r, n + 1 - r), also for fractional r and n (Hutson 1999,
// "Calculating nonparametric confidence intervals for quantiles using fractional order
// statistics"). Pure functions; nothing throws.
#pragma once

#include <optional>

namespace assay::stats {

// The largest rank (1 ≤ rank ≤ n, fractional) that lies above the q-quantile with probability ≤
// `tail`; nothing when even the smallest observation does so more often.
std::optional<double> rank_below(double n, double quantile, double tail);

// The smallest rank that lies below the q-quantile with probability ≤ `tail`; nothing when even the
// largest observation does so more often.
std::optional<double> rank_above(double n, double quantile, double tail);

// Upper `tail` points, 0 < tail < 0.5, of the normal and of Student's t distribution.
double normal_point(double tail);
double student_point(double tail, double degrees_of_freedom);

// How often a standard normal value lies further from 0 than `z`.
double normal_two_sided_p(double z);

// By what a standard error must be stretched when it was estimated from this many blocks:
// Student's point over the normal's.
double few_blocks_stretch(double tail, double degrees_of_freedom);

// By what n is to be divided: the design effect with its allowance for few blocks, at least 1.
double safe_design_effect(double design_effect, double degrees_of_freedom, double tail);

}  // namespace assay::stats
