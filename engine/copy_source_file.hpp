// The file that copy techniques read: opened, warmed, and compared with what arrived. Internal to
// the engine.
#pragma once

#include <span>
#include <vector>

#include "core/fd.hpp"
#include "engine/copy_movers.hpp"
#include "engine/copy_transfer.hpp"

namespace assay::engine {

class CopySourceFile final {
 public:
  // Opens `file`, which outlives it, for reading through the page cache.
  static Expected<CopySourceFile> open(const TestFile& file);
  const UniqueFd& file() const { return fd_; }
  int fd() const { return fd_.get(); }
  // Both sides of a comparison read from the page cache; what is not in it is brought in.
  Expected<void> warm() const;
  // What arrived against the file. One that cannot be read back counts as different.
  bool equals(std::uint64_t offset, std::span<const std::byte> arrived);

 private:
  CopySourceFile(const TestFile& file, UniqueFd fd) : file_(&file), fd_(std::move(fd)) {}
  const TestFile* file_;
  UniqueFd fd_;
  std::vector<std::byte> expected_;
};

// A pipe for splice(2), as large as the user may have one up to kCopyBufferMax.
Expected<SpliceCall> make_splice_call();

// Calls `use` with the mover of a method, and returns what it returns.
template <typename Use>
Expected<std::unique_ptr<Block>> with_mover(const CopyOptions& options, const CopyEnds& ends,
                                            Bytes block, Use use) {
  const std::size_t buffer = std::min(block, options.buffer).count;
  switch (options.method) {
    case CopyMethod::sendfile:
      return use(KernelMover<SendfileCall>(ends, buffer, options.refuse));
    case CopyMethod::copy_file_range:
      return use(KernelMover<CopyFileRangeCall>(ends, buffer, options.refuse));
    case CopyMethod::splice: {
      auto call = make_splice_call();
      if (!call) return std::unexpected(call.error());
      return use(KernelMover<SpliceCall>(ends, buffer, options.refuse, std::move(*call)));
    }
    case CopyMethod::read_write:
      break;
  }
  return use(ReadWriteMover(ends, buffer));
}

}  // namespace assay::engine
