#include "stats/intervals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/block_table.hpp"
#include "stats/order_statistics.hpp"

namespace assay::stats {
namespace {

constexpr double kDependent = 1.5;   // a design effect that counts as dependence
constexpr double kMinBeyond = 10.0;  // effective observations beyond the quantile, then needed

Failure bad_interval(std::string_view what) {
  return fail(ErrorCode::invalid, "quantile interval", {}, what);
}

bool inside_unit(double value, double low = 0.0) { return value > low && value < 1.0; }

// Says how many samples like these would have done.
Failure too_few(double n, double n_effective, std::uint64_t needed) {
  const double wanted = std::ceil(static_cast<double>(needed) * n / std::max(n_effective, 1e-9));
  return fail(ErrorCode::invalid, "quantile interval", {},
              fmt::format("{:.0f} samples, worth {:.0f} independent ones, are too few", n,
                          std::floor(n_effective)),
              fmt::format("take at least {:.0f} samples", wanted));
}

// With very many observations an interval is narrower than a bucket; the percentile that is printed
// beside it (a bucket's midpoint) must still lie inside.
double low_end(const BlockTable& table, double quantile, double rank) {
  return std::min(table.at_rank_ns(rank), table.reported_quantile_ns(quantile));
}
double high_end(const BlockTable& table, double quantile, double rank) {
  return std::max(table.at_rank_ns(rank), table.reported_quantile_ns(quantile));
}

// Everything that the bounds of one quantile share.
struct Setup {
  BlockTable table;
  double n_effective;
  // A rank among n_effective observations, moved to the same place among all.
  double scaled(double rank) const { return rank * (table.total() + 1.0) / (n_effective + 1.0); }
};

Expected<Setup> set_up(std::span<const Histogram> blocks, double quantile, double tail) {
  if (!inside_unit(quantile)) return bad_interval("the quantile is not between 0 and 1");
  if (!(tail > 0.0 && tail < 0.5)) return bad_interval("the confidence is out of range");
  BlockTable table(blocks);
  if (table.filled_blocks() < kMinBlocks) {
    return bad_interval(fmt::format("{} blocks with observations, at least {} are needed",
                                    table.filled_blocks(), kMinBlocks));
  }
  const Spread spread = table.spread(quantile);
  const double penalty = safe_design_effect(spread.design_effect, spread.degrees_of_freedom, tail);
  const double n_effective = table.total() / penalty;
  // Where a dependence shows, the rare high blocks that were not met matter, and no formula knows
  // them: nothing is claimed from a handful of effective observations beyond the quantile.
  const double beyond = std::min(quantile, 1.0 - quantile);
  if (penalty > kDependent && n_effective * beyond < kMinBeyond) {
    return too_few(table.total(), n_effective,
                   static_cast<std::uint64_t>(std::ceil(kMinBeyond / beyond)));
  }
  return Setup{std::move(table), n_effective};
}

}  // namespace

Expected<Interval> quantile_interval(std::span<const Histogram> blocks, double quantile,
                                     double confidence) {
  const double tail = (1.0 - confidence) / 2;
  auto setup = set_up(blocks, quantile, tail);
  if (!setup) return std::unexpected(setup.error());
  const double n = setup->table.total();
  const auto low = rank_below(setup->n_effective, quantile, tail);
  const auto high = rank_above(setup->n_effective, quantile, tail);
  if (!low || !high) {
    return too_few(n, setup->n_effective, samples_for_interval(quantile, confidence));
  }
  return Interval{low_end(setup->table, quantile, setup->scaled(*low)),
                  high_end(setup->table, quantile, setup->scaled(*high)), confidence,
                  static_cast<std::uint64_t>(n), setup->n_effective};
}

Expected<Bound> quantile_upper_bound(std::span<const Histogram> blocks, double quantile,
                                     double confidence) {
  auto setup = set_up(blocks, quantile, 1.0 - confidence);
  if (!setup) return std::unexpected(setup.error());
  const double n = setup->table.total();
  const auto rank = rank_above(setup->n_effective, quantile, 1.0 - confidence);
  if (!rank) return too_few(n, setup->n_effective, samples_to_prove(quantile, confidence));
  return Bound{high_end(setup->table, quantile, setup->scaled(*rank)), confidence,
               static_cast<std::uint64_t>(n), setup->n_effective};
}

Expected<Bound> quantile_lower_bound(std::span<const Histogram> blocks, double quantile,
                                     double confidence) {
  auto setup = set_up(blocks, quantile, 1.0 - confidence);
  if (!setup) return std::unexpected(setup.error());
  const double n = setup->table.total();
  const auto rank = rank_below(setup->n_effective, quantile, 1.0 - confidence);
  if (!rank) return too_few(n, setup->n_effective, samples_to_prove(1.0 - quantile, confidence));
  return Bound{low_end(setup->table, quantile, setup->scaled(*rank)), confidence,
               static_cast<std::uint64_t>(n), setup->n_effective};
}

Expected<Interval> quantile_interval_iid(const Histogram& values, double quantile,
                                         double confidence) {
  if (!inside_unit(quantile)) return bad_interval("the quantile is not between 0 and 1");
  if (!inside_unit(confidence)) return bad_interval("the confidence is out of range");
  const BlockTable table({&values, 1});
  const double tail = (1.0 - confidence) / 2;
  const auto low = rank_below(table.total(), quantile, tail);
  const auto high = rank_above(table.total(), quantile, tail);
  if (!low || !high) {
    return too_few(table.total(), table.total(), samples_for_interval(quantile, confidence));
  }
  return Interval{low_end(table, quantile, *low), high_end(table, quantile, *high), confidence,
                  values.count(), table.total()};
}

double effective_sample_size(std::span<const Histogram> blocks, double quantile) {
  const BlockTable table(blocks);
  return table.total() / std::max(1.0, table.spread(quantile).design_effect);
}

std::uint64_t samples_to_prove(double quantile, double confidence) {
  if (quantile <= 0.0 || confidence <= 0.0) return 1;
  if (quantile >= 1.0 || confidence >= 1.0) return std::numeric_limits<std::uint64_t>::max();
  const double n = std::log1p(-confidence) / std::log(quantile);
  return n > 1e18 ? std::numeric_limits<std::uint64_t>::max()
                  : static_cast<std::uint64_t>(std::max(1.0, std::ceil(n - 1e-9)));
}

std::uint64_t samples_for_interval(double quantile, double confidence) {
  const double one_sided = 0.5 + confidence / 2;
  return std::max(samples_to_prove(quantile, one_sided),
                  samples_to_prove(1.0 - quantile, one_sided));
}

}  // namespace assay::stats
