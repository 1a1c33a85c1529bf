#include "engine/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "core/suggest.hpp"
#include "engine/storage_uring_block.hpp"

namespace assay::engine {
namespace {

constexpr std::uint64_t kDepthMax = 4096;  // io_uring's rings hold 32768; buffers cost memory
constexpr std::uint64_t kBlockBytesMax = 64ULL << 20;
constexpr double kRateMax = 1e9;
constexpr std::uint64_t kThreadsMax = 1024;

Failure wrong(std::string_view key, std::string_view value, std::string_view expected) {
  return fail(ErrorCode::invalid, fmt::format("parameter {}", key), value,
              fmt::format("expected {}", expected));
}

template <typename Enum, std::size_t N>
Expected<void> choose(Enum& target, std::string_view key, std::string_view value,
                      const std::array<std::pair<std::string_view, Enum>, N>& words) {
  std::string expected;
  for (const auto& [word, meaning] : words) {
    if (word == value) {
      target = meaning;
      return {};
    }
    if (!expected.empty()) expected += " or ";
    expected += word;
  }
  return wrong(key, value, expected);
}

template <typename Enum, std::size_t N>
std::string word_of(Enum value, const std::array<std::pair<std::string_view, Enum>, N>& words) {
  for (const auto& [word, meaning] : words) {
    if (meaning == value) return std::string(word);
  }
  return {};
}

constexpr std::array kOperations{std::pair{std::string_view("read"), Operation::read},
                                 std::pair{std::string_view("write"), Operation::write}};
constexpr std::array kPatterns{std::pair{std::string_view("random"), Pattern::random},
                               std::pair{std::string_view("sequential"), Pattern::sequential}};
constexpr std::array kSwitch{std::pair{std::string_view("on"), true},
                             std::pair{std::string_view("off"), false}};
constexpr std::array kRegimes{std::pair{std::string_view("cached"), Regime::cached},
                              std::pair{std::string_view("device"), Regime::device}};
constexpr std::array kArrivals{std::pair{std::string_view("fixed"), Arrival::fixed},
                               std::pair{std::string_view("poisson"), Arrival::poisson}};
constexpr std::array kCompletions{std::pair{std::string_view("block"), Completion::block},
                                  std::pair{std::string_view("poll"), Completion::poll},
                                  std::pair{std::string_view("hybrid"), Completion::hybrid}};
constexpr std::array kPolicies{std::pair{std::string_view("other"), Policy::other},
                               std::pair{std::string_view("fifo"), Policy::fifo}};

Expected<void> set_size(Bytes& target, std::string_view key, std::string_view value,
                        std::uint64_t max) {
  const auto size = parse_bytes(value);
  if (!size) return wrong(key, value, "a size such as 4KiB");
  if (size->count == 0 || size->count > max) {
    return wrong(key, value, fmt::format("1 byte to {}", format_bytes(Bytes{max})));
  }
  target = *size;
  return {};
}

Expected<void> set_count(unsigned& target, std::string_view key, std::string_view value) {
  const auto count = parse_uint(value);
  if (!count || *count == 0 || *count > kDepthMax) {
    return wrong(key, value, fmt::format("a number from 1 to {}", kDepthMax));
  }
  target = static_cast<unsigned>(*count);
  return {};
}

Expected<void> set_features(Parameters& parameters, std::string_view value) {
  std::vector<std::string_view> names;
  for (const UringFeature& feature : uring_features()) names.push_back(feature.name);
  for (std::string_view rest = value; value != "none" && !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('+'));
    if (std::ranges::find(names, name) == names.end()) {
      return wrong("features", value,
                   fmt::format("none, or some of {}, joined by +{}", fmt::join(names, ", "),
                               did_you_mean(name, names)));
    }
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
  }
  parameters.features = value == "none" ? std::string() : std::string(value);
  return {};
}

Expected<void> set_threads(Parameters& parameters, std::string_view value) {
  const auto count = parse_uint(value);
  if (!count || *count == 0 || *count > kThreadsMax) {
    return wrong("threads", value, fmt::format("a number from 1 to {}", kThreadsMax));
  }
  parameters.threads = static_cast<unsigned>(*count);
  return {};
}

Expected<void> set_read_share(Parameters& parameters, std::string_view value) {
  if (value.ends_with('%')) value.remove_suffix(1);
  const auto share = parse_uint(value);
  if (!share || *share > 100) return wrong("read-share", value, "percent that read, 0 to 100");
  parameters.read_share = static_cast<unsigned>(*share);
  return {};
}

Expected<void> set_rate(Parameters& parameters, std::string_view value) {
  double rate = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), rate);
  const bool whole = code == std::errc() && end == value.data() + value.size();
  if (!whole || !std::isfinite(rate) || rate < 0 || rate > kRateMax) {
    return wrong("rate", value, "operations per second, 0 (closed loop) to 1e9");
  }
  parameters.rate_per_s = rate;
  return {};
}

Expected<void> set_interval(Parameters& parameters, std::string_view value) {
  const auto interval = parse_duration(value);
  if (!interval || interval->count() <= 0) {
    return wrong("interval", value, "a duration such as 1ms");
  }
  parameters.interval = *interval;
  return {};
}

Expected<void> set_target(Parameters& parameters, std::string_view value) {
  const auto target = parse_duration(value);
  if (!target || target->count() <= 0) {
    return wrong("target-p99", value, "a duration such as 500us");
  }
  parameters.target_p99 = *target;
  return {};
}

Expected<void> set_variant(Parameters& parameters, std::string_view value) {
  for (const char c : value) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!fine) return wrong("variant", value, "a word of lower-case letters, digits and -");
  }
  parameters.variant = std::string(value);
  return {};
}

Expected<void> set_direct(Parameters& p, std::string_view value) {
  bool on = false;
  auto set = choose(on, "direct", value, kSwitch);
  if (set) p.direct = on;
  return set;
}

Expected<void> set_regime(Parameters& p, std::string_view value) {
  Regime regime = Regime::cached;
  auto set = choose(regime, "regime", value, kRegimes);
  if (set) p.regime = regime;
  return set;
}

Expected<void> set_completion(Parameters& p, std::string_view value) {
  Completion completion = Completion::block;
  auto set = choose(completion, "completion", value, kCompletions);
  if (set) p.completion = completion;
  return set;
}

using P = Parameters;
using Text = std::string_view;

constexpr ParameterRow kRows[] = {
    {"op", "read|write", "what each operation does",
     [](P& p, Text v) { return choose(p.operation, "op", v, kOperations); },
     [](const P& p) { return word_of(p.operation, kOperations); }},
    {"block", "SIZE", "bytes that one operation moves",
     [](P& p, Text v) {
       auto set = set_size(p.block, "block", v, kBlockBytesMax);
       p.block_given = p.block_given || set.has_value();
       return set;
     },
     [](const P& p) { return format_bytes(p.block); }},
    {"size", "SIZE", "size of the test file, or of the memory that is walked (memory.*)",
     [](P& p, Text v) {
       return set_size(p.size, "size", v, std::numeric_limits<std::int64_t>::max());
     },
     [](const P& p) { return format_bytes(p.size); }},
    {"depth", "N", "operations in flight at once",
     [](P& p, Text v) {
       auto set = set_count(p.depth, "depth", v);
       p.depth_given = p.depth_given || set.has_value();
       return set;
     },
     [](const P& p) { return fmt::format("{}", p.depth); }},
    {"batch", "N", "operations handed to the kernel in one call",
     [](P& p, Text v) { return set_count(p.batch, "batch", v); },
     [](const P& p) { return p.batch == 0 ? std::string() : fmt::format("{}", p.batch); }},
    {"pattern", "random|sequential", "order of the offsets",
     [](P& p, Text v) { return choose(p.pattern, "pattern", v, kPatterns); },
     [](const P& p) { return word_of(p.pattern, kPatterns); }},
    {"direct", "on|off", "O_DIRECT: past the page cache", set_direct,
     [](const P& p) { return p.direct ? word_of(*p.direct, kSwitch) : std::string(); }},
    {"regime", "cached|device", "page cache warmed, or evicted, first; verified either way",
     set_regime,
     [](const P& p) { return p.regime ? word_of(*p.regime, kRegimes) : std::string(); }},
    {"completion", "block|poll|hybrid",
     "sleep until operations are done, look without pause, or look for a while and then sleep",
     set_completion,
     [](const P& p) { return p.completion ? word_of(*p.completion, kCompletions) : ""; }},
    {"rate", "N", "operations started per second, whatever comes back (open loop); 0: closed loop",
     set_rate,
     [](const P& p) {
       return p.rate_per_s == 0 ? std::string() : fmt::format("{}", p.rate_per_s);
     }},
    {"arrival", "fixed|poisson", "schedule of the open loop",
     [](P& p, Text v) { return choose(p.arrival, "arrival", v, kArrivals); },
     [](const P& p) { return p.rate_per_s == 0 ? std::string() : word_of(p.arrival, kArrivals); }},
    {"message", "SIZE", "size of one message (ipc, net)",
     [](P& p, Text v) { return set_size(p.message, "message", v, kBlockBytesMax); },
     [](const P& p) { return format_bytes(p.message); }},
    {"variant", "WORD", "part of a technique, such as l1 (memory.hierarchy) or sync (os.timer)",
     set_variant, [](const P& p) { return p.variant; }},
    {"interval", "TIME", "period of the wake-ups (os.wakeup, os.pinned, os.realtime)", set_interval,
     [](const P& p) { return format_duration(p.interval); }},
    {"target-p99", "TIME", "latency under which the p99 is held (storage.adaptive-depth)",
     set_target, [](const P& p) { return format_duration(p.target_p99); }},
    {"policy", "other|fifo", "scheduling class (os.wakeup, os.jitter)",
     [](P& p, Text v) { return choose(p.policy, "policy", v, kPolicies); },
     [](const P& p) { return word_of(p.policy, kPolicies); }},
    {"features", "A+B", "switches of storage.uring that are on, such as fixed-buffers+batched",
     set_features, [](const P& p) { return p.features; }},
    {"threads", "N", "threads that do the same at once, each in its own part of the file",
     set_threads,
     [](const P& p) { return p.threads == 1 ? std::string() : fmt::format("{}", p.threads); }},
    {"read-share", "PERCENT", "operations that read, the others write; 100: --op decides",
     set_read_share,
     [](const P& p) { return p.read_share ? fmt::format("{}", *p.read_share) : std::string(); }},
};

}  // namespace

bool writes(const Parameters& parameters) {
  if (is_mixed(parameters)) return true;
  if (parameters.read_share == 0U) return true;
  return parameters.read_share != 100U && parameters.operation == Operation::write;
}

std::uint64_t written_part(const Parameters& parameters, std::uint64_t bytes) {
  if (!writes(parameters)) return 0;
  if (!is_mixed(parameters)) return bytes;
  // The shares are drawn at random: rounded up, so that a limit holds.
  return bytes / 100 * (100 - *parameters.read_share) + bytes % 100;
}

std::span<const ParameterRow> parameter_rows() { return kRows; }

Expected<void> set_parameter(Parameters& parameters, std::string_view key, std::string_view value) {
  std::vector<std::string_view> keys;
  for (const ParameterRow& row : kRows) {
    if (row.key == key) return row.set(parameters, value);
    keys.push_back(row.key);
  }
  return fail(ErrorCode::invalid, "parameter", key, "no such parameter" + did_you_mean(key, keys));
}

}  // namespace assay::engine
