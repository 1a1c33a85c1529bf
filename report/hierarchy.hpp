// The latency hierarchy: every step from L1 to storage in one table, beside what guides claim.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/measurement.hpp"
#include "probes/inventory.hpp"
#include "report/render.hpp"

namespace assay::report {

struct HierarchyRow {
  std::string level;                     // a variant of memory.hierarchy: "l1", ..., "storage"
  std::string technique;                 // that measured it: "memory.hierarchy", "ipc.pipe"
  std::optional<double> p50_ns, p99_ns;  // of one operation; absent: not measured
  std::string claim;                     // empty: nothing is claimed
  std::optional<std::uint64_t> claim_ns_max;
  std::string verdict;  // "confirmed", "not confirmed on this host", "undecided", "nothing
                        // claimed", "not measured"
  std::string reason;   // why it was not measured, or what voids it
};

// A claim holds when the medians of so many blocks lie within it that chance would not do that
// (a sign test at `confidence`), and holds not when as many lie above; else it is undecided.
//
// All steps in their order, the missing ones with the reason. Empty unless several steps were
// measured: one alone is no hierarchy.
std::vector<HierarchyRow> hierarchy_rows(const std::vector<engine::Measurement>& measurements,
                                         const probes::Inventory& inventory, double confidence);

// "" for no rows.
std::string hierarchy_text(const std::vector<HierarchyRow>& rows, const Style& style);
nlohmann::ordered_json hierarchy_json(const std::vector<HierarchyRow>& rows);

}  // namespace assay::report
