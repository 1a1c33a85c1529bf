// A Host that counts the time that changing calls take, by whose it is: the kernel's own writes,
// files made durable (journal, /etc), and programs that are run.
//
// For the claim that everything else of a tune is quick: a stop watch around the whole would
// mostly show the disk. Owns the inner host; not thread-safe while it changes something.
#pragma once

#include <chrono>

#include "core/forwarding_host.hpp"

namespace assay {

struct HostTimes {
  std::chrono::nanoseconds kernel_writes{0};  // write() and change(): sysfs, procfs, ethtool
  std::chrono::nanoseconds durable_files{0};  // whole files, with their fsyncs; folders
  std::chrono::nanoseconds programs{0};       // run()

  std::chrono::nanoseconds total() const { return kernel_writes + durable_files + programs; }
};

class TimedHost final : public ForwardingHost {
 public:
  using ForwardingHost::ForwardingHost;

  const HostTimes& times() const { return times_; }

  Expected<void> write(std::string_view path, std::string_view content) override {
    const Lap lap(times_.kernel_writes);
    return ForwardingHost::write(path, content);
  }
  Expected<void> change(const Query& request, const Reply& values) override {
    const Lap lap(times_.kernel_writes);
    return ForwardingHost::change(request, values);
  }
  Expected<void> replace_file(std::string_view path, std::string_view content,
                              std::uint32_t mode) override {
    const Lap lap(times_.durable_files);
    return ForwardingHost::replace_file(path, content, mode);
  }
  Expected<void> remove_file(std::string_view path) override {
    const Lap lap(times_.durable_files);
    return ForwardingHost::remove_file(path);
  }
  Expected<void> make_directory(std::string_view path, std::uint32_t mode) override {
    const Lap lap(times_.durable_files);
    return ForwardingHost::make_directory(path, mode);
  }
  Expected<RunResult> run(const std::vector<std::string>& argv) override {
    const Lap lap(times_.programs);
    return ForwardingHost::run(argv);
  }

 private:
  // Adds its own life to a sum.
  class Lap {
   public:
    explicit Lap(std::chrono::nanoseconds& sum) : sum_(sum) {}
    Lap(const Lap&) = delete;
    Lap& operator=(const Lap&) = delete;
    ~Lap() { sum_ += std::chrono::steady_clock::now() - start_; }

   private:
    std::chrono::nanoseconds& sum_;
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  };

  HostTimes times_;
};

}  // namespace assay
