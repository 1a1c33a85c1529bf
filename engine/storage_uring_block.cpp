#include "engine/storage_uring_block.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>

#include "engine/drive_queue.hpp"
#include "engine/offsets.hpp"
#include "engine/storage_sync.hpp"
#include "engine/storage_uring_ops.hpp"
#include "engine/storage_uring_state.hpp"
#include "engine/uring_loop.hpp"

namespace assay::engine {
namespace {

template <typename Op>
class UringBlock final : public Block {
 public:
  explicit UringBlock(std::unique_ptr<UringState> state) : state_(std::move(state)), op_(*state_) {}

  Expected<void> warm_up() override {
    if (auto prepared = state_->regime.prepare(); !prepared) return prepared;
    if (state_->features.iopoll || state_->features.passthrough) {
      if (auto tried = try_first(); !tried) return tried;
    }
    note_before(*state_);
    if (state_->features.sqpoll) wake_poller();
    return {};
  }

  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    const StoragePlan& plan = state_->plan;
    const auto ran = with_ticks(*state_->context.clock, [&](auto ticks) -> Expected<void> {
      if (plan.sequential) {
        return loop(ticks, SequentialBlocks(plan.units, plan.seed, plan.first_unit), duration,
                    recorder);
      }
      return loop(ticks, RandomBlocks(plan.units, plan.seed, plan.first_unit), duration, recorder);
    });
    state_->completed = recorder.operations;
    state_->enters = recorder.enters;
    state_->errors = recorder.errors;
    if constexpr (requires { op_.only_read(); }) op_.only_read();
    return ran;
  }

  Engagement engagement() override {
    note_after(*state_);
    Engagement proof = state_->regime.check(state_->completed);
    // Between the two: checking reads the file, and proofs take the registrations away.
    verification_ = verify();
    if constexpr (entries_of<Op>() == 2) state_->links.failure_cancels = failure_cancels();
    if constexpr (Op::kFlows == Flow::mixed) {
      const Engagement share = op_.share(state_->plan.read_share);
      proof.engaged = proof.engaged && share.engaged;
      proof.evidence = share.evidence + "; " + proof.evidence;
    }
    prove_features(*state_, proof);
    return proof;
  }

  Verification verification() override { return verification_; }

 private:
  template <typename Ticks, typename Offsets>
  Expected<void> loop(Ticks, Offsets offsets, Nanoseconds duration, Recorder& recorder) {
    const StoragePlan& plan = state_->plan;
    const Clock& clock = *state_->context.clock;
    const unsigned batch = state_->sabotage.one_call_each ? 1 : plan.batch;
    UringLoop<Ticks, Op> loop(*state_->ring, op_, state_->slots, batch, clock, recorder,
                              plan.completion);
    Expected<void> ran;
    if (plan.rate_per_s > 0) {
      const auto per_second = static_cast<double>(clock.ns_to_ticks(1'000'000'000));
      ran = loop.open(offsets, duration,
                      Schedule(per_second / plan.rate_per_s, plan.arrival, plan.seed));
    } else {
      ran = loop.closed(offsets, duration);
    }
    state_->submitted = loop.submitted();
    state_->handed_over = loop.handed_over();
    return ran;
  }

  // What the timed part left in the buffers, and for reads some units more.
  Verification verify() {
    auto checker = DataChecker::make(state_->plan, *state_->context.file);
    if (!checker) return {.verified = false, .applies = true, .detail = checker.error().message()};
    UringSlots& slots = state_->slots;
    for (unsigned slot = 0; slot < slots.depth(); ++slot) {
      if (slots.offset(slot) == UringSlots::kUnused) continue;
      if (state_->sabotage.wrong_data) *state_->buffers.at(slot) ^= std::byte{1};
      checker->check(state_->buffers.span(slot), slots.offset(slot));
    }
    RandomBlocks sample(state_->plan.units, state_->plan.seed + 1, state_->plan.first_unit);
    const bool idle = slots.in_flight() == 0;
    for (unsigned i = 0; i < kVerifiedUnits && Op::kFlows != Flow::write && idle; ++i) {
      const std::uint64_t offset = sample.next() * state_->plan.unit_bytes;
      if (read_once(offset)) checker->check(state_->buffers.span(0), offset);
    }
    return checker->result();
  }

  bool read_once(std::uint64_t offset) {
    return move_once(offset) == static_cast<int>(state_->plan.unit_bytes);
  }

  // One operation, waited for: bytes moved, or -errno.
  int move_once(std::uint64_t offset) {
    Ring& ring = *state_->ring;
    op_.prepare(ring.next_entry(), 0, offset);
    io_uring_cqe* cqe = nullptr;
    if (const int entered = ring.submit_and_wait(1); entered < 0) return entered;
    if (const int peeked = io_uring_peek_cqe(ring.get(), &cqe); peeked != 0) return peeked;
    int result = cqe->res;
    io_uring_cqe_seen(ring.get(), cqe);
    if constexpr (has_finish<Op>) result = op_.finish(0, 0, result);
    return result;
  }

  // It has gone to sleep while the page cache was brought about.
  void wake_poller() {
    Ring& ring = *state_->ring;
    io_uring_prep_nop(ring.next_entry());
    io_uring_cqe* cqe = nullptr;
    if (ring.submit_and_wait(1) < 0 || io_uring_peek_cqe(ring.get(), &cqe) != 0) return;
    io_uring_cqe_seen(ring.get(), cqe);
  }

  // Whether this drive polls, or takes a command, is known for sure only once it has. Reading
  // alters nothing; what becomes of a write, the first timed one tells.
  Expected<void> try_first() {
    if (Op::kFlows != Flow::read) return {};
    const int moved = move_once(0);
    if (moved >= 0) return {};
    const bool polls = moved == -EOPNOTSUPP && state_->features.iopoll;
    return fail_errno(-moved, fmt::format("read with {}", state_->ring->description()),
                      state_->context.file->description(),
                      polls ? "its queue has no poll queues; an NVMe drive has them after "
                              "modprobe nvme poll_queues=2"
                            : "choose a smaller --block, or another drive");
  }

  // A write that fails and a linked fsync: is the second one run all the same?
  bool failure_cancels() {
    Ring& ring = *state_->ring;
    if constexpr (entries_of<Op>() == 2) op_.prepare_failing(ring.next_entry());
    io_uring_sqe* sqe = ring.next_entry();
    io_uring_prep_fsync(sqe, state_->fd.get(), IORING_FSYNC_DATASYNC);
    sqe->user_data = 1;
    bool cancelled = false;
    for (unsigned seen = 0; seen < 2; ++seen) {
      io_uring_cqe* cqe = nullptr;
      if (ring.submit_and_wait(1) < 0 || io_uring_peek_cqe(ring.get(), &cqe) != 0) return false;
      cancelled = cancelled || cqe->res == -ECANCELED;
      io_uring_cqe_seen(ring.get(), cqe);
    }
    return cancelled;
  }

  std::unique_ptr<UringState> state_;
  Op op_;
  Verification verification_;
};

RingOptions ring_options(const UringState& state) {
  const unsigned per_operation = state.features.linked ? 2 : 1;
  RingOptions options{.entries = state.plan.depth * per_operation,
                      .task_run = TaskRun::interrupting};
  options.register_ring = false;
  options.exact = true;
  if (state.sabotage.plain_ring) return options;
  const UringFeatures& features = state.features;
  options.exact = !features.best_effort;
  options.task_run = features.task_run;
  options.register_ring = features.registered_ring;
  options.no_array = features.no_array;
  options.big_entries = features.passthrough;
  options.poller = features.sqpoll;
  // Beside the measuring thread where it was given a CPU for that.
  if (const auto own = state.context.cpus.first()) {
    options.poller_cpu = state.context.cpus.next(*own);
  }
  if (features.iopoll) {
    options.polling =
        state.plan.completion == Completion::hybrid ? DevicePolling::hybrid : DevicePolling::busy;
  }
  return options;
}

Expected<void> check_features(const UringFeatures& features, const StoragePlan& plan) {
  const auto refuse = [](std::string_view cause, std::string_view advice) {
    return fail(ErrorCode::invalid, "io_uring features", "", cause, advice);
  };
  if (features.linked && !plan.write) {
    return refuse("a write and its fsync are linked, so it cannot read", "give --op write");
  }
  const bool others = features.fixed_buffers || features.fixed_file || features.iopoll;
  if (features.linked && (others || features.passthrough)) {
    return refuse("linked pairs are written with nothing registered and no polling of the drive",
                  "leave the other features out");
  }
  if (features.passthrough && (!features.fixed_buffers || features.fixed_file)) {
    return refuse("commands are passed through on registered memory and a plain descriptor",
                  "turn fixed-buffers on and fixed-files off");
  }
  if (plan.mixed && (features.linked || features.passthrough)) {
    return refuse("these operations are not mixed", "leave --read-share out");
  }
  if (features.iopoll && !plan.direct) {
    return refuse("IOPOLL asks the drive, so it needs O_DIRECT", "leave --no-direct out");
  }
  if (features.iopoll && !features.sqpoll && plan.completion == Completion::block) {
    return refuse("a ring that polls the drive cannot sleep until it is interrupted",
                  "choose --completion poll or hybrid");
  }
  return {};
}

// The namespace behind the block device that the test file is.
Expected<NvmeTarget> find_target(const UringState& state) {
  const Host& host = *state.context.host;
  const TestFile& file = *state.context.file;
  const auto queue = drive_queue(host, file.device());
  NvmeTarget target;
  if (queue && file.is_block_device()) target.path = generic_device_of(queue->name);
  if (target.path.empty()) {
    return fail(ErrorCode::unsupported, "storage.uring.passthrough", file.description(),
                "only a whole NVMe namespace takes NVMe commands",
                "name one with --file, such as /dev/nvme0n1");
  }
  const auto id = host.read_uint(queue->directory + "/nsid");
  if (!id) return Failure(id.error());
  target.namespace_id = static_cast<unsigned>(*id);
  target.block_bytes = queue->logical_block_bytes.value_or(target.block_bytes);
  if (state.plan.unit_bytes % target.block_bytes != 0) {
    return fail(ErrorCode::invalid, "storage.uring.passthrough", file.description(),
                fmt::format("the namespace has blocks of {} bytes", target.block_bytes),
                "choose a --block that is a multiple of it");
  }
  return target;
}

Expected<UniqueFd> open_target(UringState& state) {
  if (!state.features.passthrough || state.sabotage.plain_ring) {
    return open_for(state.context, state.plan, state.plan.direct);
  }
  auto target = find_target(state);
  if (!target) return Failure(target.error());
  state.target = std::move(*target);
  return UniqueFd::open(state.target.path, state.plan.write ? O_RDWR : O_RDONLY);
}

Expected<void> set_up(UringState& state) {
  const StoragePlan& plan = state.plan;
  if (auto fine = check_features(state.features, plan); !fine) return fine;
  auto fd = open_target(state);
  if (!fd) return Failure(fd.error());
  state.fd = std::move(*fd);
  auto buffers = SlotBuffers::make(plan, plan.depth, state.context.file->seed());
  if (!buffers) return Failure(buffers.error());
  state.buffers = std::move(*buffers);
  // Damaged before it is written, where no stamp covers it: what stands in the file is wrong then.
  for (unsigned slot = 0; slot < plan.depth && plan.write && state.sabotage.wrong_data; ++slot) {
    state.buffers.at(slot)[sizeof(SectorHeader)] ^= std::byte{1};
  }
  auto ring = Ring::create(*state.context.host, ring_options(state));
  if (!ring) return Failure(ring.error());
  state.ring.emplace(std::move(*ring));
  if (state.features.fixed_buffers && !state.sabotage.plain_buffers) {
    const iovec all{state.buffers.memory().data(), state.buffers.memory().size()};
    if (auto registered = state.ring->register_buffers({&all, 1}); !registered) return registered;
  }
  if (state.features.fixed_file && !state.sabotage.plain_files) {
    if (auto registered = state.ring->register_file(state.fd); !registered) return registered;
    // Closed: if the kernel did not use the table, every operation would now fail.
    const int number = state.fd.get();
    state.fd.reset();
    state.descriptor_closed = ::fcntl(number, F_GETFD) < 0 && errno == EBADF;
  }
  return {};
}

using Chosen = std::unique_ptr<Block>;

template <typename Op>
Chosen block_of(std::unique_ptr<UringState> state) {
  return std::make_unique<UringBlock<Op>>(std::move(state));
}

// Each combination has a loop of its own: nothing is decided per operation.
template <Flow kFlow>
Chosen choose(std::unique_ptr<UringState> state) {
  const bool buffers = state->features.fixed_buffers && !state->sabotage.plain_buffers;
  const bool file = state->features.fixed_file && !state->sabotage.plain_files;
  if (buffers && file) return block_of<FileOp<kFlow, true, true>>(std::move(state));
  if (buffers) return block_of<FileOp<kFlow, true, false>>(std::move(state));
  if (file) return block_of<FileOp<kFlow, false, true>>(std::move(state));
  return block_of<FileOp<kFlow, false, false>>(std::move(state));
}

}  // namespace

Made make_uring_block(const BlockContext& context, const StorageNeeds& needs,
                      const UringFeatures& features, const StorageSabotage& sabotage) {
  auto plan = plan_storage(context, needs);
  if (!plan) return Failure(plan.error());
  auto state = std::make_unique<UringState>(context, *plan, features, sabotage);
  if (auto done = set_up(*state); !done) return Failure(done.error());
  if (features.linked) return block_of<LinkedOp>(std::move(state));
  if (features.passthrough && !sabotage.plain_ring) {
    return plan->write ? block_of<CommandOp<true>>(std::move(state))
                       : block_of<CommandOp<false>>(std::move(state));
  }
  if (plan->mixed) return choose<Flow::mixed>(std::move(state));
  return plan->write ? choose<Flow::write>(std::move(state)) : choose<Flow::read>(std::move(state));
}

}  // namespace assay::engine
