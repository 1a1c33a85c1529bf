// Records what assay reads of a host, so that another machine can read it again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/capture_tree.hpp"
#include "core/privacy.hpp"
#include "profiles/profile.hpp"

namespace assay::certify {

struct GatherOptions {
  // Default: what identifies the host is replaced (core/privacy.hpp). True: everything as it is.
  bool with_identity = false;
  // Profiles whose checks are recorded too, beside every row of the settings table: their notes
  // look at more. The caller loads them.
  std::span<const profiles::Profile> profiles = {};
  std::chrono::sys_days today{};
  // Looked at between the steps; may be null.
  const std::atomic<bool>* stop = nullptr;
  // Called before each step with what it does, for people; may be empty.
  std::function<void(std::string_view)> on_progress = {};
};

struct Gathered {
  CaptureTree tree;
  bool with_identity = false;
  std::size_t files = 0, directories = 0, links = 0;  // of the tree
  std::size_t files_read = 0;                         // the others are only known to be there
  std::size_t answers = 0;                            // ioctls, system calls ...
  PrivacyReport privacy;
  std::vector<std::string> unreadable;  // "path: Permission denied", as `assay probe` has it
};

// Reads the host as `assay probe`, `check`, `explain` and `techniques` do, and keeps what they were
// told. Read-only; needs no privilege, sees more as root. Error: interrupted.
Expected<Gathered> gather(const Host& host, const GatherOptions& options);

// The document of `assay gather --format json` (docs/schemas/gather.schema.json) about the archive
// of `size_bytes` at `file`. Pure.
nlohmann::ordered_json to_json(const Gathered& gathered, std::string_view file,
                               std::size_t size_bytes, std::string_view digest);

}  // namespace assay::certify
