#include "engine/storage_plan.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace assay::engine {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kHugePageBytes = 2 << 20;
// Smaller blocks gain nothing, and a whole huge page counts against the limit on locked memory.
constexpr std::uint64_t kHugeFrom = 16 << 10;
// Registered and prefaulted memory of one block: far above any useful depth times block.
constexpr std::uint64_t kBuffersMax = 1ULL << 30;

bool is_memory_device(const std::string& path) {
  return path == "/dev/zero" || path == "/dev/null";
}

std::uint64_t next_generation() {
  static std::atomic<std::uint64_t> generation{0};
  return ++generation;
}

Failure refuse(std::string_view cause, std::string_view advice) {
  return fail(ErrorCode::invalid, "plan storage operations", "", cause, advice);
}

Expected<void> check_direct(const StoragePlan& plan, const StorageNeeds& needs,
                            const Parameters& parameters, const TestFile& file) {
  if (needs.direct_required && !plan.direct) {
    return refuse("this technique is O_DIRECT itself",
                  "leave --no-direct out, or use storage.pread");
  }
  if (!plan.direct) return {};
  if (parameters.regime == Regime::cached) {
    return refuse("O_DIRECT goes past the page cache, so its regime cannot be cached",
                  "choose --no-direct or --regime device");
  }
  const std::uint64_t alignment = file.direct_alignment().count;
  if (plan.block_bytes % alignment != 0) {
    return refuse(
        fmt::format("O_DIRECT needs blocks that are a multiple of {} bytes here", alignment),
        "choose such a --block, or --no-direct");
  }
  return {};
}

Expected<void> check_sizes(const StoragePlan& plan, const TestFile& file) {
  if (plan.units == 0) {
    return refuse(fmt::format("one operation moves {}, the file has {}",
                              format_bytes(Bytes{plan.unit_bytes}), format_bytes(file.size())),
                  "choose a smaller --block or a larger --size");
  }
  // An order of offsets meets a block again only after all others: then no write is still under way
  // where a read goes.
  if (plan.mixed && plan.units < 4ULL * plan.depth) {
    return refuse(
        fmt::format("reads and writes that are mixed need room for {} operations, its part "
                    "of the file has {}",
                    4ULL * plan.depth, plan.units),
        "choose a smaller --depth, --block or --threads, or a larger --size");
  }
  if (plan.unit_bytes * plan.depth > kBuffersMax) {
    return refuse(
        fmt::format("{} operations of {} are more than {} in flight", plan.depth,
                    format_bytes(Bytes{plan.unit_bytes}), format_bytes(Bytes{kBuffersMax})),
        "choose a smaller --depth or --block");
  }
  return {};
}

}  // namespace

Parameters resolve_storage(const Parameters& parameters, const StorageNeeds& needs) {
  Parameters resolved = parameters;
  // The share decides; 0 and 100 are plain writes and reads.
  if (resolved.read_share) {
    resolved.operation = *resolved.read_share == 0 ? Operation::write : Operation::read;
  }
  // One at a time is no choice worth naming in a result.
  if (resolved.batch == 0 && needs.batch_default > 1) resolved.batch = needs.batch_default;
  if (needs.sequential_only) resolved.pattern = Pattern::sequential;
  if (needs.write_only) resolved.operation = Operation::write;
  if (resolved.depth < needs.depth_min) resolved.depth = needs.depth_default;
  if (!resolved.completion) resolved.completion = needs.completion_default;
  if (is_memory_device(resolved.path)) {
    if (!resolved.direct) resolved.direct = false;
    return resolved;
  }
  // Asking for the cached regime is asking for the page cache.
  const bool wants_cache = resolved.regime == Regime::cached && !needs.direct_required;
  if (!resolved.direct) resolved.direct = needs.direct_default && !wants_cache;
  if (!resolved.regime) resolved.regime = *resolved.direct ? Regime::device : Regime::cached;
  return resolved;
}

Expected<StoragePlan> plan_storage(const BlockContext& context, const StorageNeeds& needs) {
  if (context.file == nullptr) return refuse("there is no test file", "give one with --file");
  TestFile& file = *context.file;
  Parameters parameters = resolve_storage(*context.parameters, needs);
  // A link to /dev/zero is found out here only.
  if (file.is_character_device() && !context.parameters->direct) parameters.direct = false;
  StoragePlan plan;
  plan.write = writes(parameters);
  plan.mixed = is_mixed(parameters);
  plan.read_share = plan.mixed ? *parameters.read_share : 100;
  plan.direct = *parameters.direct;
  plan.sequential = parameters.pattern == Pattern::sequential;
  plan.regime = parameters.regime.value_or(Regime::cached);
  plan.block_bytes = parameters.block.count;
  plan.batch = std::max(1U, parameters.batch);
  plan.depth = parameters.depth;
  plan.unit_bytes = plan.block_bytes * (needs.batch_is_record ? plan.batch : 1);
  // Each thread has its own part: what one writes no other reads or writes.
  plan.units = file.size().count / plan.unit_bytes / context.lanes;
  plan.first_unit = plan.units * context.lane;
  plan.lanes = context.lanes;
  plan.completion = parameters.completion.value_or(Completion::block);
  plan.rate_per_s = parameters.rate_per_s;
  plan.arrival = parameters.arrival;
  plan.seed = mix64(mix64(context.index + 0x5e0ULL) + context.lane);
  plan.generation = next_generation();
  if (auto fine = check_direct(plan, needs, parameters, file); !fine) return Failure(fine.error());
  if (auto fine = check_sizes(plan, file); !fine) return Failure(fine.error());
  if (plan.mixed && (plan.unit_bytes % kSectorBytes != 0 || file.is_character_device())) {
    return refuse("reads and writes that are mixed are told apart by sectors of 4096 bytes",
                  "choose a --block that is a multiple of 4KiB, and a file or drive");
  }
  if (plan.write && !file.writable()) {
    return refuse("the file was opened for reading", "prepare it for writing");
  }
  const bool whole_sectors = plan.unit_bytes % kSectorBytes == 0;
  if (plan.write && !whole_sectors) file.note_partial_writes();
  return plan;
}

Expected<void> RegimeKeeper::prepare() {
  if (file_.is_character_device()) return {};
  if (plan_.regime == Regime::cached) {
    auto warmed = file_.warm();
    if (warmed) locked_ = file_.lock_pages();
    return warmed;
  }
  const auto evicted = file_.evict();
  const auto pages = file_.cached_pages();
  if (!pages) return Failure(pages.error());
  pages_before_ = *pages;
  // A mounted drive's own metadata cannot be evicted from under its filesystem. O_DIRECT goes to
  // the drive all the same; that the cache does not grow is checked afterwards.
  if (!evicted && plan_.direct && file_.is_block_device()) return {};
  return evicted;
}

Engagement RegimeKeeper::check(std::uint64_t operations) const {
  if (file_.is_character_device()) return {true, "no page cache: " + file_.description()};
  const auto pages = file_.cached_pages();
  if (!pages) return {false, pages.error().message()};
  const std::uint64_t total = file_.total_pages();
  if (plan_.regime == Regime::cached) {
    // The kernel may take a cold page back at any time: one in a thousand moves no percentile below
    // the p99.9.
    const bool held = *pages + total / 1000 >= total;
    return {held, fmt::format("{} of {} pages in the page cache{}", *pages, total,
                              locked_ ? ", locked" : "")};
  }
  if (plan_.direct) {
    // On a drive in use others may bring pages in; ours would be one or more for each operation.
    const std::uint64_t grown = *pages > pages_before_ ? *pages - pages_before_ : 0;
    std::uint64_t allowed = file_.is_block_device() ? operations / 10 : 0;
    // Threads that were asked before this one have verified their data through the cache.
    const std::uint64_t unit_pages = (plan_.unit_bytes + kPageBytes - 1) / kPageBytes;
    allowed += (plan_.lanes - 1ULL) * (kVerifiedUnits + plan_.depth) * unit_pages;
    return {grown <= allowed, fmt::format("page cache grew by {} of {} pages", grown, total)};
  }
  // Buffered from the drive: true as long as no block is met twice.
  const bool once = operations <= plan_.units;
  return {once, fmt::format("page cache filled from the drive: {} of {} pages{}", *pages, total,
                            once ? ""
                                 : "; the file is too small: blocks were met again in the "
                                   "cache, choose a larger --size")};
}

Expected<SlotBuffers> SlotBuffers::make(const StoragePlan& plan, unsigned slots,
                                        std::uint64_t seed) {
  SlotBuffers buffers;
  buffers.unit_bytes_ = plan.unit_bytes;
  buffers.stride_ = (plan.unit_bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  const Bytes size{buffers.stride_ * slots};
  const bool huge = buffers.stride_ >= kHugeFrom || size.count >= kHugePageBytes;
  auto memory =
      PageMapping::map({.size = size, .pages = huge ? PageKind::advised : PageKind::base});
  if (!memory) return Failure(memory.error());
  buffers.memory_.emplace(std::move(*memory));
  std::ranges::fill(buffers.memory(), std::byte{0});  // every page is there from now on
  // Best effort: memory that is touched all the time is not what the kernel reclaims first.
  ::mlock(buffers.memory().data(), size.count);
  if (plan.write) {
    for (unsigned slot = 0; slot < slots; ++slot) {
      fill_sectors(buffers.span(slot), slot * plan.unit_bytes, seed, plan.generation);
    }
  }
  return buffers;
}

Bytes SlotBuffers::on_huge_pages(const Host& host) const {
  const auto usage = memory_->usage(host);
  return usage ? std::min(usage->transparent, memory_->size()) : Bytes{0};
}

Expected<DataChecker> DataChecker::make(const StoragePlan& plan, TestFile& file) {
  DataChecker checker(plan, file);
  if (file.kind() == FileKindUsed::zero_device) {
    checker.result_.applies = true;
    return checker;
  }
  // Somebody else's drive may change between two reads; what /dev/null took is gone.
  const bool foreign_drive = file.is_block_device() && !plan.write && !file.is_idle_drive();
  if (foreign_drive || file.kind() == FileKindUsed::null_device) {
    checker.result_.detail = "not checked: " + file.description();
    return checker;
  }
  // A drive is asked past the page cache, which knows nothing of commands passed through.
  auto fd = file.open(false, plan.direct && file.is_block_device());
  if (!fd) return Failure(fd.error());
  checker.fd_ = std::move(*fd);
  // Reading ahead would bring in pages that RegimeKeeper::check() of the next thread counts.
  ::posix_fadvise(checker.fd_.get(), 0, 0, POSIX_FADV_RANDOM);
  auto memory = Mapping::anonymous(Bytes{plan.unit_bytes});
  if (!memory) return Failure(memory.error());
  checker.memory_ = std::move(*memory);
  checker.result_.applies = true;
  return checker;
}

void DataChecker::wrong(std::uint64_t offset, std::string_view what) {
  if (!result_.verified) return;  // the first one is told
  result_.verified = false;
  result_.detail = fmt::format("offset {}: {}", offset, what);
}

// What was read may have been overwritten since, by this block: then that must stand there, whole.
void DataChecker::check_mixed(std::span<const std::byte> data, std::uint64_t offset, bool same) {
  const auto ours = [this](std::span<const std::byte> unit) {
    const auto header = read_header(unit.first(kSectorBytes));
    return header && header->generation == plan_->generation;
  };
  const bool ours_there = ours(there());
  if (ours(data) && !ours_there) return wrong(offset, "what was written is not there");
  if (!same && !ours_there) return wrong(offset, "differs from pread");
  for (const std::span<const std::byte> unit : {data, std::span<const std::byte>(there())}) {
    if (!file_->checksummed() && !ours(unit)) continue;
    if (auto good = verify_sectors(unit, offset, file_->seed()); !good) {
      return wrong(offset, good.error().cause);
    }
  }
}

void DataChecker::check(std::span<const std::byte> data, std::uint64_t offset) {
  if (!result_.applies) return;
  ++result_.checked;
  if (file_->kind() == FileKindUsed::zero_device) {
    const bool zero = std::ranges::all_of(data, [](std::byte b) { return b == std::byte{0}; });
    if (!zero) wrong(offset, "not zero");
    return;
  }
  const ssize_t got =
      ::pread(fd_.get(), there().data(), there().size(), static_cast<off_t>(offset));
  if (got != static_cast<ssize_t>(plan_->unit_bytes)) {
    return wrong(offset, got < 0 ? std::strerror(errno) : "the file ends here");
  }
  const bool same = std::memcmp(data.data(), there().data(), there().size()) == 0;
  if (plan_->mixed) return check_mixed(data, offset, same);
  const bool sectors = plan_->unit_bytes % kSectorBytes == 0;
  if (sectors && (plan_->write || file_->checksummed())) {
    if (auto good = verify_sectors(there(), offset, file_->seed()); !good) {
      return wrong(offset, good.error().cause);
    }
    // Two writes of one block may meet at one place; then the later one's sectors stand there.
    const auto header = read_header(there().first(kSectorBytes));
    if (plan_->write && (!header || header->generation != plan_->generation)) {
      return wrong(offset, "what was written is not there");
    }
    if (plan_->write) return;
  }
  if (!same) wrong(offset, plan_->write ? "what was written is not there" : "differs from pread");
}

}  // namespace assay::engine
