// A cgroup v2 of this process and its children, whose use of the first NVMe drive io.max limits
// (Documentation/admin-guide/cgroup-v2.rst). For guests: needs root, and is never taken away.
#pragma once

#include <string>

namespace lab {

class LimitedDrive {
 public:
  // Moves this process into the group.
  LimitedDrive();
  // Whether there is such a group here, with the io controller.
  bool ready() const { return ready_; }
  // "rbps=2", "riops=max": what io.max takes after the device. False: it was refused.
  bool limit(const std::string& what) const;

 private:
  bool ready_ = false;
  std::string device_;  // "259:1"
};

}  // namespace lab
