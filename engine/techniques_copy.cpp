#include "engine/techniques_copy.hpp"

#include <array>

#include "engine/copy_file_transfer.hpp"
#include "engine/copy_pipe.hpp"
#include "engine/copy_transfer.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

template <CopyMethod kMethod>
Availability copy_available(const Host& host, const probes::Inventory&,
                            const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  return availability_of(check_copy_parameters(parameters, kMethod));
}

template <CopyMethod kMethod>
Expected<std::unique_ptr<Block>> make_copy(const BlockContext& context) {
  return make_copy_block(context, {.method = kMethod});
}

Expected<std::unique_ptr<Block>> make_small_loop(const BlockContext& context) {
  return make_copy_block(context, {.method = CopyMethod::read_write, .buffer = kCopyBufferSmall});
}

template <bool kVmsplice>
Availability pipe_available(const Host& host, const probes::Inventory&,
                            const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  return availability_of(check_pipe_copy_block(parameters.block, kVmsplice));
}

template <bool kVmsplice>
Expected<std::unique_ptr<Block>> make_pipe_copy(const BlockContext& context) {
  return make_pipe_copy_block(context, {.vmsplice = kVmsplice});
}

// Copies move more at once than the 4 KiB that drives are asked for.
template <const Bytes& kBlock>
Parameters with_block(const Parameters& given) {
  Parameters parameters = given;
  if (!parameters.block_given) parameters.block = kBlock;
  return parameters;
}

// copy_file_range copies into a file: so must the loop.
Parameters into_a_file(const Parameters& given) {
  Parameters parameters = given;
  parameters.variant = "file";
  return parameters;
}

Availability transfer_available(const Host& host, const probes::Inventory&,
                                const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  return availability_of(check_file_transfer_parameters(parameters));
}

// What the rings need to be allowed is asked of the rings.
Availability pipeline_available(const Host& host, const probes::Inventory& inventory,
                                const Parameters& parameters) {
  if (auto here = transfer_available(host, inventory, parameters); !here.available) return here;
  return availability_of(ring_allowed(host));
}

Expected<std::unique_ptr<Block>> make_transfer(const BlockContext& context) {
  return make_file_transfer_block(context, {});
}

Expected<std::unique_ptr<Block>> make_copy_and_check(const BlockContext& context) {
  return make_copy_and_check_block(context, {});
}

constexpr Claim kSendfileClaim{.text = "40-60 % less latency, 2-3x throughput",
                               .latency_ratio_max = 0.6,
                               .throughput_ratio_min = 2.0,
                               .latency_ns_max = {}};

constexpr std::array kCopyRows{
    Technique{
        .id = "copy.read-write",
        .summary = "File to socket, or to another file (variant file), through user space: read "
                   "and write in a loop with a buffer of up to 128 KiB; an operation is a block "
                   "that has arrived on the other side",
        .baseline = "",
        .claim = {},
        .proof = "bytes read and written equal the bytes received; contents compared",
        .uses_file = true,
        .moves_data = true,
        .threads = 2,
        .parameters = "block,size,pattern,variant",
        .available = copy_available<CopyMethod::read_write>,
        .make = make_copy<CopyMethod::read_write>,
        .resolve = with_block<kCopyBlockDefault>,
    },
    Technique{
        .id = "copy.read-write-8k",
        .summary = "The same loop with a buffer of 8 KiB, as many programs have it",
        .baseline = "",
        .claim = {},
        .proof = "bytes read and written equal the bytes received; contents compared",
        .uses_file = true,
        .moves_data = true,
        .threads = 2,
        .parameters = "block,size,pattern,variant",
        .available = copy_available<CopyMethod::read_write>,
        .make = make_small_loop,
        .resolve = with_block<kCopyBlockDefault>,
    },
    Technique{
        .id = "copy.sendfile",
        .summary = "File to socket, or to another file (variant file), inside the kernel with "
                   "sendfile(2); an operation is a block that has arrived on the other side",
        .baseline = "copy.read-write",
        .also_against = "copy.read-write-8k",
        .claim = kSendfileClaim,
        .proof = "every byte received was moved by sendfile, none by a fallback; contents compared",
        .uses_file = true,
        .moves_data = true,
        .threads = 2,
        .parameters = "block,size,pattern,variant",
        .available = copy_available<CopyMethod::sendfile>,
        .make = make_copy<CopyMethod::sendfile>,
        .resolve = with_block<kCopyBlockDefault>,
    },
    Technique{
        .id = "copy.splice",
        .summary = "File to socket, or to another file (variant file), through a pipe inside the "
                   "kernel with splice(2); an operation is a block that has arrived on the other "
                   "side",
        .baseline = "copy.read-write",
        .also_against = "copy.read-write-8k",
        .claim = {.text = "zero copies: less latency than a read and write loop",
                  .latency_ratio_max = 1.0},
        .proof = "every byte received was moved by splice, none by a fallback; contents compared",
        .uses_file = true,
        .moves_data = true,
        .threads = 2,
        .parameters = "block,size,pattern,variant",
        .available = copy_available<CopyMethod::splice>,
        .make = make_copy<CopyMethod::splice>,
        .resolve = with_block<kCopyBlockDefault>,
    },
    Technique{
        .id = "copy.copy-file-range",
        .summary = "File to file inside the kernel or the filesystem with copy_file_range(2); "
                   "variant copy insists on a copy, variant reflink on shared blocks",
        .baseline = "copy.read-write",
        .also_against = "copy.read-write-8k",
        .claim = {.text = "less latency than a read and write loop", .latency_ratio_max = 1.0},
        .proof = "every byte was moved by copy_file_range, none by a fallback; the map of the "
                 "target's blocks (FIEMAP) tells a reflink from a copy; contents compared",
        .uses_file = true,
        .moves_data = true,
        .parameters = "block,size,pattern,variant",
        .baseline_parameters = into_a_file,
        .available = copy_available<CopyMethod::copy_file_range>,
        .make = make_copy<CopyMethod::copy_file_range>,
        .resolve = with_block<kCopyBlockDefault>,
    },
    Technique{
        .id = "copy.write-pipe",
        .summary = "Memory to pipe with write(2); an operation is a block that has arrived on the "
                   "other side",
        .baseline = "",
        .claim = {},
        .proof = "bytes written equal the bytes received; contents compared",
        .moves_data = true,
        .threads = 2,
        .parameters = "block,pattern",
        .available = pipe_available<false>,
        .make = make_pipe_copy<false>,
        .resolve = with_block<kCopyBlockDefault>,
    },
    Technique{
        .id = "copy.vmsplice",
        .summary = "Memory to pipe with vmsplice(2), its pages given away (SPLICE_F_GIFT); an "
                   "operation is a block that has arrived on the other side",
        .baseline = "copy.write-pipe",
        .claim = {.text = "no copy into the pipe: less latency than write",
                  .latency_ratio_max = 1.0},
        .proof = "every byte received was handed over by vmsplice; pages changed while in the pipe "
                 "arrive changed, so they moved and were not copied; contents compared",
        .moves_data = true,
        .threads = 2,
        .parameters = "block,pattern",
        .available = pipe_available<true>,
        .make = make_pipe_copy<true>,
        .resolve = with_block<kCopyBlockDefault>,
    },
    Technique{
        .id = "copy.copy-and-check",
        .summary = "A whole file copied with read and write in a loop, then both files read and "
                   "their checksums compared, as cp and a checksum tool do; an operation is a file",
        .baseline = "",
        .claim = {},
        .proof = "bytes copied equal the file's size; the checksums of both files agree",
        .uses_file = true,
        .moves_data = true,
        .parameters = "size",
        .available = transfer_available,
        .make = make_copy_and_check,
    },
    Technique{
        .id = "copy.file-transfer",
        .summary = "A whole file copied in chunks (block) through an io_uring pipeline (depth), a "
                   "checksum for each, read back and verified, and recorded so that a transfer "
                   "that was interrupted goes on; an operation is a file",
        .baseline = "copy.copy-and-check",
        .claim = {.text = "5-10 GB/s", .bytes_per_s_min = 5e9},
        .proof = "every chunk was read, written and read back through the ring, its checksum "
                 "compared with that of the source and recorded in the state file",
        .uses_file = true,
        .moves_data = true,
        .parameters = "size,block,depth",
        .available = pipeline_available,
        .make = make_transfer,
        .resolve = resolve_file_transfer,
    },
};

}  // namespace

std::span<const Technique> copy_techniques() { return kCopyRows; }

}  // namespace assay::engine
