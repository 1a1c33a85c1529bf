// storage.user-nvme: the drive is taken from the kernel, and this thread is its driver: commands go
// into a queue in our memory, completions are looked for there; no system call, no interrupt.
//
// Each block takes the drive and gives it back, so that the baseline, which needs the kernel's
// driver, can take its turn, and so that the data is checked through the kernel.
#include <fmt/format.h>
#include <unistd.h>

#include <vector>

#include "engine/nvme_controller.hpp"
#include "engine/nvme_drive.hpp"
#include "engine/offsets.hpp"
#include "engine/queue_loop.hpp"
#include "engine/storage_plan.hpp"
#include "engine/storage_rows.hpp"
#include "engine/storage_sync.hpp"

namespace assay::engine {
namespace {

constexpr StorageNeeds kUserNvmeNeeds{.direct_default = true, .direct_required = true};
constexpr std::uint64_t kPage = 4096;
// Bus addresses of the data and of the lists of its pages, above the controller's own memory.
constexpr std::uint64_t kDataAt = 0x2000'0000, kListsAt = 0x8000'0000;
constexpr std::uint64_t kPagesInList = kPage / sizeof(std::uint64_t);

// What the loop drives: the controller's pair of queues.
template <bool kWrite>
class NvmeQueue {
 public:
  NvmeQueue(const StoragePlan& plan, const SlotBuffers& buffers, NvmeController& controller,
            unsigned namespace_id, Mapping& lists, unsigned slots)
      : plan_(plan), buffers_(buffers), pair_(controller.queue()), commands_(slots) {
    const std::uint64_t block_bytes = controller.identity().block_bytes;
    block_bytes_ = block_bytes;
    for (unsigned slot = 0; slot < slots; ++slot) {
      NvmeCommand& command = commands_[slot];
      command.opcode = kWrite ? 0x01 : 0x02;
      command.id = static_cast<std::uint16_t>(slot);
      command.namespace_id = namespace_id;
      command.words[2] = static_cast<std::uint32_t>(plan.unit_bytes / block_bytes) - 1;
      point_to_pages(command, slot, lists);
    }
  }

  void prepare(unsigned slot, std::uint64_t offset) {
    if constexpr (kWrite) stamp(buffers_.span(slot), offset, plan_.generation);
    NvmeCommand& command = commands_[slot];
    const std::uint64_t block = offset / block_bytes_;
    command.words[0] = static_cast<std::uint32_t>(block);
    command.words[1] = static_cast<std::uint32_t>(block >> 32);
    pair_.place(command);
  }

  int submit() {
    pair_.ring();
    return 0;
  }

  template <typename Done>
  int reap(unsigned wanted, Done done) {
    unsigned found = 0;
    unsigned looks = 0;
    std::uint64_t waiting_since = 0;
    while (true) {
      found += pair_.reap([&](std::uint16_t id, std::uint16_t status) {
        done(id, status == 0 ? static_cast<long>(plan_.unit_bytes) : -EIO);
      });
      if (found >= wanted) break;
      spin_pause();
      // A drive that died must not hang the program. The clock is asked once in a while only.
      if (++looks % kLooksBetween == 0 && waited_too_long(waiting_since)) return -ETIMEDOUT;
    }
    polled_ += found;
    return 0;
  }

  std::uint64_t calls() const { return 0; }
  std::uint64_t polled() const { return polled_; }

 private:
  static constexpr unsigned kLooksBetween = 1U << 16;
  static constexpr std::uint64_t kSecondsMost = 10;

  static bool waited_too_long(std::uint64_t& since) {
    const std::uint64_t now = MonotonicTicks::now();
    if (since == 0) since = now;
    return now - since > kSecondsMost * 1'000'000'000;
  }

  // One page, two pages, or the first and a list of the others.
  void point_to_pages(NvmeCommand& command, unsigned slot, Mapping& lists) const {
    const std::uint64_t stride = static_cast<std::uint64_t>(buffers_.at(1) - buffers_.at(0));
    const std::uint64_t first = kDataAt + slot * stride;
    const std::uint64_t pages = (plan_.unit_bytes + kPage - 1) / kPage;
    command.data[0] = first;
    if (pages == 2) command.data[1] = first + kPage;
    if (pages <= 2) return;
    auto* const list = lists.as<std::uint64_t>() + slot * kPagesInList;
    for (std::uint64_t page = 1; page < pages; ++page) list[page - 1] = first + page * kPage;
    command.data[1] = kListsAt + slot * kPage;
  }

  const StoragePlan& plan_;
  const SlotBuffers& buffers_;
  NvmeQueuePair& pair_;
  std::vector<NvmeCommand> commands_;
  std::uint64_t block_bytes_ = 512, polled_ = 0;
};

template <bool kWrite>
class UserNvmeBlock final : public Block {
 public:
  static Made make(const BlockContext& context, const StorageSabotage& sabotage) {
    auto plan = plan_storage(context, kUserNvmeNeeds);
    if (!plan) return Failure(plan.error());
    std::unique_ptr<UserNvmeBlock> block(new UserNvmeBlock(context, *plan, sabotage));
    // Beside those of the timed part, a buffer for each unit that is read again to be checked.
    auto buffers = SlotBuffers::make(*plan, block->slots_in_all(), context.file->seed());
    if (!buffers) return Failure(buffers.error());
    block->buffers_ = std::move(*buffers);
    return block;
  }

  Expected<void> warm_up() override {
    if (sabotage_.kernel_driver) return {};
    auto drive = TakenNvmeDrive::take(*context_.host, *context_.file);
    if (!drive) return Failure(drive.error());
    drive_ = std::move(*drive);
    auto lists = Mapping::anonymous(Bytes{slots_in_all() * kPage});
    if (!lists) return Failure(lists.error());
    lists_ = std::move(*lists);
    auto controller =
        NvmeController::start(drive_->device(), drive_->place().namespace_id, plan_.depth);
    if (!controller) return Failure(controller.error());
    controller_ = std::move(*controller);
    if (auto fits = check_fit(controller_->identity()); !fits) return fits;
    if (auto mapped = drive_->device().map_memory(buffers_.memory(), kDataAt); !mapped) {
      return mapped;
    }
    if (auto mapped = drive_->device().map_memory(lists_.bytes(), kListsAt); !mapped) return mapped;
    queue_.emplace(plan_, buffers_, *controller_, drive_->place().namespace_id, lists_,
                   slots_in_all());
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    if (!queue_) return run_by_kernel(duration, recorder);
    const auto ran = with_ticks(*context_.clock, [&](auto ticks) -> Expected<void> {
      if (plan_.sequential) {
        return loop(ticks, SequentialBlocks(plan_.units, plan_.seed, plan_.first_unit), duration,
                    recorder);
      }
      return loop(ticks, RandomBlocks(plan_.units, plan_.seed, plan_.first_unit), duration,
                  recorder);
    });
    completed_ = recorder.operations;
    return ran;
  }

  Engagement engagement() override {
    if (!queue_) return {false, "the kernel's driver served; no queue of our own"};
    const bool ours = drive_->driver() == kVfioDriver;
    const bool all = submitted_ > 0 && submitted_ == completed_ && queue_->polled() == completed_;
    Engagement proof{ours && all,
                     fmt::format("{} is with {}; {} completions polled from a queue pair of {} "
                                 "entries, no interrupt enabled, no system call",
                                 drive_->place().address, drive_->driver(), queue_->polled(),
                                 controller_->queue().entries())};
    return proof;
  }

  // Reads once more through our queue, gives the drive back, and compares with what the kernel
  // reads.
  Verification verification() override {
    std::vector<std::pair<unsigned, std::uint64_t>> moved;
    for (unsigned slot = 0; slot < slots_.depth(); ++slot) {
      if (slots_.offset(slot) != UringSlots::kUnused) moved.emplace_back(slot, slots_.offset(slot));
    }
    RandomBlocks sample(plan_.units, plan_.seed + 1, plan_.first_unit);
    for (unsigned i = 0; i < kVerifiedUnits && !kWrite && queue_; ++i) {
      const std::uint64_t offset = sample.next() * plan_.unit_bytes;
      if (read_once(plan_.depth + i, offset)) moved.emplace_back(plan_.depth + i, offset);
    }
    if (auto back = give_back(); !back) {
      return {.verified = false, .applies = true, .detail = back.error().message()};
    }
    auto checker = DataChecker::make(plan_, *context_.file);
    if (!checker) return {.verified = false, .applies = true, .detail = checker.error().message()};
    for (const auto& [slot, offset] : moved) {
      if (sabotage_.wrong_data) *buffers_.at(slot) ^= std::byte{1};
      checker->check(buffers_.span(slot), offset);
    }
    return checker->result();
  }

  ~UserNvmeBlock() override { static_cast<void>(give_back()); }

 private:
  UserNvmeBlock(const BlockContext& context, const StoragePlan& plan,
                const StorageSabotage& sabotage)
      : context_(context), plan_(plan), sabotage_(sabotage), slots_(plan.depth) {}

  // At least two: the distance of two buffers tells how they lie.
  unsigned slots_in_all() const { return plan_.depth + kVerifiedUnits; }

  Expected<void> check_fit(const NvmeIdentity& drive) const {
    const auto refuse = [](const std::string& cause, std::string_view advice) {
      return fail(ErrorCode::invalid, "storage.user-nvme", "", cause, advice);
    };
    if (plan_.unit_bytes % drive.block_bytes != 0) {
      return refuse(fmt::format("the namespace has blocks of {} bytes", drive.block_bytes),
                    "choose a --block that is a multiple of it");
    }
    const std::uint64_t listed = kPagesInList * kPage;
    const std::uint64_t most =
        drive.transfer_bytes_max == 0 ? listed : std::min(listed, drive.transfer_bytes_max);
    if (plan_.unit_bytes > most) {
      return refuse(fmt::format("one command moves at most {}", format_bytes(Bytes{most})),
                    "choose a smaller --block");
    }
    return {};
  }

  template <typename Ticks, typename Offsets>
  Expected<void> loop(Ticks, Offsets offsets, Nanoseconds duration, Recorder& recorder) {
    const Clock& clock = *context_.clock;
    QueueLoop<Ticks, NvmeQueue<kWrite>> loop(*queue_, slots_, plan_.batch, plan_.unit_bytes, clock,
                                             recorder);
    Expected<void> ran;
    if (plan_.rate_per_s > 0) {
      const auto per_second = static_cast<double>(clock.ns_to_ticks(1'000'000'000));
      ran = loop.open(offsets, duration,
                      Schedule(per_second / plan_.rate_per_s, plan_.arrival, plan_.seed));
    } else {
      ran = loop.closed(offsets, duration);
    }
    submitted_ = loop.submitted();
    return ran;
  }

  bool read_once(unsigned slot, std::uint64_t offset) {
    long moved = -1;
    queue_->prepare(slot, offset);
    queue_->submit();
    const int failed = queue_->reap(1, [&moved](unsigned, long result) { moved = result; });
    return failed == 0 && moved == static_cast<long>(plan_.unit_bytes);
  }

  // The tests' silent fallback: the drive stays with the kernel.
  Expected<void> run_by_kernel(Nanoseconds duration, Recorder& recorder) {
    auto fd = open_for(context_, plan_, plan_.direct);
    if (!fd) return Failure(fd.error());
    RandomBlocks offsets(plan_.units, plan_.seed, plan_.first_unit);
    const std::uint64_t begun = MonotonicTicks::now();
    std::uint64_t now = begun;
    while (now - begun < static_cast<std::uint64_t>(duration.count())) {
      const auto at = static_cast<off_t>(offsets.next() * plan_.unit_bytes);
      const ssize_t moved = kWrite ? ::pwrite(fd->get(), buffers_.at(0), plan_.unit_bytes, at)
                                   : ::pread(fd->get(), buffers_.at(0), plan_.unit_bytes, at);
      const std::uint64_t done = MonotonicTicks::now();
      recorder.record_service(done, done - now);
      now = done;
      ++recorder.operations;
      if (moved > 0) recorder.bytes += static_cast<std::uint64_t>(moved);
    }
    return {};
  }

  // In this order: the controller stops before the memory that it reaches and the device go.
  Expected<void> give_back() {
    queue_.reset();
    controller_.reset();
    if (!drive_) return {};
    auto given = drive_->give_back();
    drive_.reset();
    return given;
  }

  BlockContext context_;
  StoragePlan plan_;
  StorageSabotage sabotage_;
  UringSlots slots_;
  SlotBuffers buffers_;
  Mapping lists_;  // of pages, one for each slot
  std::unique_ptr<TakenNvmeDrive> drive_;
  std::unique_ptr<NvmeController> controller_;
  std::optional<NvmeQueue<kWrite>> queue_;
  std::uint64_t submitted_ = 0, completed_ = 0;
};

}  // namespace

Made make_user_nvme(const BlockContext& context, const StorageSabotage& sabotage) {
  if (context.parameters->operation == Operation::write) {
    return UserNvmeBlock<true>::make(context, sabotage);
  }
  return UserNvmeBlock<false>::make(context, sabotage);
}

Parameters resolve_user_nvme(const Parameters& parameters) {
  return resolve_storage(parameters, kUserNvmeNeeds);
}

}  // namespace assay::engine
