// What `assay tune` and `assay rollback` share: the rights and the lock that changing a host needs.
#pragma once

#include <string>

#include "core/error.hpp"
#include "core/host.hpp"
#include "core/host_lock.hpp"
#include "tuner/journal.hpp"

namespace assay::cli {

// Error: denied, unless this process is root. `what` is the command, for the advice.
Expected<void> need_root(const Host& host, const std::string& what);

// Makes the journal's folder and takes the lock in it. Errors: busy, with the holder's pid; those
// of JournalFolder::prepare().
Expected<HostLock> lock_for_tuning(tuner::JournalFolder& folder);

}  // namespace assay::cli
