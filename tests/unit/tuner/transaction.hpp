// Runs transactions of the untuned machine, whole or until a chosen write.
#pragma once

#include <optional>
#include <stdexcept>

#include "core/faulty_host.hpp"
#include "tuner/apply.hpp"
#include "tuner/rollback.hpp"
#include "untuned_machine.hpp"

namespace assay::tuner::testing {

// What a FaultyHost throws in place of kill -9.
struct Death : std::runtime_error {
  Death() : std::runtime_error("death") {}
};

ApplyOptions at_noon();

// Plans and applies. Fails the test when there is no plan.
Expected<ApplyReport> tune(Host& host, const profiles::Profile& profile,
                           ApplyOptions options = at_noon());

// The newest transaction undone by a process that knows nothing but the host; nothing when there is
// none to undo. Fails the test on any error.
std::optional<RollbackReport> undo_newest(Host& host, RollbackOptions options = {});

// The row of a path or request; fails the test when there is none.
UndoRow undo_row(const RollbackReport& report, std::string_view id);

}  // namespace assay::tuner::testing
