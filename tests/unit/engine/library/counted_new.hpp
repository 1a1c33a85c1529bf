// Counts what a thread allocates with new: the hot paths must not.
#pragma once

#include <cstdint>

namespace assay::engine {

// Allocations by operator new of the calling thread so far.
std::uint64_t allocations_of_this_thread();

}  // namespace assay::engine
