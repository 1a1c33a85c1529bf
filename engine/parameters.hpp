// What one measurement is asked to do: the options of `assay bench`, the keys of a profile's budget
// and the `parameters` of a result, in one table.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "core/units.hpp"

namespace assay::engine {

enum class Operation : std::uint8_t { read, write };
enum class Pattern : std::uint8_t { random, sequential };
// Storage: the page cache is warmed and verified, or evicted first and verified.
enum class Regime : std::uint8_t { cached, device };
enum class Arrival : std::uint8_t { fixed, poisson };
// How a thread learns that an operation is done: it sleeps until the kernel wakes it, it looks
// without pause, or it looks for a short while and then sleeps.
enum class Completion : std::uint8_t { block, poll, hybrid };
enum class Policy : std::uint8_t { other, fifo };

struct Parameters {
  Operation operation = Operation::read;
  Bytes block{4096};
  Bytes size{Bytes{64ULL << 20}};  // of the test file
  unsigned depth = 1;
  // set_parameter() set them: else a technique may resolve() its own.
  bool block_given = false, depth_given = false;
  unsigned batch = 0;  // 0: the technique's own choice
  Pattern pattern = Pattern::random;
  std::optional<bool> direct;    // absent: the technique's own choice
  std::optional<Regime> regime;  // absent: device when direct, else cached
  double rate_per_s = 0;         // 0: closed loop
  Arrival arrival = Arrival::poisson;
  std::optional<Completion> completion;  // absent: the technique's own choice, mostly block
  Bytes message{64};
  std::string variant;  // part of a technique ("l1"); empty: the only or every one
  Nanoseconds interval{std::chrono::milliseconds(1)};
  Nanoseconds target_p99{std::chrono::microseconds(500)};
  Policy policy = Policy::other;
  std::string features;                // storage.uring: its switches that are on, joined by '+'
  unsigned threads = 1;                // that do the same, each in its own part of the file
  std::optional<unsigned> read_share;  // percent of the operations that read; absent: by `op`
  std::string
      path;  // storage, copy: a file, drive or directory; empty: own test file in `directory`
  std::string directory;  // where own test files are made; empty: the default place
};

// Whether these operations write, all or some; of `bytes` moved, how many were written.
bool writes(const Parameters& parameters);
std::uint64_t written_part(const Parameters& parameters, std::uint64_t bytes);
// Whether reads and writes are mixed.
inline bool is_mixed(const Parameters& parameters) {
  return parameters.read_share && *parameters.read_share > 0 && *parameters.read_share < 100;
}

// One option: how it is written, read and checked.
struct ParameterRow {
  std::string_view key;   // "block"
  std::string_view form;  // "SIZE"
  std::string_view help;  // one line, for --help and docs
  Expected<void> (*set)(Parameters&, std::string_view value);
  std::string (*get)(const Parameters&);  // "" when it does not apply or is not set
};
std::span<const ParameterRow> parameter_rows();

// Sets one by key; errors: invalid with what was expected and "did you mean".
Expected<void> set_parameter(Parameters& parameters, std::string_view key, std::string_view value);

}  // namespace assay::engine
