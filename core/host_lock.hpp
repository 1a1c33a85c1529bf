// One measuring, or one tuning, at a time on a host: two would disturb each other.
#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace assay {

// Holds the host's lock until it is destroyed; the kernel lets go of it however the process ends.
// Move-only. Not for two threads of one process: each take() opens the file anew, so a second one
// in the same process is refused as well.
class HostLock {
 public:
  // flock(2) on `path`, whose content is the holder's pid. `doing` says what a holder does, for the
  // one who is refused. Errors: busy, with the holder's pid; denied; invalid when the path is no
  // ordinary file of its own (a link planted by somebody).
  static Expected<HostLock> take(const std::string& path, std::string_view doing = "measuring on");

  // For measuring: /run/lock/assay.lock where every user can reach it; else in XDG_RUNTIME_DIR;
  // else /tmp/assay-UID.lock, which only holds off the same user.
  static std::string default_path();

 private:
  explicit HostLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace assay
