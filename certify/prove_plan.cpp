#include <algorithm>

#include "certify/prove.hpp"
#include "certify/prove_meter.hpp"

namespace assay::certify {

Expected<ProofPlan> describe_proof(const Host& host, const probes::Inventory& inventory,
                                   const profiles::Profile& profile, tuner::Plan plan,
                                   Nanoseconds per_group) {
  auto limits = proof_limits(host, inventory, profile);
  if (!limits) return Failure(limits.error());
  ProofPlan proof;
  proof.groups = proof_groups(plan);
  proof.plan = std::move(plan);
  proof.limits = *std::move(limits);
  proof.rounds = profile.rounds;
  proof.per_group = per_group;
  proof.confidence = profile.confidence;
  proof.confidence_each =
      confidence_per_effect(profile.confidence, proof.groups.size(), proof.limits.size());
  // A block is filled up to 50 ms while there is time, and costs about 10 ms beside.
  constexpr Nanoseconds kBlock = std::chrono::milliseconds(60);
  std::size_t series = 0;
  for (const ProofLimit& limit : proof.limits) series = std::max(series, limit.series + 1);
  const auto blocks = static_cast<std::int64_t>(2 * proof.rounds * series);
  const auto groups = static_cast<std::int64_t>(proof.groups.size());
  proof.at_most = groups * per_group;
  proof.about = groups * std::min(per_group, blocks * kBlock);
  return proof;
}

}  // namespace assay::certify
