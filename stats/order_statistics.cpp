#include "stats/order_statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>

namespace assay::stats {
namespace {

namespace policies = boost::math::policies;
// Errors become infinities or NaN instead of exceptions.
using Quiet = policies::policy<
    policies::domain_error<policies::ignore_error>, policies::pole_error<policies::ignore_error>,
    policies::overflow_error<policies::ignore_error>,
    policies::evaluation_error<policies::ignore_error>, policies::promote_double<false>>;

// Probability that the rank-th of n observations lies below the quantile. Falls as rank grows.
double below_probability(double n, double quantile, double rank) {
  return boost::math::ibeta(rank, n + 1.0 - rank, quantile, Quiet());
}

// The rank in [1, n] where that probability is `wanted`; it lies between those at the two ends.
double rank_with_probability(double n, double quantile, double wanted) {
  const auto excess = [&](double rank) { return below_probability(n, quantile, rank) - wanted; };
  // Begin close by: the ends of [1, n] cost many steps when n is large.
  const double deviation = std::sqrt(n * quantile * (1 - quantile));
  const double expected = n * quantile;
  double low = 1;
  double high = n;
  for (double reach = 4 * deviation + 4; reach < n; reach *= 4) {
    if (expected - reach > 1 && excess(expected - reach) >= 0) low = expected - reach;
    if (expected + reach < n && excess(expected + reach) <= 0) high = expected + reach;
    if (low > 1 || high < n) break;
  }
  // The function is steep around its root and flat elsewhere: false position with the Illinois
  // rule (Dowell, Jarratt 1971), which needs a third of bisection's steps.
  double at_low = excess(low);
  double at_high = excess(high);
  for (int step = 0; step < 100 && high - low > 1e-5 * (1 + deviation); ++step) {
    const double middle =
        std::clamp((low * at_high - high * at_low) / (at_high - at_low), low, high);
    const double at_middle = excess(middle);
    if (at_middle == 0) return middle;
    if (at_middle > 0) {
      low = middle;
      at_low = at_middle;
      at_high /= 2;
    } else {
      high = middle;
      at_high = at_middle;
      at_low /= 2;
    }
  }
  return low + (high - low) / 2;
}

}  // namespace

std::optional<double> rank_below(double n, double quantile, double tail) {
  if (n < 1 || below_probability(n, quantile, 1) < 1 - tail) return std::nullopt;
  return rank_with_probability(n, quantile, 1 - tail);
}

std::optional<double> rank_above(double n, double quantile, double tail) {
  if (n < 1 || below_probability(n, quantile, n) > tail) return std::nullopt;
  return rank_with_probability(n, quantile, tail);
}

double normal_point(double tail) {
  return boost::math::quantile(
      boost::math::complement(boost::math::normal_distribution<double, Quiet>(), tail));
}

double student_point(double tail, double degrees_of_freedom) {
  return boost::math::quantile(boost::math::complement(
      boost::math::students_t_distribution<double, Quiet>(degrees_of_freedom), tail));
}

double normal_two_sided_p(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

double few_blocks_stretch(double tail, double degrees_of_freedom) {
  return student_point(tail, std::max(1.0, degrees_of_freedom)) / normal_point(tail);
}

double safe_design_effect(double design_effect, double degrees_of_freedom, double tail) {
  const double freedom = std::max(1.0, degrees_of_freedom);
  const double stretch = few_blocks_stretch(tail, freedom);
  const double allowance = 0.5 * std::sqrt(2.0 / freedom);
  return std::max(1.0, design_effect * stretch * stretch - allowance);
}

}  // namespace assay::stats
