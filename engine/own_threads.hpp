// The threads of this process as the kernel accounts for them: who used the CPU, and who called
// read(2) or write(2). Tells helpers that a library or the kernel started (POSIX AIO's threads,
// io_uring's poller and workers) from the thread that asked. Stateless; costs three reads of /proc
// for each thread: not for the timed part.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/host.hpp"
#include "core/units.hpp"

namespace assay::engine {

struct OwnThread {
  unsigned id = 0;
  std::string name;         // "iou-sqp-4711"
  Nanoseconds cpu{0};       // time on a CPU (/proc/PID/task/TID/schedstat)
  std::uint64_t calls = 0;  // of the read and write family (proc(5), "io")
  bool calls_known = false;
};

// Every thread of this process; none where the host does not tell.
std::vector<OwnThread> own_threads(const Host& host);

// What the threads did between two looks: all but the calling one, those of `later` whose name
// starts with `prefix`.
struct HelperWork {
  unsigned threads = 0;  // that used the CPU in between
  Nanoseconds cpu{0};
  std::uint64_t calls = 0;
  bool calls_known = true;
};
HelperWork helper_work(const std::vector<OwnThread>& earlier, const std::vector<OwnThread>& later,
                       std::string_view prefix);

// System calls of the calling thread that read or write, as the kernel counts them, between begin()
// and end(). Looking makes calls too: they are taken out.
class CallWatch {
 public:
  void begin(const Host& host);
  void end(const Host& host);
  bool known() const { return known_; }  // false: this kernel does not count
  std::uint64_t reads() const { return reads_; }
  std::uint64_t writes() const { return writes_; }

 private:
  bool known_ = false;
  std::uint64_t own_ = 0, reads_ = 0, writes_ = 0;
};

}  // namespace assay::engine
