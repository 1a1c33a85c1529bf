// trade-log write FILE [TRADES [TRADES-BETWEEN-FLUSHES]]: appends invented trades, and prints
// "flushed N" whenever everything up to trade N is on the medium.
// trade-log verify FILE: reads a log back and says what it holds; fails when a trade is not what
// was written.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "trade_log.hpp"

namespace {

using trade_log::Trade;

int complain(const std::string& words) {
  std::fprintf(stderr, "trade-log: %s\n", words.c_str());
  return EXIT_FAILURE;
}

// Every field follows from the number, so that a reader knows what it must be.
Trade invented(std::uint64_t sequence) {
  Trade trade;
  trade.sequence = sequence;
  trade.order_id = sequence * 7919;
  trade.price_nanos = static_cast<std::int64_t>(100'000'000'000 + sequence % 1000 * 10'000'000);
  trade.quantity = sequence % 900 + 100;
  trade.side = sequence % 2 == 0 ? 'B' : 'S';
  std::snprintf(trade.symbol, sizeof(trade.symbol), "SYM%u",
                static_cast<unsigned>(sequence % 1000));
  return trade;
}

int write(const std::string& path, std::uint64_t trades, std::uint64_t between) {
  trade_log::Options options;
  options.announce = [](std::string_view words) { complain(std::string(words)); };
  auto log = trade_log::TradeLog::open(path, options);
  if (!log) return complain(log.error().message());
  std::fprintf(stderr, "trade-log: %s, from trade %llu on\n", log->description().c_str(),
               static_cast<unsigned long long>(log->last_sequence() + 1));
  for (std::uint64_t i = 1; i <= trades; ++i) {
    Trade trade = invented(log->last_sequence() + 1);
    trade.time_ns =
        static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    while (!log->append(trade)) {
      if (auto polled = log->poll(); !polled) return complain(polled.error().message());
    }
    if (i % between != 0 && i != trades) continue;
    const auto flushed = log->flush();
    if (!flushed) return complain(flushed.error().message());
    std::printf("flushed %llu\n", static_cast<unsigned long long>(*flushed));
    std::fflush(stdout);
  }
  return EXIT_SUCCESS;
}

int verify(const std::string& path) {
  std::uint64_t wrong = 0, expected = 0;
  const auto found = trade_log::read_log(path, [&](const Trade& trade) {
    Trade right = invented(++expected);
    right.time_ns = trade.time_ns;
    if (std::memcmp(&right, &trade, sizeof(trade)) != 0) ++wrong;
  });
  if (!found) return complain(found.error().message());
  std::printf("trades %llu blocks %llu sessions %llu wrong %llu\n",
              static_cast<unsigned long long>(found->trades),
              static_cast<unsigned long long>(found->blocks),
              static_cast<unsigned long long>(found->sessions),
              static_cast<unsigned long long>(wrong));
  return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// 0 for what is no number.
std::uint64_t number(const char* text) {
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text, &end, 10);
  return *text != '\0' && *text != '-' && *end == '\0' ? value : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 2 ? argv[1] : "";
  if (command == "verify" && argc == 3) return verify(argv[2]);
  const std::uint64_t trades = argc > 3 ? number(argv[3]) : 100'000;
  const std::uint64_t between = argc > 4 ? number(argv[4]) : 10'000;
  if (command == "write" && argc <= 5 && trades > 0 && between > 0) {
    return write(argv[2], trades, between);
  }
  std::fprintf(stderr,
               "usage: trade-log write FILE [TRADES [TRADES-BETWEEN-FLUSHES]]\n"
               "       trade-log verify FILE\n");
  return 64;
}
