#include "tuner/apply.hpp"

#include <numeric>

#include "tuner/transaction.hpp"

namespace assay::tuner {

Expected<ApplyReport> apply(Host& host, Plan plan, const profiles::Profile& profile,
                            JournalFolder& folder, const ApplyOptions& options) {
  if (plan.empty()) {
    return ApplyReport{.plan = std::move(plan), .journal = {}, .undone = {}, .rollback = {}};
  }
  auto transaction = Transaction::begin(host, std::move(plan), folder, options);
  if (!transaction) return Failure(transaction.error());
  std::vector<std::size_t> all(transaction->plan().rows.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const bool good = transaction->make(all) && transaction->make_lasting() &&
                    transaction->check_again(profile) && transaction->required_rows_hold() &&
                    transaction->commit();
  if (good) return std::move(*transaction).report();
  return std::move(*transaction).put_back({});
}

}  // namespace assay::tuner
