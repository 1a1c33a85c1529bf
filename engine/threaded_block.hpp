// One block of several threads that do the same at once: each builds a block of its own, with its
// own part of the file (BlockContext::lane), its own recorder and its own CPU.
//
// The threads are started and pinned in warm_up() and let go together; the first lane runs on the
// thread that asks. Their records are merged behind the timed part: nothing is shared in it. Every
// lane must prove itself, and all of their data is verified. Used by one thread.
#pragma once

#include <memory>

#include "engine/technique.hpp"

namespace assay::engine {

// `context.parameters->threads` lanes on context.cpus in turn; with fewer CPUs than lanes some
// share one, and the evidence says so. Errors: those of the technique's make(), exhausted (no
// thread to be had).
Expected<std::unique_ptr<Block>> make_threaded_block(const Technique& technique,
                                                     const BlockContext& context);

}  // namespace assay::engine
