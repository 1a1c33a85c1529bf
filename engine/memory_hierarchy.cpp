#include <fmt/format.h>

#include <algorithm>

#include "engine/memory_blocks.hpp"
#include "engine/peer_thread.hpp"
#include "engine/scheduling.hpp"

namespace assay::engine {
namespace {

constexpr double kNeighbourShareMax = 0.05;
constexpr std::size_t kProofSteps = 4096;
// Memory may be too scattered for the last few.
constexpr double kTransparentShareMin = 0.95;
constexpr unsigned kColdWarmUpLoads = 64;  // brings the code in, not the data

class ChaseBlock final : public Block {
 public:
  ChaseBlock(const BlockContext& context, ChaseBuffer buffer, const ChaseOptions& options,
             MemoryFault fault)
      : context_(context),
        buffer_(std::move(buffer)),
        options_(options),
        fault_(fault),
        per_sample_(options.loads_per_sample),
        at_(buffer_.position(0)) {}

  Expected<void> warm_up() override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    if (options_.cold) {
      follow(kColdWarmUpLoads);
      return {};
    }
    // One round brings every line in, and proves that the cycle goes through all of them.
    follow(static_cast<unsigned>(buffer_.lines()));
    closed_ = at_ == buffer_.position(0);
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    auto pin = ScopedAffinity::pin(measuring_cpu(context_.cpus));
    if (!pin) return std::unexpected(pin.error());
    with_ticks(*context_.clock, [&]<typename Ticks>(Ticks) { loop<Ticks>(duration, recorder); });
    if (fault_ == MemoryFault::lost_place) at_ = chase(at_, 1);
    return {};
  }

  Engagement engagement() override {
    const bool in_place = at_ == buffer_.position(loads_);
    const std::size_t steps = std::min(kProofSteps, buffer_.lines());
    const double guessable = buffer_.neighbour_share(at_, steps);
    std::string pages, where;
    const bool of_kind = pages_as_asked(pages);
    const bool on_node = placed(where);
    return {
        loads_ > 0 && in_place && closed_ && of_kind && on_node && guessable <= kNeighbourShareMax,
        fmt::format("{} walked line by line, {}; {} dependent loads {}; {:.1f} % of steps go "
                    "to neighbouring lines{}",
                    format_bytes(buffer_.size()), pages, loads_,
                    in_place && closed_ ? "ended where they must" : "lost their place",
                    100 * guessable, where)};
  }

 private:
  void follow(unsigned loads) {
    at_ = chase(at_, loads);
    loads_ += loads;
  }

  // Translation is part of a load's cost, and how large depends on the pages.
  bool pages_as_asked(std::string& words) const {
    const auto usage = buffer_.mapping().usage(*context_.host);
    if (!usage) {
      words = "page size unknown";
      return options_.pages == PageKind::advised;
    }
    const Bytes size = buffer_.size();
    const Bytes reserved = huge_page_size(options_.pages);
    if (reserved.count != 0) {
      words = fmt::format("{} in pages of {} (smaps)", format_bytes(usage->huge),
                          format_bytes(usage->kernel_page));
      return usage->kernel_page == reserved && usage->huge >= size;
    }
    words = fmt::format("{} of it in huge pages", format_bytes(std::min(usage->transparent, size)));
    if (options_.pages == PageKind::advised) return true;
    words += fmt::format(", the others of {} (smaps)", format_bytes(usage->kernel_page));
    if (options_.pages == PageKind::transparent) {
      return static_cast<double>(usage->transparent.count) >=
             kTransparentShareMin * static_cast<double>(size.count);
    }
    return usage->transparent.count == 0 && usage->kernel_page == base_page_size();
  }

  // Whether the pages lie where they should; every page is asked for.
  bool placed(std::string& words) const {
    if (!options_.node) return true;
    const NodeId claimed{options_.node->value + (fault_ == MemoryFault::other_node ? 1U : 0U)};
    const auto pages = buffer_.mapping().pages_on(claimed);
    if (!pages) {
      words = "; " + pages.error().message();
      return false;
    }
    words = fmt::format("; {} of {} pages on node {}", pages->on_node, pages->asked, claimed.value);
    return pages->on_node == pages->asked;
  }

  template <typename Ticks>
  void loop(Nanoseconds duration, Recorder& recorder) {
    const TickScale scale = context_.clock->scale();
    const std::uint64_t length = static_cast<std::uint64_t>(duration.count());
    const std::uint64_t deadline = Ticks::now() + context_.clock->ns_to_ticks(length);
    const void* at = at_;
    while (true) {
      const std::uint64_t start = Ticks::now();
      if (start >= deadline) break;
      at = chase(at, per_sample_);
      // The end stamp must not be taken before the last load has come back.
      asm volatile("" : "+r"(at)::"memory");
      const std::uint64_t end = Ticks::now();
      recorder.operations += per_sample_;
      recorder.record_service(scale.to_ns(end), scale.to_ns(end - start));
      loads_ += per_sample_;
    }
    at_ = at;
  }

  const BlockContext context_;
  const ChaseBuffer buffer_;
  const ChaseOptions options_;
  const MemoryFault fault_;
  const unsigned per_sample_;
  const void* at_;
  std::uint64_t loads_ = 0;
  bool closed_ = true;  // the walk came back to its start after all lines
};

}  // namespace

Expected<std::unique_ptr<Block>> make_chase_block(const BlockContext& context,
                                                  const ChaseOptions& options, MemoryFault fault) {
  ChaseOptions wanted = options;
  wanted.seed = context.index;
  wanted.sequential = fault == MemoryFault::guessable_order;
  ChaseOptions mapped = wanted;
  if (fault == MemoryFault::other_pages) {
    mapped.pages = wanted.pages == PageKind::base ? PageKind::transparent : PageKind::base;
  }
  // First touch decides the node where no binding does: it must be this block's CPU.
  auto pin = ScopedAffinity::pin(measuring_cpu(context.cpus));
  if (!pin) return std::unexpected(pin.error());
  auto buffer = ChaseBuffer::build(mapped);
  if (!buffer) return std::unexpected(buffer.error());
  return std::make_unique<ChaseBlock>(context, std::move(*buffer), wanted, fault);
}

Expected<std::unique_ptr<Block>> make_memory_block(const BlockContext& context, MemoryFault fault) {
  const std::string& variant = context.parameters->variant;
  if (variant == "syscall") return make_syscall_block(context, fault);
  if (variant == "context-switch") return make_switch_block(context, fault);
  if (is_borrowed_variant(variant)) return make_borrowed_block(context);
  const CpuId cpu{context.cpus.first().value_or(0)};
  auto options = chase_for(*context.inventory, cpu, variant);
  if (!options) return std::unexpected(options.error());
  return make_chase_block(context, *options, fault);
}

}  // namespace assay::engine
