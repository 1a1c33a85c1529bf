// A Host that stops answering when too much was asked: what stands between the probes and a tree
// that lies.
//
// A tree may name a million CPUs, each with a hundred files. No single check sees that, but the sum
// does: beyond the limits every call fails with `exhausted`, and whoever reads ends with what it
// has. The limits count work, not time, so that the same tree always gives the same answer.
// Thread-safe for const calls; changing calls are refused (unsupported): probes only read.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/host.hpp"

namespace assay {

struct WorkLimits {
  // A host with 2,048 CPUs takes some 100,000 calls.
  std::uint64_t calls = 400'000;
  Bytes read{256ULL << 20};
  // Names in one directory; the rest is cut off. /proc with its processes is the longest; no class
  // below /sys has as many devices.
  std::size_t names = 65'536, names_in_sys = 16'384;
};

class BoundedHost final : public Host {
 public:
  // `inner` must outlive this host.
  explicit BoundedHost(const Host& inner, const WorkLimits& limits = {})
      : inner_(inner), limits_(limits) {}

  // In words, what was cut off; "" when nothing was.
  std::string shortfall() const;

  Expected<std::string> read(std::string_view path, Bytes limit = kDefaultReadLimit) const override;
  Expected<std::vector<std::string>> list(std::string_view path) const override;
  Expected<std::string> read_link(std::string_view path) const override;
  Expected<std::string> resolve(std::string_view path) const override;
  Expected<FileStatus> status(std::string_view path) const override;
  Expected<Reply> ask(const Query& query) const override;

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
  // Counts one call. Error: exhausted.
  Expected<void> spend(std::string_view operation, std::string_view path) const;

  const Host& inner_;
  const WorkLimits limits_;
  mutable std::atomic<std::uint64_t> calls_{0}, bytes_{0};
  mutable std::atomic<bool> names_cut_{false};
};

}  // namespace assay
