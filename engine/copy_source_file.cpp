#include "engine/copy_source_file.hpp"

#include <array>
#include <cstring>

namespace assay::engine {

Expected<CopySourceFile> CopySourceFile::open(const TestFile& file) {
  auto fd = file.open(false, false);
  if (!fd) return std::unexpected(fd.error());
  return CopySourceFile(file, std::move(*fd));
}

Expected<void> CopySourceFile::warm() const {
  const auto cached = file_->cached_pages();
  if (cached && *cached >= file_->total_pages()) return {};
  return file_->warm();
}

bool CopySourceFile::equals(std::uint64_t offset, std::span<const std::byte> arrived) {
  expected_.resize(arrived.size());
  const ssize_t got =
      ::pread(fd_.get(), expected_.data(), expected_.size(), static_cast<off_t>(offset));
  if (got < 0 || static_cast<std::size_t>(got) != arrived.size()) return false;
  if (std::memcmp(arrived.data(), expected_.data(), arrived.size()) != 0) return false;
  // The file itself may be wrong: one that assay made knows what it should hold. Its checksums
  // stand in whole sectors.
  const bool sectors = offset % kSectorBytes == 0 && arrived.size() % kSectorBytes == 0;
  if (!file_->checksummed() || !sectors) return true;
  return TestFile::verify(arrived, offset, file_->seed()).has_value();
}

Expected<SpliceCall> make_splice_call() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  // A smaller pipe, for want of privilege, only takes more calls.
  static_cast<void>(::fcntl(write_end.get(), F_SETPIPE_SZ, static_cast<int>(kCopyBufferMax.count)));
  return SpliceCall(std::move(read_end), std::move(write_end));
}

}  // namespace assay::engine
