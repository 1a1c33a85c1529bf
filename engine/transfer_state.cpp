#include "engine/transfer_state.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "engine/test_data.hpp"

namespace assay::engine {
namespace {

constexpr std::uint64_t kMagic = 0x3152'4654'5341'5341ULL;  // "ASASTFR1"
constexpr std::string_view kStateOperation = "keep the state of a transfer";

struct Header {
  std::uint64_t magic = kMagic;
  std::uint64_t size = 0, chunk_bytes = 0, inode = 0, device = 0, mtime_ns = 0;
  std::uint64_t unused = 0, check = 0;
};
static_assert(sizeof(Header) == 64);

struct Record {
  std::uint64_t checksum = 0, check = 0;
};

std::uint64_t check_of(const Header& header) {
  return mix64(header.magic ^ mix64(header.size ^ mix64(header.chunk_bytes)) ^
               mix64(header.inode ^ mix64(header.device ^ mix64(header.mtime_ns))));
}

// Never 0, which is what an unwritten record holds.
std::uint64_t check_of(std::uint64_t chunk, std::uint64_t checksum) {
  return mix64(checksum ^ mix64(chunk + kMagic)) | 1;
}

Header header_of(const TransferSource& source) {
  Header header;
  header.size = source.size;
  header.chunk_bytes = source.chunk_bytes;
  header.inode = source.inode;
  header.device = source.device;
  header.mtime_ns = source.mtime_ns;
  header.check = check_of(header);
  return header;
}

off_t offset_of(std::uint64_t chunk) {
  return static_cast<off_t>(sizeof(Header) + chunk * sizeof(Record));
}

}  // namespace

Expected<TransferSource> TransferSource::of(const UniqueFd& file, Bytes chunk) {
  struct stat about{};
  if (::fstat(file.get(), &about) != 0) return fail_errno(errno, "look at the file to copy");
  TransferSource source;
  source.size = static_cast<std::uint64_t>(about.st_size);
  source.chunk_bytes = chunk.count;
  source.inode = about.st_ino;
  source.device = about.st_dev;
  source.mtime_ns = static_cast<std::uint64_t>(about.st_mtim.tv_sec) * 1'000'000'000 +
                    static_cast<std::uint64_t>(about.st_mtim.tv_nsec);
  return source;
}

Expected<TransferState> TransferState::open(UniqueFd file, const TransferSource& source) {
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, kStateOperation);
    return fail(ErrorCode::busy, kStateOperation, {},
                "another transfer to the same target is under way", "wait for it, or end it");
  }
  TransferState state(std::move(file), source);
  if (state.load()) return state;
  if (auto reset = state.reset(); !reset) return std::unexpected(reset.error());
  return state;
}

// False: the file says nothing of this source.
bool TransferState::load() {
  Header found;
  const Header wanted = header_of(source_);
  if (::pread(file_.get(), &found, sizeof found, 0) != static_cast<ssize_t>(sizeof found) ||
      std::memcmp(&found, &wanted, sizeof found) != 0) {
    return false;
  }
  constexpr std::size_t kAtOnce = 4096;
  std::vector<Record> records(std::min<std::size_t>(kAtOnce, sums_.size()));
  for (std::uint64_t chunk = 0; chunk < sums_.size();) {
    const std::size_t wanted_bytes =
        std::min<std::uint64_t>(records.size(), sums_.size() - chunk) * sizeof(Record);
    const ssize_t got = ::pread(file_.get(), records.data(), wanted_bytes, offset_of(chunk));
    if (got < static_cast<ssize_t>(sizeof(Record))) break;  // cut short: the rest is not done
    for (std::size_t i = 0; i < static_cast<std::size_t>(got) / sizeof(Record); ++i, ++chunk) {
      const Record& record = records[i];
      if (record.check == check_of(chunk, record.checksum)) sums_[chunk] = record.checksum;
    }
  }
  return true;
}

std::uint64_t TransferState::recorded_count() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(sums_, [](const auto& sum) { return sum.has_value(); }));
}

Expected<void> TransferState::record(std::uint64_t chunk, std::uint64_t checksum) {
  const Record record{checksum, check_of(chunk, checksum)};
  const ssize_t put = ::pwrite(file_.get(), &record, sizeof record, offset_of(chunk));
  if (put != static_cast<ssize_t>(sizeof record)) {
    return fail_errno(put < 0 ? errno : ENOSPC, kStateOperation);
  }
  sums_[chunk] = checksum;
  return {};
}

Expected<void> TransferState::reset() {
  std::ranges::fill(sums_, std::nullopt);
  const Header header = header_of(source_);
  if (::ftruncate(file_.get(), 0) != 0) return fail_errno(errno, kStateOperation);
  const ssize_t put = ::pwrite(file_.get(), &header, sizeof header, 0);
  if (put != static_cast<ssize_t>(sizeof header)) {
    return fail_errno(put < 0 ? errno : ENOSPC, kStateOperation);
  }
  return {};
}

}  // namespace assay::engine
