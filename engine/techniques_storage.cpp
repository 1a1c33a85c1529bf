// The table of the storage techniques. Claims are those of widely read guides, as printed beside
// what was measured; "not confirmed on this host" is a normal answer.
#include "engine/techniques_storage.hpp"

#include <array>

#include "engine/nvme_drive.hpp"
#include "engine/ring.hpp"
#include "engine/storage_plan.hpp"
#include "engine/storage_rows.hpp"
#include "engine/storage_uring_block.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr std::string_view kCallKeys =
    "op,read-share,block,size,pattern,direct,regime,batch,rate,arrival,threads";
constexpr std::string_view kDirectKeys =
    "op,read-share,block,size,pattern,direct,regime,rate,arrival,threads";
constexpr std::string_view kMapKeys = "op,block,size,pattern,regime,rate,arrival";
constexpr std::string_view kStdioKeys = "op,block,size,regime,rate,arrival";
constexpr std::string_view kSyncKeys = "block,size,pattern,direct,regime,rate,arrival";
constexpr std::string_view kPosixAioKeys = "op,block,size,depth,pattern,direct,regime,rate,arrival";
constexpr std::string_view kAioKeys =
    "op,block,size,depth,batch,pattern,direct,regime,rate,arrival";
constexpr std::string_view kLinkedKeys =
    "block,size,depth,batch,pattern,direct,regime,completion,rate,arrival";
constexpr std::string_view kCommandKeys =
    "op,block,size,depth,batch,pattern,completion,rate,arrival";
constexpr std::string_view kUserNvmeKeys = "op,block,size,depth,batch,pattern,rate,arrival";
constexpr std::string_view kUringKeys =
    "op,read-share,block,size,depth,batch,pattern,direct,regime,completion,rate,arrival,threads";
// Of the technique whose switches are turned one by one.
constexpr std::string_view kSwitchKeys =
    "op,read-share,block,size,depth,batch,pattern,direct,regime,completion,rate,arrival,threads,"
    "features";

Availability calls_available(const Host& host, const probes::Inventory&, const Parameters&) {
  return measurable(host);
}

Availability user_nvme_available(const Host& host, const probes::Inventory&,
                                 const Parameters& parameters) {
  return nvme_can_be_taken(host, parameters);
}

// Both kinds of asynchronous calls that are older than io_uring; a kernel may lack libaio's.
Availability libaio_available(const Host& host, const probes::Inventory&, const Parameters&) {
  Availability can = measurable(host);
  if (can.available && !host.status("/proc/sys/fs/aio-max-nr")) {
    can = not_available("this kernel has no io_submit(2)", "use a kernel with CONFIG_AIO");
  }
  return can;
}

Availability direct_available(const Host& host, const probes::Inventory&,
                              const Parameters& parameters) {
  if (parameters.path == "/dev/zero" || parameters.path == "/dev/null") {
    return not_available(parameters.path + " has no O_DIRECT", "name a file or block device");
  }
  return measurable(host);
}

Availability uring_available(const Host& host, const probes::Inventory&,
                             const Parameters& parameters) {
  Parameters with = parameters;
  const UringFeatures features = features_of(with);
  return uring_features_available(host, with, features);
}
Availability coop_available(const Host& host, const probes::Inventory&,
                            const Parameters& parameters) {
  return uring_features_available(host, parameters, {.task_run = TaskRun::cooperative});
}
Availability defer_available(const Host& host, const probes::Inventory&,
                             const Parameters& parameters) {
  return uring_features_available(host, parameters, {.task_run = TaskRun::deferred});
}
Availability sqpoll_available(const Host& host, const probes::Inventory&,
                              const Parameters& parameters) {
  return uring_features_available(host, parameters, {.sqpoll = true});
}
Availability passthrough_available(const Host& host, const probes::Inventory&,
                                   const Parameters& parameters) {
  return uring_features_available(
      host, parameters,
      {.iopoll = parameters.completion != Completion::block, .passthrough = true});
}
Availability iopoll_available(const Host& host, const probes::Inventory&,
                              const Parameters& parameters) {
  return uring_features_available(host, parameters, {.iopoll = true});
}

// The baseline is given the same regime and the same way past the page cache or through it: what
// differs is the technique alone.
Parameters pread_beside_direct(const Parameters& parameters) {
  Parameters baseline = resolve_direct(parameters);
  baseline.direct = false;
  return baseline;
}
Parameters pread_beside_vectored(const Parameters& parameters) {
  return resolve_vectored(parameters);
}
Parameters pread_beside_mmap(const Parameters& parameters) { return resolve_mmap(parameters); }
Parameters pread_beside_uring(const Parameters& parameters) {
  Parameters baseline = resolve_uring(parameters);
  baseline.batch = 0;
  baseline.depth = 1;  // one thread in one call: pread(2) has no depth
  return baseline;
}
// One call for each record, through the page cache, in order.
Parameters pread_beside_stdio(const Parameters& parameters) { return resolve_stdio(parameters); }
Parameters pread_beside_aio(const Parameters& parameters) {
  Parameters baseline = resolve_aio(parameters);
  baseline.batch = 0;
  baseline.depth = 1;
  return baseline;
}
Parameters write_sync_beside_linked(const Parameters& parameters) {
  Parameters baseline = resolve_uring_linked(parameters);
  baseline.batch = 0;
  baseline.depth = 1;
  return baseline;
}
Parameters iopoll_beside_passthrough(const Parameters& parameters) {
  Parameters baseline = resolve_uring_passthrough(parameters);
  if (baseline.completion == Completion::block) baseline.completion = Completion::poll;
  return baseline;
}
Parameters iopoll_beside_user_nvme(const Parameters& parameters) {
  return resolve_user_nvme(parameters);
}
Parameters uring_beside_sqpoll(const Parameters& parameters) {
  Parameters baseline = resolve_uring_sqpoll(parameters);
  baseline.completion = parameters.completion;  // each waits in the way that is its own
  return baseline;
}
Parameters uring_beside_iopoll(const Parameters& parameters) {
  Parameters baseline = resolve_uring_iopoll(parameters);
  baseline.completion.reset();  // what asks no drive waits for its interrupt
  return baseline;
}
Parameters uring_one_by_one(const Parameters& parameters) {
  Parameters baseline = resolve_uring_batched(parameters);
  baseline.batch = 0;
  return baseline;
}

template <Made (*kMake)(const BlockContext&, const StorageSabotage&)>
Made make_honestly(const BlockContext& context) {
  return kMake(context, {});
}

constexpr std::array kStorageRows{
    Technique{
        .id = "storage.pread",
        .summary = "One pread or pwrite for each block; with --batch, a record of several blocks",
        .claim = {.text = "10-50 us, ~500 MB/s", .latency_ns_max = 50'000},
        .proof = "calls counted; the regime held to the end",
        .uses_file = true,
        .moves_data = true,
        .parameters = kCallKeys,
        .available = calls_available,
        .make = make_honestly<make_pread>,
        .resolve = resolve_pread,
    },
    Technique{
        .id = "storage.stdio",
        .summary = "fwrite or fread of one record after another through a buffer of 1 MiB "
                   "(setvbuf); --block is the record",
        .baseline = "storage.pread",
        .claim = {.text = "for small frequent writes"},
        .proof = "write or read calls counted: one for each buffer, not for each record",
        .uses_file = true,
        .moves_data = true,
        .parameters = kStdioKeys,
        .baseline_parameters = pread_beside_stdio,
        .available = calls_available,
        .make = make_honestly<make_stdio>,
        .resolve = resolve_stdio,
    },
    Technique{
        .id = "storage.write-fdatasync",
        .summary = "pwrite, then fdatasync, for each block; it always writes",
        .claim = {},
        .proof = "as many fdatasync calls as writes",
        .uses_file = true,
        .moves_data = true,
        .parameters = kSyncKeys,
        .available = calls_available,
        .make = make_honestly<make_write_sync>,
        .resolve = resolve_write_sync,
    },
    Technique{
        .id = "storage.direct",
        .summary = "O_DIRECT: past the page cache, straight to the drive",
        .baseline = "storage.pread",
        .claim = {.text = "30-50 % less latency, 1.5-2x throughput",
                  .latency_ratio_max = 0.7,
                  .throughput_ratio_min = 1.5},
        .proof = "the page cache has not grown (cachestat or mincore)",
        .uses_file = true,
        .moves_data = true,
        .parameters = kDirectKeys,
        .baseline_parameters = pread_beside_direct,
        .available = direct_available,
        .make = make_honestly<make_direct>,
        .resolve = resolve_direct,
    },
    Technique{
        .id = "storage.mmap",
        .summary = "The file mapped into memory; a block is copied without a system call",
        .baseline = "storage.pread",
        .claim = {.text = "70-90 % less latency, 10-100x throughput; 50-100 ns",
                  .latency_ratio_max = 0.3,
                  .throughput_ratio_min = 10,
                  .latency_ns_max = 100},
        .proof = "no read or write call was made; faults counted",
        .uses_file = true,
        .moves_data = true,
        .parameters = kMapKeys,
        .baseline_parameters = pread_beside_mmap,
        .available = calls_available,
        .make = make_honestly<make_mmap>,
        .resolve = resolve_mmap,
    },
    Technique{
        .id = "storage.vectored",
        .summary = "preadv or pwritev: a record of --batch blocks (16) in one call",
        .baseline = "storage.pread",
        .claim = {.text = "50-70 % less latency, 5-20x throughput",
                  .latency_ratio_max = 0.5,
                  .throughput_ratio_min = 5},
        .proof = "blocks per system call",
        .uses_file = true,
        .moves_data = true,
        .parameters = kCallKeys,
        .baseline_parameters = pread_beside_vectored,
        .available = calls_available,
        .make = make_honestly<make_vectored>,
        .resolve = resolve_vectored,
    },
    Technique{
        .id = "storage.posix-aio",
        .summary = "aio_read or aio_write: the C library's threads make the calls, one after "
                   "another for one file",
        .baseline = "storage.pread",
        .claim = {.text = "5-20 us, ~1 GB/s", .latency_ns_max = 20'000},
        .proof = "helper threads seen: they made the calls",
        .uses_file = true,
        .moves_data = true,
        .parameters = kPosixAioKeys,
        .baseline_parameters = pread_beside_aio,
        .available = calls_available,
        .make = make_honestly<make_posix_aio>,
        .resolve = resolve_aio,
    },
    Technique{
        .id = "storage.libaio",
        .summary = "io_submit and io_getevents, --batch operations a call; asynchronous with "
                   "O_DIRECT only",
        .baseline = "storage.pread",
        .claim = {.text = "none in numbers"},
        .proof = "an event of io_getevents for each operation, and no read or write call",
        .uses_file = true,
        .moves_data = true,
        .parameters = kAioKeys,
        .baseline_parameters = pread_beside_aio,
        .available = libaio_available,
        .make = make_honestly<make_libaio>,
        .resolve = resolve_aio,
    },
    Technique{
        .id = "storage.uring",
        .summary = "io_uring with nothing registered, one operation handed over at a time",
        .baseline = "storage.pread",
        .also_against = "storage.posix-aio",
        .claim = {.text = "60-80 % less latency, 10-50x throughput",
                  .latency_ratio_max = 0.4,
                  .throughput_ratio_min = 10},
        .proof = "as many completions as submissions",
        .uses_file = true,
        .moves_data = true,
        .parameters = kSwitchKeys,
        .baseline_parameters = pread_beside_uring,
        .available = uring_available,
        .make = make_honestly<make_uring>,
        .resolve = resolve_uring,
    },
    Technique{
        .id = "storage.uring.fixed-buffers",
        .summary = "io_uring on memory that is registered once: READ_FIXED, WRITE_FIXED",
        .baseline = "storage.uring",
        .claim = {.text = "~30 % faster", .throughput_ratio_min = 1.3},
        .proof = "opcodes read back from the queue; the kernel takes the registration back",
        .uses_file = true,
        .moves_data = true,
        .parameters = kUringKeys,
        .available = uring_available,
        .make = make_honestly<make_uring_fixed_buffers>,
        .resolve = resolve_uring,
    },
    Technique{
        .id = "storage.uring.fixed-files",
        .summary = "io_uring on a file that is registered once",
        .baseline = "storage.uring",
        .claim = {.text = "looking files up takes <1 % of the CPU instead of 6 %"},
        .proof = "the ordinary descriptor is closed after registration: only the table can serve",
        .uses_file = true,
        .moves_data = true,
        .parameters = kUringKeys,
        .available = uring_available,
        .make = make_honestly<make_uring_fixed_files>,
        .resolve = resolve_uring,
    },
    Technique{
        .id = "storage.uring.batched",
        .summary = "io_uring, --batch operations (16) a call; depth 32 unless 2 or more is given",
        .baseline = "storage.uring",
        .claim = {.text = "10-50x throughput", .throughput_ratio_min = 10},
        .proof = "operations per io_uring_enter",
        .uses_file = true,
        .moves_data = true,
        .parameters = kUringKeys,
        .baseline_parameters = uring_one_by_one,
        .available = uring_available,
        .make = make_honestly<make_uring_batched>,
        .resolve = resolve_uring_batched,
    },
    Technique{
        .id = "storage.uring.coop-taskrun",
        .summary = "io_uring with COOP_TASKRUN: completions wait for this thread's next call",
        .baseline = "storage.uring",
        .claim = {.text = "less jitter"},
        .proof = "setup flags accepted, none dropped",
        .uses_file = true,
        .moves_data = true,
        .parameters = kUringKeys,
        .available = coop_available,
        .make = make_honestly<make_uring_coop_taskrun>,
        .resolve = resolve_uring,
    },
    Technique{
        .id = "storage.uring.defer-taskrun",
        .summary =
            "io_uring with SINGLE_ISSUER and DEFER_TASKRUN: this thread asks for completions",
        .baseline = "storage.uring",
        .claim = {.text = "less jitter"},
        .proof = "setup flags accepted, none dropped",
        .uses_file = true,
        .moves_data = true,
        .parameters = kUringKeys,
        .available = defer_available,
        .make = make_honestly<make_uring_defer_taskrun>,
        .resolve = resolve_uring,
    },
    Technique{
        .id = "storage.uring.sqpoll",
        .summary =
            "io_uring with a kernel thread that submits; this one only looks (completion=poll)",
        .baseline = "storage.uring",
        .claim = {.text = "1-2 us less per batch"},
        .proof = "the poller's thread used the CPU, and nearly no io_uring_enter was made",
        .uses_file = true,
        .moves_data = true,
        .threads = 2,
        .parameters = kUringKeys,
        .baseline_parameters = uring_beside_sqpoll,
        .available = sqpoll_available,
        .make = make_honestly<make_uring_sqpoll>,
        .resolve = resolve_uring_sqpoll,
    },
    Technique{
        .id = "storage.uring.iopoll",
        .summary = "io_uring on registered memory that asks the drive's poll queue, no interrupt; "
                   "completion=hybrid sleeps first",
        .baseline = "storage.uring.fixed-buffers",
        .also_against = "storage.uring.fixed-files",
        .claim = {.text = "lowest latency"},
        .proof = "the drive has poll queues and raised no interrupts for the completions",
        .uses_file = true,
        .moves_data = true,
        .parameters = kUringKeys,
        .baseline_parameters = uring_beside_iopoll,
        .available = iopoll_available,
        .make = make_honestly<make_uring_iopoll>,
        .resolve = resolve_uring_iopoll,
    },
    Technique{
        .id = "storage.uring.linked",
        .summary = "io_uring with each write and its fdatasync linked in one submission; it always "
                   "writes",
        .baseline = "storage.write-fdatasync",
        .claim = {.text = "one submission"},
        .proof = "order kept: each write is done before its fsync, and one that fails cancels it",
        .uses_file = true,
        .moves_data = true,
        .parameters = kLinkedKeys,
        .baseline_parameters = write_sync_beside_linked,
        .available = uring_available,
        .make = make_honestly<make_uring_linked>,
        .resolve = resolve_uring_linked,
    },
    Technique{
        .id = "storage.uring.passthrough",
        .summary = "NVMe commands through io_uring to the drive's character device, past block "
                   "layer and filesystem; it polls unless completion=block",
        .baseline = "storage.uring.iopoll",
        .claim = {.text = "none in numbers"},
        .proof = "a character device, SQE128 and CQE32, URING_CMD on registered memory",
        .uses_file = true,
        .moves_data = true,
        .parameters = kCommandKeys,
        .baseline_parameters = iopoll_beside_passthrough,
        .available = passthrough_available,
        .make = make_honestly<make_uring_passthrough>,
        .resolve = resolve_uring_passthrough,
    },
    Technique{
        .id = "storage.uring.combined",
        .summary = "io_uring with memory, file and ring registered and DEFER_TASKRUN; --batch "
                   "operations a call",
        .baseline = "storage.uring",
        .claim = {.text = "the sum of its parts"},
        .proof = "those of fixed-buffers and fixed-files together",
        .uses_file = true,
        .moves_data = true,
        .parameters = kUringKeys,
        .available = uring_available,
        .make = make_honestly<make_uring_combined>,
        .resolve = resolve_uring,
    },
    Technique{
        .id = "storage.user-nvme",
        .summary = "A driver of our own in user space (VFIO), polled; it takes an unmounted drive "
                   "from the kernel for each block and gives it back",
        .baseline = "storage.uring.iopoll",
        .claim = {.text = "80-95 % less latency, 5-10x IOPS; 10-20 us instead of 50-100",
                  .latency_ratio_max = 0.2,
                  .throughput_ratio_min = 5,
                  .latency_ns_max = 20'000},
        .proof = "the drive is with vfio-pci, a queue pair of our own, no interrupts",
        .uses_file = true,
        .moves_data = true,
        .parameters = kUserNvmeKeys,
        .baseline_parameters = iopoll_beside_user_nvme,
        .available = user_nvme_available,
        .make = make_honestly<make_user_nvme>,
        .resolve = resolve_user_nvme,
    },
};

}  // namespace

std::span<const Technique> storage_techniques() { return kStorageRows; }

}  // namespace assay::engine
