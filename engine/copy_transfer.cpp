#include "engine/copy_transfer.hpp"

#include <unistd.h>

#include <array>

#include "engine/copy_sockets.hpp"
#include "engine/copy_source_file.hpp"
#include "engine/copy_stream_block.hpp"

namespace assay::engine {
namespace {

class SocketChannel final {
 public:
  explicit SocketChannel(StreamPair sockets) : sockets_(std::move(sockets)) {}
  int out() const { return sockets_.near.get(); }
  ssize_t receive(std::byte* into, std::size_t size, bool spin) const {
    return ::recv(sockets_.far.get(), into, size, spin ? MSG_DONTWAIT : 0);
  }
  // Wakes the peer out of recv(2), which closing under its feet would not.
  void hang_up() const { ::shutdown(sockets_.near.get(), SHUT_RDWR); }

 private:
  StreamPair sockets_;
};

class FileSource final {
 public:
  explicit FileSource(CopySourceFile file) : file_(std::move(file)) {}
  Expected<void> warm() const { return file_.warm(); }
  bool equals(std::uint64_t offset, std::span<const std::byte> arrived) {
    return file_.equals(offset, arrived);
  }
  static Engagement judge(const ReadWriteMover& mover, std::uint64_t received) {
    return {mover.bytes() > 0 && mover.bytes() == received,
            fmt::format("{} bytes read and written through a buffer of {}", received,
                        format_bytes({mover.buffer_size()}))};
  }
  template <typename Call>
  static Engagement judge(const KernelMover<Call>& mover, std::uint64_t received) {
    const bool engaged =
        mover.bytes() > 0 && mover.fallback_bytes() == 0 && mover.bytes() == received;
    return {engaged, fmt::format("{} of {} bytes received were moved by {}, {} by a fallback",
                                 mover.bytes(), received, mover.name(), mover.fallback_bytes())};
  }

 private:
  CopySourceFile file_;
};

Expected<std::unique_ptr<Block>> make_copy_to_socket(const BlockContext& context,
                                                     const CopyOptions& options) {
  auto source = CopySourceFile::open(*context.file);
  if (!source) return std::unexpected(source.error());
  auto sockets = open_stream_pair(context.parameters->variant);
  if (!sockets) return std::unexpected(sockets.error());
  SocketChannel channel(std::move(*sockets));
  const CopyEnds ends{.in = source->fd(), .out = channel.out(), .to_file = false};
  return with_mover(options, ends, context.parameters->block, [&](auto mover) {
    return start_copy_stream(context, context.file->size().count,
                             {options.corrupt, options.peer_dies_after_bytes}, std::move(channel),
                             FileSource(std::move(*source)), std::move(mover));
  });
}

constexpr std::array<std::string_view, 4> kStreamVariants{"", "unix", "tcp", "file"};
constexpr std::array<std::string_view, 3> kRangeVariants{"", "copy", "reflink"};

}  // namespace

Expected<void> check_copy_parameters(const Parameters& parameters, CopyMethod method) {
  if (parameters.block < kCopyBlockMin || parameters.block > kCopyBlockMax) {
    return fail(
        ErrorCode::invalid, "block size", format_bytes(parameters.block),
        fmt::format("expected {} to {}", format_bytes(kCopyBlockMin), format_bytes(kCopyBlockMax)));
  }
  const std::string& variant = parameters.variant;
  const bool ranges = method == CopyMethod::copy_file_range;
  const std::span<const std::string_view> known =
      ranges ? std::span<const std::string_view>(kRangeVariants) : kStreamVariants;
  if (std::ranges::find(known, variant) != known.end()) return {};
  return fail(ErrorCode::invalid, "parameter variant", variant,
              ranges ? "expected copy or reflink" : "expected unix or tcp or file");
}

Expected<std::unique_ptr<Block>> make_copy_block(const BlockContext& context,
                                                 const CopyOptions& options) {
  const Parameters& parameters = *context.parameters;
  if (auto checked = check_copy_parameters(parameters, options.method); !checked) {
    return std::unexpected(checked.error());
  }
  if (context.file == nullptr || context.file->size() < parameters.block) {
    return fail(ErrorCode::invalid, "copy a file", {}, "the file is smaller than one block",
                "choose a larger size or a smaller block");
  }
  const bool to_file =
      options.method == CopyMethod::copy_file_range || parameters.variant == "file";
  return to_file ? make_copy_to_file_block(context, options)
                 : make_copy_to_socket(context, options);
}

}  // namespace assay::engine
