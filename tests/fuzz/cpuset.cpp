#include "core/cpuset.hpp"

#include "fuzz.hpp"

namespace assay::fuzz {

void fuzz_one(std::string_view input) {
  if (const auto set = CpuSet::parse_list(input)) {
    require(CpuSet::parse_list(set->to_list()).value() == *set, "a printed list reads back");
    require(set->last().value_or(0) < CpuSet::kMaxCpus, "no number above the limit");
  }
  if (const auto set = CpuSet::parse_mask(input)) {
    require(CpuSet::parse_mask(set->to_mask()).value() == *set, "a printed mask reads back");
    require(CpuSet::parse_list(set->to_list()).value() == *set, "both notations agree");
  }
}

}  // namespace assay::fuzz
