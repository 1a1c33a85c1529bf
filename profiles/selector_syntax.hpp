// The grammar of CPU selectors (see selectors.hpp), apart from any host.
//
//   sum     = product { ("+" | "-" | ",") product }     left to right; "," is "+"
//   product = operand { "&" operand }                   binds tighter
//   operand = LIST | WORD | NAME "(" argument ")" | "at-most(" NUMBER "," sum ")" | "(" sum ")"
//           | "near(" [ "nic:" | "drive:" ] DEVICE ")"
//
// A "-" inside a word or between two digits belongs to it ("first-core", "0-3"); as an operator it
// needs a space before it. LIST is the kernel's: "0-3,8,16-31:2/4". Pure. Internal to profiles/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/cpuset.hpp"
#include "core/error.hpp"

namespace assay::profiles {

enum class SelectorKind : std::uint8_t {
  list,         // `cpus`
  word,         // `word`: a role or a word such as first-core
  node,         // node(`number`)
  package,      // package(`number`)
  kind,         // kind(`word`): performance or efficiency, on hybrid machines
  siblings_of,  // of operands[0]
  cores_of,     // of operands[0]
  whole_cores,  // those of operands[0] whose siblings are all in it
  at_most,      // at-most(`number`, operands[0])
  complement,   // not(operands[0])
  near,         // near(`word`): "nic:eth1", "drive:nvme*", "pci-0000:01:00.0"
  sum,          // operands joined from left to right; `subtracts` says which are taken away
  product,      // what all operands share
};

// One node of a parsed selector. A plain value.
struct Selector {
  SelectorKind kind = SelectorKind::list;
  std::size_t position = 0;  // offset of its first byte in the text
  CpuSet cpus;
  std::string word;
  unsigned number = 0;
  std::vector<Selector> operands;
  std::vector<bool> subtracts;  // as long as operands; only for sum
};

// Longest text and deepest nesting of parentheses that are read.
inline constexpr std::size_t kMaxSelectorBytes = 4096;
inline constexpr unsigned kMaxSelectorDepth = 32;

// Errors: invalid; the cause tells the column in the selector and what was expected there.
Expected<Selector> parse_selector(std::string_view text);

// The words that mean something on every host and cannot name a role. "isolated" and
// "housekeeping" are not among them: a profile may define them.
bool is_selector_word(std::string_view word);

// Those words, and "isolated" and "housekeeping": for "did you mean".
std::vector<std::string_view> selector_words();

// Every word in the selector that is not such a word, with its position: its roles.
std::vector<std::pair<std::string, std::size_t>> role_words(const Selector& selector);

// An `invalid` error at a place in a selector: "column 7: expected ...".
Failure fail_in_selector(std::string_view text, std::size_t position, std::string_view cause);

}  // namespace assay::profiles
