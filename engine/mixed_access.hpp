// Reads and writes in one loop, a share of each: two Access policies of storage_sync.hpp and a coin
// that is thrown before each operation. Both have their own descriptor and memory. Internal to
// engine/storage_*.cpp.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "engine/storage_sync.hpp"

namespace assay::engine {

// Which operations of a mixed run read: pseudo-random, decided by the seed alone.
class ReadCoin {
 public:
  ReadCoin(unsigned read_share, std::uint64_t seed)
      : share_(read_share), state_(mix64(seed + 77)) {}
  bool next() { return mix64(state_++) % 100 < share_; }

 private:
  std::uint64_t share_, state_;
};

// Whether the share of reads that was seen is the one that was asked for: within one point and
// four standard deviations.
inline Engagement share_held(std::uint64_t reads, std::uint64_t writes, unsigned read_share) {
  const double all = static_cast<double>(reads + writes);
  if (all <= 0) return {false, "no operation"};
  const double wanted = read_share / 100.0, seen = static_cast<double>(reads) / all;
  const double allowed = 0.01 + 4 * std::sqrt(wanted * (1 - wanted) / all);
  return {std::abs(seen - wanted) <= allowed,
          fmt::format("{:.1f} % of {} operations read", seen * 100, reads + writes)};
}

template <typename Reader, typename Writer>
class MixedAccess {
 public:
  using Options = typename Reader::Options;

  static Expected<MixedAccess> open(const BlockContext& context, const StoragePlan& plan,
                                    const Options& options) {
    auto reader = Reader::open(context, plan, options);
    if (!reader) return Failure(reader.error());
    auto writer = Writer::open(context, plan, {options.sabotage});
    if (!writer) return Failure(writer.error());
    return MixedAccess(plan, std::move(*reader), std::move(*writer));
  }

  Expected<void> ready() {
    if (auto done = reader_.ready(); !done) return done;
    return writer_.ready();
  }
  void before_run() {
    reader_.before_run();
    writer_.before_run();
  }
  // From here on it only reads: what follows is verification.
  void after_run() {
    reader_.after_run();
    writer_.after_run();
    over_ = true;
  }

  void prepare(std::uint64_t offset) {
    reads_ = coin_.next();
    ++counts_[reads_ ? 0 : 1];
    if (!reads_) writer_.prepare(offset);
  }
  ssize_t move(std::uint64_t offset) {
    if (over_) reads_ = true;
    return reads_ ? reader_.move(offset) : writer_.move(offset);
  }
  std::span<const std::byte> moved() const { return reads_ ? reader_.moved() : writer_.moved(); }
  std::uint64_t calls_per_unit() const { return reader_.calls_per_unit(); }

  Engagement engagement(std::uint64_t, std::uint64_t, std::uint64_t) const {
    const Engagement share = share_held(counts_[0], counts_[1], plan_->read_share);
    const Engagement reads = part(reader_, counts_[0]), writes = part(writer_, counts_[1]);
    return {share.engaged && reads.engaged && writes.engaged,
            fmt::format("{}; {}; {}", share.evidence, reads.evidence, writes.evidence)};
  }

 private:
  MixedAccess(const StoragePlan& plan, Reader reader, Writer writer)
      : plan_(&plan),
        reader_(std::move(reader)),
        writer_(std::move(writer)),
        coin_(plan.read_share, plan.seed) {}

  // A few operations may by chance hold none of one kind.
  template <typename Access>
  Engagement part(const Access& access, std::uint64_t operations) const {
    if (operations == 0 && counts_[0] + counts_[1] < 1000) return {true, "none of the other kind"};
    return access.engagement(operations, operations * access.calls_per_unit(),
                             operations * plan_->unit_bytes);
  }

  const StoragePlan* plan_;
  Reader reader_;
  Writer writer_;
  ReadCoin coin_;
  bool reads_ = true, over_ = false;
  std::uint64_t counts_[2] = {0, 0};  // reads, writes
};

}  // namespace assay::engine
