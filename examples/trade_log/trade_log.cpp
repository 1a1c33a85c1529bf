#include "trade_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

namespace trade_log {
namespace {

using assay::Expected;
using assay::Failure;
using assay::UniqueFd;
using assay::engine::BufferPool;
using assay::engine::IoDone;
using assay::engine::IoQueue;

constexpr std::size_t kBlockBytes = 4096;
constexpr std::uint64_t kMagic = 0x31474f4c45445254;  // "TRDELOG1"
constexpr std::uint64_t kSyncTag = ~0ULL;

struct Header {
  std::uint64_t magic = kMagic;
  std::uint64_t checksum = 0;  // of the block with this field 0
  std::uint64_t session = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t count = 0;
  std::array<std::uint64_t, 3> reserved{};
};
static_assert(sizeof(Header) == sizeof(Trade));
constexpr unsigned kTradesInBlock = kBlockBytes / sizeof(Trade) - 1;

// FNV-1a over 64-bit words: tells a torn block; no defence against a forger.
std::uint64_t checksum_of(std::span<const std::byte> block) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (std::size_t at = 0; at < block.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    if (at != offsetof(Header, checksum)) std::memcpy(&word, block.data() + at, sizeof(word));
    sum = (sum ^ word) * 0x100000001b3;
  }
  return sum;
}

// O_DIRECT where the filesystem has it: a log is not read again soon.
Expected<UniqueFd> open_file(const std::string& path, const Options& options) {
  constexpr int kFlags = O_RDWR | O_CREAT;
  auto direct = UniqueFd::open(path, kFlags | O_DIRECT, 0644);
  if (direct || direct.error().sys_errno != EINVAL) return direct;
  options.announce("no O_DIRECT on this filesystem: going through the page cache");
  return UniqueFd::open(path, kFlags, 0644);
}

}  // namespace

Expected<Contents> read_log(const std::string& path,
                            const std::function<void(const Trade&)>& visit) {
  auto fd = UniqueFd::open(path, O_RDONLY);
  if (!fd) return Failure(fd.error());
  Contents found;
  std::uint64_t session = 0;
  alignas(Trade) std::array<std::byte, kBlockBytes> block{};
  while (true) {
    const auto got = ::pread(fd->get(), block.data(), block.size(), static_cast<off_t>(found.end));
    if (got < 0) return assay::fail_errno(errno, "read", path);
    if (got != static_cast<ssize_t>(block.size())) break;
    Header header;
    std::memcpy(&header, block.data(), sizeof(header));
    const bool good = header.magic == kMagic && header.count <= kTradesInBlock &&
                      header.checksum == checksum_of(block);
    const bool follows =
        header.session >= session && header.first_sequence == found.last_sequence + 1;
    if (!good || !follows) break;
    if (header.session != session) ++found.sessions;
    session = header.session;
    for (std::uint64_t i = 0; i < header.count; ++i) {
      Trade trade;
      std::memcpy(&trade, block.data() + (i + 1) * sizeof(Trade), sizeof(trade));
      if (visit) visit(trade);
    }
    found.last_sequence += header.count;
    found.trades += header.count;
    ++found.blocks;
    found.end += kBlockBytes;
  }
  const off_t size = ::lseek(fd->get(), 0, SEEK_END);
  std::uint64_t magic = 0;
  const bool foreign = found.blocks == 0 && size > 0 &&
                       ::pread(fd->get(), &magic, sizeof(magic), 0) == sizeof(magic) &&
                       magic != kMagic && magic != 0;  // 0: the first block never arrived
  if (foreign) {
    return assay::fail(assay::ErrorCode::invalid, "read trade log", path, "it is no trade log",
                       "name another file");
  }
  return found;
}

Expected<TradeLog> TradeLog::open(const std::string& path, const Options& options) {
  auto file = open_file(path, options);
  if (!file) return Failure(file.error());
  const auto found = read_log(path, {});
  if (!found) return Failure(found.error());
  auto pool = BufferPool::create({.buffer_size = assay::Bytes{kBlockBytes},
                                  .buffers_per_node = options.blocks,
                                  .shards_per_node = 1});
  if (!pool) return Failure(pool.error());
  auto queue =
      IoQueue::create({.depth = options.blocks + 1,  // and the sync
                       .announce = [&options](const assay::Error& why, std::string_view instead) {
                         options.announce(why.message() + "; instead: " + std::string(instead));
                       }});
  if (!queue) return Failure(queue.error());
  TradeLog log(std::move(*pool), std::move(*queue));
  if (auto attached = log.queue_.attach(log.pool_); !attached) return Failure(attached.error());
  const auto id = log.queue_.add_file(std::move(*file));
  if (!id) return Failure(id.error());
  log.file_ = *id;
  log.offset_ = found->end;
  log.session_ = found->sessions + 1;
  log.next_sequence_ = found->last_sequence + 1;
  return log;
}

bool TradeLog::start_block() {
  block_ = pool_.take();
  if (!block_) {
    if (!poll()) return false;
    block_ = pool_.take();
  }
  filled_ = 0;
  return static_cast<bool>(block_);
}

bool TradeLog::append(Trade trade) {
  if (write_errno_ != 0) return false;
  if (!block_ && !start_block()) return false;
  trade.sequence = next_sequence_++;
  std::memcpy(block_.data() + (filled_ + 1) * sizeof(Trade), &trade, sizeof(trade));
  // There is a place in the queue for every block.
  if (++filled_ == kTradesInBlock) return hand_over_block();
  return true;
}

bool TradeLog::hand_over_block() {
  const std::size_t used = (filled_ + 1) * sizeof(Trade);
  std::memset(block_.data() + used, 0, kBlockBytes - used);
  Header header;
  header.session = session_;
  header.first_sequence = next_sequence_ - filled_;
  header.count = filled_;
  std::memcpy(block_.data(), &header, sizeof(header));
  header.checksum = checksum_of(block_.span());
  std::memcpy(block_.data(), &header, sizeof(header));
  if (!queue_.write(file_, std::move(block_), kBlockBytes, offset_, offset_)) return false;
  offset_ += kBlockBytes;
  return true;
}

void TradeLog::arrived(const IoDone& done) {
  if (done.tag == kSyncTag) {
    synced_ = done.result == 0;
    if (done.result < 0) write_errno_ = -done.result;
  } else if (done.result != static_cast<int>(kBlockBytes)) {
    write_errno_ = done.result < 0 ? -done.result : ENOSPC;  // short: the drive is full
  }
}

Failure TradeLog::broken() const { return assay::fail_errno(write_errno_, "write trade log"); }

Expected<void> TradeLog::poll() {
  const auto seen = queue_.poll([this](IoDone done) { arrived(done); });
  if (!seen) return Failure(seen.error());
  if (write_errno_ != 0) return broken();
  return {};
}

Expected<std::uint64_t> TradeLog::flush() {
  if (block_ && filled_ > 0 && !hand_over_block()) {
    return assay::fail(assay::ErrorCode::busy, "flush trade log", "", "the queue is full");
  }
  synced_ = false;
  // The barrier: the sync begins when every block before it has been written.
  if (!queue_.sync(file_, kSyncTag, {.barrier = true})) {
    return assay::fail(assay::ErrorCode::busy, "flush trade log", "", "the queue is full");
  }
  const auto all = queue_.drain([this](IoDone done) { arrived(done); });
  if (!all) return Failure(all.error());
  if (write_errno_ != 0 || !synced_) return broken();
  return last_sequence();
}

}  // namespace trade_log
