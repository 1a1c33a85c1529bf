// A Host that fails, or kills the process, at the n-th write: for tests of whatever changes hosts.
//
// A test first runs its change over a FaultyHost without a plan and asks writes() how many changes
// it makes; then it runs it again for every n up to that, with each mode, and checks that what is
// left can be undone. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>

#include "core/host.hpp"

namespace assay {

// What happens at the chosen write.
enum class FaultMode : std::uint8_t {
  fail_before,  // the write is not made; the error is returned
  fail_after,   // the write is made; the error is returned all the same
  die_before,   // the write is not made; on_death is called
  die_after,    // the write is made; on_death is called
};

struct FaultPlan {
  std::uint64_t at_write = 0;  // 1 = the first mutating call; 0 = never
  FaultMode mode = FaultMode::fail_before;
  int sys_errno = 5;  // what fail_before and fail_after answer; Default: EIO
  // Default: _exit(137), as kill -9 would. A test may throw instead; one that returns is followed
  // by the _exit all the same, for a dead process makes no further call.
  std::function<void()> on_death;
};

// Decorates `inner`, which must outlive it. Reads pass through; every mutating call is counted.
class FaultyHost final : public Host {
 public:
  FaultyHost(Host& inner, FaultPlan plan) : inner_(inner), plan_(std::move(plan)) {}
  // How many mutating calls were made, those included that failed.
  std::uint64_t writes() const { return writes_; }

  // Reads are handed on as they are, and never fail on purpose.
  Expected<std::string> read(std::string_view path, Bytes limit) const override;
  Expected<std::vector<std::string>> list(std::string_view path) const override;
  Expected<std::string> read_link(std::string_view path) const override;
  Expected<std::string> resolve(std::string_view path) const override;
  Expected<FileStatus> status(std::string_view path) const override;
  Expected<Reply> ask(const Query& query) const override;
  // Each of the following counts as one write, run() included.
  Expected<void> write(std::string_view path, std::string_view content) override;
  Expected<void> replace_file(std::string_view path, std::string_view content,
                              std::uint32_t mode) override;
  Expected<void> remove_file(std::string_view path) override;
  Expected<void> make_directory(std::string_view path, std::uint32_t mode) override;
  Expected<void> change(const Query& request, const Reply& values) override;
  Expected<RunResult> run(const std::vector<std::string>& argv) override;
  bool is_this_system() const override { return inner_.is_this_system(); }
  std::string root() const override { return inner_.root(); }

 private:
  // Counts one mutating call, and runs it with the planned fault around it.
  template <typename Call>
  auto mutate(std::string_view operation, std::string_view path, Call call) -> decltype(call());

  Host& inner_;
  FaultPlan plan_;
  std::uint64_t writes_ = 0;
};

}  // namespace assay
