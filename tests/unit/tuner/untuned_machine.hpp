// The fake machine as it comes from the installer, and a kernel behind its files: what is written
// reads back as the kernel prints it, and some writes move other values, as real ones do.
#pragma once

#include <memory>
#include <string>

#include "core/memory_host.hpp"
#include "profiles/profile.hpp"
#include "tuner/plan.hpp"

namespace assay::tuner::testing {

// Nothing is as the shipped profiles want it. Its kernel:
// - resets nr_requests and wbt_lat_usec when the scheduler changes;
// - resets the energy preference when the governor changes;
// - takes no 0 as dirty_bytes, and clears the ratio (or the bytes) when the other is written;
// - lets an adaptive NIC forget its coalescing time; manages interrupt 41 itself (EIO).
std::unique_ptr<MemoryHost> make_untuned_machine();

// Every file below /sys, /proc and /etc, and every ethtool answer, as one text: equal when nothing
// of the host differs. The journal is left out.
std::string snapshot(const MemoryHost& host);

// A shipped profile; where it has CPU roles, housekeeping is the first core (CPUs 0 and 1).
profiles::Profile shipped(std::string_view name);

// A plan for the host as it is; fails the test when there is none.
Plan plan_now(const Host& host, const profiles::Profile& profile, PlanOptions options = {});
// The row of a setting, and of a target when one is named; fails the test when there is none.
const PlanRow& plan_row(const Plan& plan, std::string_view id, std::string_view target = {});

}  // namespace assay::tuner::testing
