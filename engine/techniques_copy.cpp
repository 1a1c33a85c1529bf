#include "engine/techniques_copy.hpp"

#include <array>

#include "engine/copy_transfer.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

Availability available(const Host& host, const probes::Inventory&, const Parameters& parameters) {
  if (auto here = measurable(host); !here.available) return here;
  return availability_of(check_copy_parameters(parameters));
}

template <CopyMethod kMethod>
Expected<std::unique_ptr<Block>> make(const BlockContext& context) {
  return make_copy_block(context, {.method = kMethod});
}

constexpr std::array kCopyRows{
    Technique{
        .id = "copy.read-write",
        .summary = "File to socket through user space: read and write in a loop; an operation is "
                   "a block that has arrived on the other side",
        .baseline = "",
        .claim = {},
        .proof = "bytes read and written equal the bytes received; contents compared",
        .uses_file = true,
        .moves_data = true,
        .threads = 2,
        .parameters = "block,size,pattern,variant",
        .available = available,
        .make = make<CopyMethod::read_write>,
    },
    Technique{
        .id = "copy.sendfile",
        .summary = "File to socket inside the kernel with sendfile(2); an operation is a block "
                   "that has arrived on the other side",
        .baseline = "copy.read-write",
        .claim = {.text = "40-60 % less latency, 2-3x throughput",
                  .latency_ratio_max = 0.6,
                  .throughput_ratio_min = 2.0,
                  .latency_ns_max = {}},
        .proof = "every byte received was moved by sendfile, none by a fallback; contents compared",
        .uses_file = true,
        .moves_data = true,
        .threads = 2,
        .parameters = "block,size,pattern,variant",
        .available = available,
        .make = make<CopyMethod::sendfile>,
    },
};

}  // namespace

std::span<const Technique> copy_techniques() { return kCopyRows; }

}  // namespace assay::engine
