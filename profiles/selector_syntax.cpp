#include "profiles/selector_syntax.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/suggest.hpp"
#include "core/units.hpp"
#include "profiles/yaml_tree.hpp"

namespace assay::profiles {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kWords = {"all"sv,
                               "online"sv,
                               "allowed"sv,
                               "rest"sv,
                               "first-core"sv,
                               "one-core-per-node"sv,
                               "one-core-per-package"sv};

// A name that is followed by "(".
struct Function {
  std::string_view name;
  SelectorKind kind;
};
constexpr std::array kFunctions = {
    Function{"node", SelectorKind::node},
    Function{"package", SelectorKind::package},
    Function{"kind", SelectorKind::kind},
    Function{"siblings-of", SelectorKind::siblings_of},
    Function{"cores-of", SelectorKind::cores_of},
    Function{"whole-cores", SelectorKind::whole_cores},
    Function{"at-most", SelectorKind::at_most},
    Function{"not", SelectorKind::complement},
    Function{"near", SelectorKind::near},
};

constexpr auto kFunctionNames = [] {
  std::array<std::string_view, kFunctions.size()> names{};
  std::transform(kFunctions.begin(), kFunctions.end(), names.begin(),
                 [](const Function& function) { return function.name; });
  return names;
}();

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
// A "-" is part of a word wherever one is being read: "first-core" is one word, and so is "a-b".
bool is_word_part(char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; }

const Function* find_function(std::string_view name) {
  const auto found = std::find_if(kFunctions.begin(), kFunctions.end(),
                                  [&](const Function& function) { return function.name == name; });
  return found == kFunctions.end() ? nullptr : &*found;
}

// Recursive descent; the depth counts parentheses and function calls, the only recursion there is.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Expected<Selector> parse() {
    auto selector = sum();
    if (!selector) return selector;
    if (position_ < text_.size()) {
      return fail_here("expected +, -, & or the end");
    }
    return selector;
  }

 private:
  void skip_spaces() {
    while (position_ < text_.size() && text_[position_] == ' ') ++position_;
  }
  char peek(std::size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }
  // Takes an operator and the spaces behind it.
  bool take(char c) {
    if (peek() != c) return false;
    ++position_;
    skip_spaces();
    return true;
  }

  Failure fail_here(std::string_view expected) const {
    const std::string found =
        position_ < text_.size() ? in_quotes(text_.substr(position_, 1)) : std::string("the end");
    return fail_in_selector(text_, position_, fmt::format("{}, found {}", expected, found));
  }

  // A chain is one node with many operands and no tree as deep as the chain is long.
  Expected<Selector> sum() {
    skip_spaces();
    const std::size_t start = position_;
    Selector chain{SelectorKind::sum, start, {}, {}, 0, {}, {}};
    bool subtract = false;
    do {
      auto operand = product();
      if (!operand) return operand;
      chain.operands.push_back(std::move(*operand));
      chain.subtracts.push_back(subtract);
      subtract = peek() == '-';
    } while (take('+') || take('-') || take(','));
    return chain.operands.size() == 1 ? std::move(chain.operands.front()) : std::move(chain);
  }

  Expected<Selector> product() {
    Selector chain{SelectorKind::product, position_, {}, {}, 0, {}, {}};
    do {
      auto next = operand();
      if (!next) return next;
      chain.operands.push_back(std::move(*next));
    } while (take('&'));
    return chain.operands.size() == 1 ? std::move(chain.operands.front()) : std::move(chain);
  }

  Expected<Selector> operand() {
    if (is_digit(peek())) return list();
    if (is_lower(peek())) return word_or_call();
    if (peek() != '(') return fail_here("expected a CPU list, a role, a function or (");
    return parenthesised();
  }

  // The parenthesis is not taken before the depth is checked, so that the message points at it.
  // "(" sum ")", or with `counted` "(" NUMBER "," sum ")".
  Expected<Selector> parenthesised(Selector* counted = nullptr) {
    if (depth_ == kMaxSelectorDepth) {
      return fail_in_selector(text_, position_,
                              fmt::format("nested more than {} deep", kMaxSelectorDepth));
    }
    ++depth_;
    take('(');
    if (counted != nullptr) {
      if (auto read = number(*counted); !read) return Failure(read.error());
      if (counted->number == 0) return fail_here("expected a number above 0 before this");
      if (!take(',')) return fail_here("expected , and a selector");
    }
    auto inner = sum();
    --depth_;
    if (inner && !take(')')) return fail_here("expected )");
    return inner;
  }

  // A list goes on over a comma only when digits follow: "0-3,first-core" is a list and a word.
  Expected<Selector> list() {
    const std::size_t start = position_;
    std::string digits;
    for (;;) {
      const char c = peek();
      const bool joins = (c == '-' || c == ':' || c == '/') && is_digit(peek(1));
      if (is_digit(c) || joins) {
        digits += c;
        ++position_;
        continue;
      }
      std::size_t next = position_ + 1;
      while (c == ',' && next < text_.size() && text_[next] == ' ') ++next;
      if (c != ',' || next >= text_.size() || !is_digit(text_[next])) break;
      digits += c;
      position_ = next;
    }
    // "0x3" or "3a" is a slip and not a list followed by a word.
    if (is_word_part(peek()) && peek() != '-') return fail_here("expected the end of a CPU list");
    auto cpus = CpuSet::parse_list(digits);
    if (!cpus) return fail_in_selector(text_, start, cpus.error().cause);
    skip_spaces();
    return Selector{SelectorKind::list, start, std::move(*cpus), {}, 0, {}, {}};
  }

  std::string take_word() {
    const std::size_t start = position_;
    while (is_word_part(peek())) ++position_;
    std::string word(text_.substr(start, position_ - start));
    skip_spaces();
    return word;
  }

  // A function's name without "(" is told so; any other word is a role until names are resolved.
  Expected<Selector> word_or_call() {
    const std::size_t start = position_;
    std::string word = take_word();
    const Function* function = find_function(word);
    if (peek() != '(') {
      if (function != nullptr) return fail_here(fmt::format("expected ( after {}", word));
      return Selector{SelectorKind::word, start, {}, std::move(word), 0, {}, {}};
    }
    if (function == nullptr) {
      return fail_in_selector(text_, start,
                              fmt::format("unknown function {}{}", in_quotes(word),
                                          did_you_mean(word, kFunctionNames)));
    }
    return call(*function, start);
  }

  Expected<Selector> call(const Function& function, std::size_t start) {
    Selector selector{function.kind, start, {}, {}, 0, {}, {}};
    const bool is_number =
        function.kind == SelectorKind::node || function.kind == SelectorKind::package;
    const bool is_near = function.kind == SelectorKind::near;
    if (is_number || is_near || function.kind == SelectorKind::kind) {
      take('(');
      auto read = is_number ? number(selector) : is_near ? device(selector) : cpu_kind(selector);
      if (!read) return Failure(read.error());
      if (!take(')')) return fail_here("expected )");
      return selector;
    }
    auto inner = parenthesised(function.kind == SelectorKind::at_most ? &selector : nullptr);
    if (!inner) return inner;
    selector.operands.push_back(std::move(*inner));
    return selector;
  }

  Expected<void> number(Selector& selector) {
    const std::size_t start = position_;
    while (is_digit(peek())) ++position_;
    const auto value = parse_uint(text_.substr(start, position_ - start));
    if (!value || *value >= CpuSet::kMaxCpus) {
      return fail_in_selector(text_, start, "expected a number below 65536");
    }
    selector.number = static_cast<unsigned>(*value);
    skip_spaces();
    return {};
  }

  Expected<void> cpu_kind(Selector& selector) {
    const std::size_t start = position_;
    selector.word = take_word();
    if (selector.word == "performance" || selector.word == "efficiency") return {};
    return fail_in_selector(text_, start, "expected performance or efficiency");
  }

  // A device's name may hold what operators are made of: "eth1-rx", "pci-0000:01:00.0/ns1".
  Expected<void> device(Selector& selector) {
    const std::size_t start = position_;
    while (peek() > ' ' && peek() < '\x7f' && peek() != ')' && peek() != '(') ++position_;
    selector.word = text_.substr(start, position_ - start);
    const std::size_t colon = selector.word.find(':');
    const std::string_view kind = std::string_view(selector.word).substr(0, colon + 1);
    const bool named = kind == "nic:" || kind == "drive:";
    if (selector.word.size() <= (named ? kind.size() : 0)) {
      return fail_here("expected a device: nic:NAME, drive:NAME or a PCI address");
    }
    skip_spaces();
    return {};
  }

  std::string_view text_;
  std::size_t position_ = 0;
  unsigned depth_ = 0;
};

}  // namespace

Failure fail_in_selector(std::string_view text, std::size_t position, std::string_view cause) {
  return fail(ErrorCode::invalid, "read selector", in_quotes(text),
              fmt::format("column {}: {}", position + 1, cause));
}

Expected<Selector> parse_selector(std::string_view text) {
  if (text.size() > kMaxSelectorBytes) {
    return fail_in_selector(text, 0, fmt::format("at most {} bytes are read", kMaxSelectorBytes));
  }
  return Parser(text).parse();
}

bool is_selector_word(std::string_view word) {
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end() ||
         find_function(word) != nullptr;
}

std::vector<std::string_view> selector_words() {
  std::vector<std::string_view> words(kWords.begin(), kWords.end());
  words.insert(words.end(), {"isolated", "housekeeping"});
  return words;
}

std::vector<std::pair<std::string, std::size_t>> role_words(const Selector& selector) {
  std::vector<std::pair<std::string, std::size_t>> words;
  if (selector.kind == SelectorKind::word && !is_selector_word(selector.word)) {
    words.emplace_back(selector.word, selector.position);
  }
  for (const Selector& operand : selector.operands) {
    auto inner = role_words(operand);
    words.insert(words.end(), inner.begin(), inner.end());
  }
  return words;
}

}  // namespace assay::profiles
