// A log of trades that does not hold the trading thread up: an example of assay::engine.
//
// append() copies a trade into a block of 4 KiB; a full block is handed to the I/O queue, and its
// buffer is out of reach until it is on its way, since the queue owns it meanwhile. flush() hands
// over what is left, waits for every block, and for the drive: what was appended before a flush
// that returned survives a crash.
//
// On the medium: blocks of 4096 bytes, each with a header (magic, checksum, session, first sequence
// number, count) and up to 63 trades. A session is one open(). A reader stops at the first block
// that is torn or missing, or that does not follow the one before: what stands behind was not
// flushed.
//
// One thread writes a log. Nothing on the way of append() allocates, locks, logs or throws.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "engine/buffer_pool.hpp"
#include "engine/io_queue.hpp"

namespace trade_log {

struct Trade {
  std::uint64_t sequence = 0;  // given by the log: 1, 2, ...
  std::uint64_t time_ns = 0;   // since the epoch
  std::uint64_t order_id = 0;
  std::int64_t price_nanos = 0;  // 1e-9 of the currency
  std::uint64_t quantity = 0;
  char symbol[15] = {};
  char side = 'B';  // B or S
  std::uint64_t reserved = 0;
};
static_assert(sizeof(Trade) == 64);

struct Options {
  // Blocks in flight or being filled. Default: 64.
  unsigned blocks = 64;
  // Told what of io_uring or O_DIRECT is not to be had, and what is done instead. Required.
  std::function<void(std::string_view)> announce;
};

class TradeLog {
 public:
  // Opens or creates the file and goes on behind its last good block. Errors: the file's, the
  // queue's; invalid when the file is no trade log.
  static assay::Expected<TradeLog> open(const std::string& path, const Options& options);

  // Gives the trade its number and takes it. False: every block is in flight; poll() and try again.
  // (It polls by itself when a block is full.)
  [[nodiscard]] bool append(Trade trade);
  // Looks after blocks that have arrived. Error: a block could not be written; the log is over.
  assay::Expected<void> poll();
  // Waits until everything that was appended is on the medium. The last number that is.
  assay::Expected<std::uint64_t> flush();

  std::uint64_t last_sequence() const { return next_sequence_ - 1; }
  const std::string& description() const { return queue_.description(); }

 private:
  TradeLog(assay::engine::BufferPool pool, assay::engine::IoQueue queue)
      : pool_(std::move(pool)), queue_(std::move(queue)) {}
  bool start_block();
  bool hand_over_block();
  void arrived(const assay::engine::IoDone& done);
  assay::Failure broken() const;

  // In this order: the queue goes first and waits for what is in flight.
  assay::engine::BufferPool pool_;
  assay::engine::IoQueue queue_;
  assay::engine::FileId file_;
  assay::engine::Buffer block_;  // being filled; none between blocks
  unsigned filled_ = 0;          // trades in it
  std::uint64_t offset_ = 0;     // where the next block goes
  std::uint64_t session_ = 1;
  std::uint64_t next_sequence_ = 1;
  int write_errno_ = 0;
  bool synced_ = false;
};

// What a log holds, block after block.
struct Contents {
  std::uint64_t trades = 0, blocks = 0, sessions = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t end = 0;  // offset behind the last good block
};
// Calls `visit` (if there is one) for each trade, in order. Errors: the file's; invalid when it
// does not begin with a block of a log, and is not empty.
assay::Expected<Contents> read_log(const std::string& path,
                                   const std::function<void(const Trade&)>& visit);

}  // namespace trade_log
