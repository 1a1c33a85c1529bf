// A captured tree in memory: what a recording saw, and what an archive of it holds.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/capture_replies.hpp"

namespace assay {

// One file, directory or symlink of the tree.
struct CaptureNode {
  // Only regular, directory and symlink: devices, FIFOs and sockets become empty files.
  FileKind kind = FileKind::directory;
  std::string content = {};  // of a file; the target of a symlink
  // False for a file that was seen, in a directory or by status(), and never read: it stands in the
  // tree as an empty file, so that lists and existence are right.
  bool was_read = false;
};

// Plain values: copyable, thread-safe to read.
struct CaptureTree {
  // By path within the host: absolute, every symlink on the way to it followed. Parents need not be
  // named: they are directories.
  std::map<std::string, CaptureNode, std::less<>> nodes;
  // Answers that are no files. Calls on files that failed stand here as well, under the kinds
  // below, with the path that was asked as their target: a file that may not be read is there all
  // the same, and must answer in the capture as it did on the machine.
  CaptureReplies replies;
};

// Kinds of the failed calls: "file.read" and so on. No Host::ask() knows them.
inline constexpr const char* kFailedRead = "file.read";
inline constexpr const char* kFailedList = "file.list";
inline constexpr const char* kFailedLink = "file.read_link";
inline constexpr const char* kFailedResolve = "file.resolve";
inline constexpr const char* kFailedStatus = "file.status";

}  // namespace assay
