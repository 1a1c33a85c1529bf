// A captured tree: the files of another machine below a directory, and its recorded replies.
#pragma once

#include <memory>
#include <string>

#include "core/host.hpp"

namespace assay {

// Name of the file at a capture's root that holds the answers that are no files:
//   {"schema":"assay.capture","version":1,
//    "replies":[{"kind":"uname","target":"","reply":{"release":"6.1.0"}},
//               {"kind":"ethtool.drvinfo","target":"eth0","error":"unsupported"}]}
// A tree without it is still a capture; every ask() then answers absent.
inline constexpr const char* kCaptureReplies = "assay-capture.json";

// Opens a captured tree. Reading never leaves the directory: symlinks resolve inside it, as if it
// were "/". Writing changes the tree's own files (tests use a copy); run() is unsupported.
// Error: absent when the directory is not there, invalid when the replies do not parse.
Expected<std::unique_ptr<Host>> open_replay_host(const std::string& directory);

}  // namespace assay
