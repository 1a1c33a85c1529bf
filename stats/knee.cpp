#include "stats/knee.hpp"

#include <algorithm>
#include <vector>

namespace assay::stats {
namespace {

constexpr double kAsGood = 0.98;
constexpr std::size_t kFewest = 3;

}  // namespace

Knee find_knee(std::span<const LoadPoint> points) {
  std::vector<Knee> usable;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].throughput <= 0 || points[i].mean_latency <= 0) continue;
    usable.push_back({KneePlace::found, i, points[i].throughput / points[i].mean_latency});
  }
  if (usable.size() < kFewest) return {};
  const double most = std::ranges::max_element(usable, {}, &Knee::power)->power;
  auto best = std::ranges::find_if(
      usable, [most](const Knee& knee) { return knee.power >= kAsGood * most; });
  if (best == usable.begin()) best->place = KneePlace::at_start;
  if (best + 1 == usable.end()) best->place = KneePlace::not_reached;
  return *best;
}

}  // namespace assay::stats
