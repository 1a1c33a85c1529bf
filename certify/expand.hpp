// From budgets to series: which technique is measured with which parameters, on what, against what.
//
// A budget is expanded over its targets (each drive, node, tested CPU, NIC), a technique over its
// variants, and every series brings its baseline. Equal series are measured once and shared.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "certify/sites.hpp"
#include "core/error.hpp"
#include "engine/technique.hpp"
#include "profiles/profile.hpp"

namespace assay::certify {

// A test file that several series share. Series that keep their file in the page cache, that evict
// it, and that write do not share one: each would undo what the other has set up.
struct FileRequest {
  std::string directory;  // where to make one; empty: the default place
  std::string device;     // an existing block device to read instead
  std::string kind;       // "cached", "device", "written"
  std::string target;     // "host", or what it stands for
  Bytes size;
  bool for_writing = false;
};

struct ExpandedSeries {
  const engine::Technique* technique = nullptr;
  engine::Parameters parameters;
  std::string target = "host";
  CpuSet cpus;  // empty: the runner chooses
  bool is_baseline = false;
  std::optional<std::size_t> file;      // index into Expansion::files
  std::optional<std::size_t> baseline;  // index into Expansion::series
  std::string skipped, remedy;          // why it cannot be measured, known beforehand
};

// One limit of one budget on one series, either absolute or a ratio: one verdict.
struct ExpandedLimit {
  std::size_t series = 0;  // index into Expansion::series
  profiles::Limit limit;
  bool required = true;
  profiles::Location location;
};

struct Expansion {
  std::vector<ExpandedSeries> series;
  std::vector<ExpandedLimit> limits;
  std::vector<FileRequest> files;
  std::size_t required_limits() const;
};

// Errors, each with the budget's place in its file: invalid for an unknown technique, a parameter
// that the technique does not take, a wrong value, a ratio without a baseline, an unknown role.
Expected<Expansion> expand(const profiles::Profile& profile, const ExpandContext& context);

// The parameters that mean something to a technique, as text: the key of a series and what stands
// in certificates. Empty values are left out.
std::map<std::string, std::string> parameters_of(const engine::Technique& technique,
                                                 const engine::Parameters& parameters);

}  // namespace assay::certify
