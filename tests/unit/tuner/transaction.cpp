#include "transaction.hpp"

#include <gtest/gtest.h>

#include "probes/probe.hpp"

namespace assay::tuner::testing {

ApplyOptions at_noon() {
  using namespace std::chrono;
  ApplyOptions options;
  options.now = sys_days(year(2026) / 6 / 15) + hours(12);
  options.tool = "test";
  return options;
}

Expected<ApplyReport> tune(Host& host, const profiles::Profile& profile, ApplyOptions options) {
  auto plan = make_plan(host, probes::probe(host), profile, {});
  if (!plan) {
    ADD_FAILURE() << plan.error().message();
    return Failure(plan.error());
  }
  JournalFolder folder(host);
  return apply(host, *std::move(plan), profile, folder, options);
}

std::optional<RollbackReport> undo_newest(Host& host, RollbackOptions options) {
  JournalFolder folder(host);
  auto journal = folder.newest();
  if (!journal) {
    EXPECT_EQ(journal.error().code, ErrorCode::absent) << journal.error().message();
    return std::nullopt;
  }
  auto report = rollback(host, folder, *std::move(journal), options);
  if (!report) {
    ADD_FAILURE() << report.error().message();
    return std::nullopt;
  }
  return *std::move(report);
}

UndoRow undo_row(const RollbackReport& report, std::string_view id) {
  for (const UndoRow& row : report.rows) {
    if (row.id == id) return row;
  }
  ADD_FAILURE() << "no row " << id;
  return {};
}

}  // namespace assay::tuner::testing
