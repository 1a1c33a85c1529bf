// A YAML document as a small tree of values that know where they stand in their file.
//
// The parser is yaml-cpp's (YAML 1.2); its events are turned into nodes here and not into its own
// Node type, so that hostile input is stopped while it is read: a file is at most 1 MiB, nested at
// most 32 deep, and has at most 20,000 nodes, counting a node again wherever an alias repeats it.
// Scalars stay text: "off", "0x10" and "2027-01-31" mean what the reader of a field takes them for.
// Immutable after parsing, so safe to read from several threads. Internal to profiles/.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "profiles/profile.hpp"

namespace assay::profiles {

// `null` is an empty value, "~" or "null"; quoted, each of them is a scalar.
enum class YamlKind : std::uint8_t { null, scalar, list, map };

// One value. Owned by its YamlDocument; pointers between nodes never form a cycle.
struct YamlNode {
  YamlKind kind = YamlKind::null;
  std::string text;  // of a scalar, quotes and escapes resolved
  std::vector<const YamlNode*> items;
  std::vector<std::pair<const YamlNode*, const YamlNode*>> entries;  // keys are unique scalars
  std::string_view file;                                             // for messages
  int line = 1, column = 1;                                          // 1-based; columns are bytes

  Location where() const { return {std::string(file), line, column}; }
  // The value of a key, or null when the map has no such key.
  const YamlNode* find(std::string_view key) const;
};

// Owns the nodes of one file, aliases shared and not copied. Movable: nodes keep their addresses,
// and their file name lives as long as they do.
class YamlDocument {
 public:
  static constexpr std::size_t kMaxBytes = 1 << 20;
  static constexpr unsigned kMaxDepth = 32;
  static constexpr unsigned kMaxNodes = 20'000;

  // Error: invalid with file:line:column for broken YAML, a duplicate or non-scalar key, a tag, a
  // second document, text that is not UTF-8, and anything beyond the limits above.
  static Expected<YamlDocument> parse(std::string_view text, std::string_view file_name);

  // The one value of the file; never null for a document that parse() has returned.
  const YamlNode& root() const { return *root_; }

 private:
  friend class TreeBuilder;
  std::unique_ptr<const std::string> file_;  // what every node's `file` points into
  std::deque<YamlNode> nodes_;
  const YamlNode* root_ = nullptr;
};

// An `invalid` error at a place in a file, with the one operation name that profiles use.
Failure fail_at(const Location& where, std::string_view cause);
Failure fail_at(const YamlNode& node, std::string_view cause);

// Text from a file as it may be printed: in double quotes, control characters as \xNN, shortened
// after 60 bytes. A profile must not be able to send escape sequences to a terminal.
std::string in_quotes(std::string_view text);

}  // namespace assay::profiles
