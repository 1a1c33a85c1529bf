#include "engine/storage_uring_block.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>

#include "engine/drive_queue.hpp"
#include "engine/mixed_access.hpp"
#include "engine/offsets.hpp"
#include "engine/own_threads.hpp"
#include "engine/storage_sync.hpp"
#include "engine/uring_abi.hpp"
#include "engine/uring_loop.hpp"

namespace assay::engine {
namespace {

enum class Flow : std::uint8_t { read, write, mixed };

// Reads or writes one unit of the file, or, mixed, throws a coin for each; see uring_loop.hpp for
// what the loop wants of it.
template <Flow kFlow, bool kFixedBuffers, bool kFixedFile>
class FileOp {
 public:
  static constexpr int kRead = kFixedBuffers ? IORING_OP_READ_FIXED : IORING_OP_READ;
  static constexpr int kWrite = kFixedBuffers ? IORING_OP_WRITE_FIXED : IORING_OP_WRITE;

  FileOp(const StoragePlan& plan, const SlotBuffers& buffers, int descriptor)
      : buffers_(buffers),
        unit_bytes_(plan.unit_bytes),
        generation_(plan.generation),
        descriptor_(kFixedFile ? 0 : descriptor),
        coin_(plan.read_share, plan.seed) {}

  std::uint64_t unit_bytes() const { return unit_bytes_; }

  void prepare(io_uring_sqe* sqe, unsigned slot, std::uint64_t offset) {
    const bool reads = reads_next();
    if (!reads) stamp(buffers_.span(slot), offset, generation_);
    io_uring_prep_rw(reads ? kRead : kWrite, sqe, descriptor_, buffers_.at(slot),
                     static_cast<unsigned>(unit_bytes_), offset);
    sqe->buf_index = 0;
    if constexpr (kFixedFile) sqe->flags |= IOSQE_FIXED_FILE;
  }

  // From here on it only reads: what follows is verification.
  void only_read() { over_ = true; }
  // Mixed: how many of each were prepared.
  Engagement share(unsigned read_share) const { return share_held(reads_, writes_, read_share); }

 private:
  bool reads_next() {
    if constexpr (kFlow != Flow::mixed) return kFlow == Flow::read;
    if (over_) return true;
    const bool reads = coin_.next();
    ++(reads ? reads_ : writes_);
    return reads;
  }

  const SlotBuffers& buffers_;
  std::uint64_t unit_bytes_, generation_;
  int descriptor_;
  ReadCoin coin_;
  bool over_ = false;
  std::uint64_t reads_ = 0, writes_ = 0;
};

// What a block holds, in the order in which it must go: the ring first, then what it works on.
struct UringState {
  UringState(const BlockContext& block_context, const StoragePlan& storage_plan,
             const UringFeatures& uring_features, const StorageSabotage& uring_sabotage)
      : context(block_context),
        plan(storage_plan),
        features(uring_features),
        sabotage(uring_sabotage),
        regime(plan, *block_context.file),
        slots(storage_plan.depth) {}

  BlockContext context;
  StoragePlan plan;
  UringFeatures features;
  StorageSabotage sabotage;
  RegimeKeeper regime;
  UringSlots slots;
  SlotBuffers buffers;
  UniqueFd fd;
  std::optional<Ring> ring;
  bool descriptor_closed = false;
  std::vector<OwnThread> threads;  // before the timed part
  HelperWork poller;
  std::uint64_t interrupts = 0;  // of the drive: before, then during the timed part
  std::uint64_t submitted = 0, completed = 0, enters = 0, errors = 0;
};

template <Flow kFlow, bool kFixedBuffers, bool kFixedFile>
class UringBlock final : public Block {
 public:
  using Op = FileOp<kFlow, kFixedBuffers, kFixedFile>;

  explicit UringBlock(std::unique_ptr<UringState> state)
      : state_(std::move(state)), op_(state_->plan, state_->buffers, state_->fd.get()) {}

  Expected<void> warm_up() override {
    if (auto prepared = state_->regime.prepare(); !prepared) return prepared;
    if (state_->features.iopoll) {
      if (auto tried = try_polling(); !tried) return tried;
    }
    note_before();
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
    op_.only_read();
    return ran;
  }

  Engagement engagement() override {
    note_after();
    Engagement proof = state_->regime.check(state_->completed);
    // Between the two: checking reads the file, and the proofs below take the registrations away.
    verification_ = verify();
    add(proof, state_->submitted > 0 && state_->submitted == state_->completed,
        fmt::format("{} submitted, {} completed, {}", state_->submitted, state_->completed,
                    state_->ring->description()));
    prove_setup(proof);
    if (kFlow == Flow::mixed) {
      const Engagement share = op_.share(state_->plan.read_share);
      add(proof, share.engaged, share.evidence);
    }
    if (state_->features.sqpoll) prove_poller(proof);
    if (state_->features.iopoll) prove_device_polling(proof);
    if (state_->features.batched) prove_batches(proof);
    if (state_->features.fixed_buffers) prove_buffers(proof);
    if (state_->features.fixed_file) prove_file(proof);
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
    for (unsigned i = 0; i < kVerifiedUnits && kFlow != Flow::write && idle; ++i) {
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
    const int result = cqe->res;
    io_uring_cqe_seen(ring.get(), cqe);
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

  // Whether this drive polls is known for sure only once it has. Reading alters nothing; what a
  // write would do, the first timed one tells.
  Expected<void> try_polling() {
    if (kFlow != Flow::read) return {};
    const int moved = move_once(0);
    if (moved >= 0) return {};
    return fail_errno(-moved, "read with IOPOLL", state_->context.file->description(),
                      moved == -EOPNOTSUPP ? "its queue has no poll queues; an NVMe drive has "
                                             "them after modprobe nvme poll_queues=2"
                                           : "");
  }

  const Host& host() const { return *state_->context.host; }

  std::uint64_t interrupts() const {
    const auto queue = drive_queue(host(), state_->context.file->device());
    return queue ? drive_interrupts(host(), queue->name) : 0;
  }

  // Threads and interrupts are looked at outside the timed part: it costs some 100 us.
  void note_before() {
    if (state_->features.sqpoll) state_->threads = own_threads(host());
    if (state_->features.iopoll) state_->interrupts = interrupts();
  }
  void note_after() {
    if (state_->features.sqpoll) {
      state_->poller = helper_work(state_->threads, own_threads(host()), "iou-sqp");
    }
    if (state_->features.iopoll) state_->interrupts = interrupts() - state_->interrupts;
  }

  static void add(Engagement& proof, bool holds, const std::string& evidence) {
    proof.engaged = proof.engaged && holds;
    proof.evidence = evidence + "; " + proof.evidence;
  }

  // Flags that are on because they were asked for; the kernel refuses what it does not know.
  void prove_setup(Engagement& proof) const {
    const UringFeatures& features = state_->features;
    if (features.best_effort) return;  // the description says what there is
    unsigned wanted = 0;
    if (features.task_run == TaskRun::deferred) wanted |= IORING_SETUP_DEFER_TASKRUN;
    if (features.task_run == TaskRun::deferred) wanted |= IORING_SETUP_SINGLE_ISSUER;
    if (features.task_run == TaskRun::cooperative) wanted |= IORING_SETUP_COOP_TASKRUN;
    if (features.no_array) wanted |= uring_abi::kSetupNoSqArray;
    const unsigned dropped = wanted & ~state_->ring->setup_flags();
    if (wanted != 0) {
      add(proof, dropped == 0,
          dropped == 0 ? fmt::format("setup flags {} accepted", setup_flag_names(wanted))
                       : fmt::format("setup flags {} dropped", setup_flag_names(dropped)));
    }
    if (features.registered_ring) {
      const bool there = state_->ring->is_registered();
      add(proof, there, fmt::format("ring descriptor {}registered", there ? "" : "not "));
    }
  }

  // With a poller nearly no call is left: one to wake it at the start, and now and then.
  void prove_poller(Engagement& proof) const {
    const HelperWork& poller = state_->poller;
    const std::uint64_t allowed = state_->plan.depth + state_->completed / 10;
    const bool few_calls = state_->plan.completion != Completion::poll || state_->enters <= allowed;
    const auto cpu_us = std::chrono::duration_cast<std::chrono::microseconds>(poller.cpu).count();
    add(proof, state_->ring->has_poller() && poller.cpu.count() > 0 && few_calls,
        fmt::format("the poller's thread used {} us of CPU, {} calls for {} operations", cpu_us,
                    state_->enters, state_->completed));
  }

  void prove_device_polling(Engagement& proof) const {
    const auto queue = drive_queue(host(), state_->context.file->device());
    const bool polls = queue && queue->polls;
    // Interrupts of others on a drive in use; ours would be one for each operation.
    const bool quiet = state_->interrupts * 10 <= state_->completed;
    add(proof, polls && quiet && state_->ring->polls_device(),
        fmt::format("{}{} has {}poll queues, {} interrupts for {} completions",
                    state_->ring->polls_device() ? "" : "no IOPOLL, ",
                    queue ? queue->name : "the drive", polls ? "" : "no ", state_->interrupts,
                    state_->completed));
  }

  void prove_batches(Engagement& proof) const {
    const double per_enter = state_->enters == 0 ? 0
                                                 : static_cast<double>(state_->completed) /
                                                       static_cast<double>(state_->enters);
    add(proof, per_enter > 1.5, fmt::format("{:.1f} operations per io_uring_enter", per_enter));
  }

  // The queue's entries stay as they were submitted: their opcodes are read back. And the kernel
  // takes a registration back only when there is one.
  void prove_buffers(Engagement& proof) const {
    const io_uring_sq& queue = state_->ring->get()->sq;
    const auto entries = std::min<std::uint64_t>(queue.ring_entries, state_->submitted);
    bool fixed = entries > 0;
    for (std::uint64_t i = 0; i < entries; ++i) {
      const unsigned opcode = queue.sqes[i].opcode;
      const bool reads = opcode == IORING_OP_READ_FIXED, wrote = opcode == IORING_OP_WRITE_FIXED;
      fixed = fixed && ((reads && kFlow != Flow::write) || (wrote && kFlow != Flow::read));
    }
    const auto registered = state_->ring->unregister_buffers();
    const char* name = kFlow == Flow::write   ? "WRITE_FIXED"
                       : kFlow == Flow::mixed ? "READ_FIXED and WRITE_FIXED"
                                              : "READ_FIXED";
    add(proof, fixed && registered,
        fixed && registered
            ? fmt::format("{} on {} of registered memory", name,
                          format_bytes(state_->buffers.memory().size()))
            : fmt::format("opcode {}not {}, memory {}registered", fixed ? "" : "is ",
                          fixed ? "other than it" : name, registered ? "" : "not "));
  }

  void prove_file(Engagement& proof) const {
    const auto registered = state_->ring->unregister_files();
    const bool holds = registered && state_->descriptor_closed;
    add(proof, holds,
        holds ? "file table served, the descriptor was closed"
              : fmt::format("file {}registered, descriptor {}", registered ? "" : "not ",
                            state_->descriptor_closed ? "closed" : "still open"));
  }

  std::unique_ptr<UringState> state_;
  Op op_;
  Verification verification_;
};

RingOptions ring_options(const UringState& state) {
  RingOptions options{.entries = state.plan.depth, .task_run = TaskRun::interrupting};
  options.register_ring = false;
  options.exact = true;
  if (state.sabotage.plain_ring) return options;
  const UringFeatures& features = state.features;
  options.exact = !features.best_effort;
  options.task_run = features.task_run;
  options.register_ring = features.registered_ring;
  options.no_array = features.no_array;
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
  if (features.iopoll && !plan.direct) {
    return refuse("IOPOLL asks the drive, so it needs O_DIRECT", "leave --no-direct out");
  }
  if (features.iopoll && !features.sqpoll && plan.completion == Completion::block) {
    return refuse("a ring that polls the drive cannot sleep until it is interrupted",
                  "choose --completion poll or hybrid");
  }
  return {};
}

Expected<void> set_up(UringState& state) {
  const StoragePlan& plan = state.plan;
  auto fd = open_for(state.context, plan, plan.direct);
  if (!fd) return Failure(fd.error());
  state.fd = std::move(*fd);
  auto buffers = SlotBuffers::make(plan, plan.depth, state.context.file->seed());
  if (!buffers) return Failure(buffers.error());
  state.buffers = std::move(*buffers);
  if (auto fine = check_features(state.features, plan); !fine) return fine;
  auto ring = Ring::create(*state.context.host, ring_options(state));
  if (!ring) return Failure(ring.error());
  state.ring.emplace(std::move(*ring));
  if (state.features.fixed_buffers && !state.sabotage.plain_buffers) {
    const iovec all{state.buffers.memory().data(), state.buffers.memory().size().count};
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

template <Flow kFlow, bool kFixedBuffers>
std::unique_ptr<Block> choose_file(std::unique_ptr<UringState> state, bool fixed_file) {
  if (fixed_file) {
    return std::make_unique<UringBlock<kFlow, kFixedBuffers, true>>(std::move(state));
  }
  return std::make_unique<UringBlock<kFlow, kFixedBuffers, false>>(std::move(state));
}

template <Flow kFlow>
std::unique_ptr<Block> choose_buffers(std::unique_ptr<UringState> state, bool fixed_buffers,
                                      bool fixed_file) {
  return fixed_buffers ? choose_file<kFlow, true>(std::move(state), fixed_file)
                       : choose_file<kFlow, false>(std::move(state), fixed_file);
}

}  // namespace

Made make_uring_block(const BlockContext& context, const StorageNeeds& needs,
                      const UringFeatures& features, const StorageSabotage& sabotage) {
  auto plan = plan_storage(context, needs);
  if (!plan) return Failure(plan.error());
  auto state = std::make_unique<UringState>(context, *plan, features, sabotage);
  if (auto done = set_up(*state); !done) return Failure(done.error());
  const bool buffers = features.fixed_buffers && !sabotage.plain_buffers;
  const bool file = features.fixed_file && !sabotage.plain_files;
  if (plan->mixed) return choose_buffers<Flow::mixed>(std::move(state), buffers, file);
  return plan->write ? choose_buffers<Flow::write>(std::move(state), buffers, file)
                     : choose_buffers<Flow::read>(std::move(state), buffers, file);
}

}  // namespace assay::engine
