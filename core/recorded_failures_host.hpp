// A captured tree in which some calls fail as they failed on the machine. Internal to core.
//
// A file that this user could not read is in the tree, since it was listed, but empty. This host
// stands around the tree's and gives the recorded error in place of the empty content.
#pragma once

#include <memory>

#include "core/capture_tree.hpp"
#include "core/host.hpp"

namespace assay {

// `inner` itself when the replies hold no failed call. Thread-safe as `inner` is.
std::unique_ptr<Host> with_recorded_failures(std::unique_ptr<Host> inner,
                                             const CaptureReplies& replies);

}  // namespace assay
