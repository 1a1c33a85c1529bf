// The things that a budget is measured on: the host, every drive, node, tested CPU or NIC.
//
// Pure functions of an inventory and resolved roles.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "certify/places.hpp"
#include "core/error.hpp"
#include "engine/technique.hpp"
#include "probes/inventory.hpp"
#include "profiles/profile.hpp"
#include "profiles/selectors.hpp"

namespace assay::certify {

// What budgets are expanded with. The pointers must outlive the call.
struct ExpandContext {
  const probes::Inventory* inventory = nullptr;
  const profiles::Roles* roles = nullptr;
  std::string directory;  // of test files, as the caller wants it; empty: the default place
  bool is_root = false;
  WritableCheck writable = is_writable_directory;
  std::function<const engine::Technique*(std::string_view)> find = engine::find_technique;
};

// One of them. With `skipped` set it cannot be measured, and is reported instead.
struct Site {
  std::string target = "host";  // stable over reboots
  CpuSet cpus;                  // empty: the runner chooses
  std::string directory;        // where its test files are made; empty: the default place
  std::string device;           // a block device that is read as it is, instead of a file
  std::string skipped, remedy;
};

// Every site of one budget; never empty: where a host has no such thing, one skipped site says so.
// Error: invalid, with the budget's place in its file, when its `cpus` cannot be resolved.
Expected<std::vector<Site>> sites_of(const ExpandContext& context, const profiles::Budget& budget,
                                     const engine::Technique& technique,
                                     const engine::Parameters& parameters);

// An error about one budget: invalid, at its place in the profile's file.
Failure budget_error(const profiles::Budget& budget, std::string_view cause,
                     std::string_view advice = {});

}  // namespace assay::certify
