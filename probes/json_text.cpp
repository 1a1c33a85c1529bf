#include "probes/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace assay::probes {
namespace {

using Json = nlohmann::ordered_json;

bool is_plain_text(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; });
}

class Writer {
 public:
  enum class Layout : std::uint8_t { compact, indented };
  Writer(std::string& text, Layout layout) : text_(text), indented_(layout == Layout::indented) {}

  void write(const Json& value) {
    switch (value.type()) {
      case Json::value_t::object:
        write_object(value);
        break;
      case Json::value_t::array:
        write_array(value);
        break;
      case Json::value_t::number_unsigned:
        write_number(value.get_ref<const Json::number_unsigned_t&>());
        break;
      case Json::value_t::number_integer:
        write_number(value.get_ref<const Json::number_integer_t&>());
        break;
      case Json::value_t::string:
        write_string(value.get_ref<const std::string&>());
        break;
      default:  // null, true, false, and numbers with a fraction: few
        text_ += value.dump();
    }
  }

 private:
  template <typename Number>
  void write_number(Number number) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    text_.append(digits.data(), end);
  }

  void write_string(const std::string& text) {
    if (is_plain_text(text)) {
      text_ += '"';
      text_ += text;
      text_ += '"';
      return;
    }
    text_ += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  void new_line() {
    if (!indented_) return;
    text_ += '\n';
    text_.append(2 * depth_, ' ');
  }

  void write_object(const Json& object) {
    if (object.empty()) {
      text_ += "{}";
      return;
    }
    text_ += '{';
    ++depth_;
    bool first = true;
    for (const auto& [key, value] : object.items()) {
      if (!first) text_ += ',';
      first = false;
      new_line();
      write_string(key);
      text_ += indented_ ? ": " : ":";
      write(value);
    }
    --depth_;
    new_line();
    text_ += '}';
  }

  void write_array(const Json& array) {
    const bool nested = std::any_of(array.begin(), array.end(),
                                    [](const Json& value) { return value.is_structured(); });
    text_ += '[';
    ++depth_;
    bool first = true;
    for (const Json& value : array) {
      if (!first) text_ += nested || !indented_ ? "," : ", ";
      first = false;
      if (nested) new_line();
      write(value);
    }
    --depth_;
    if (nested) new_line();
    text_ += ']';
  }

  std::string& text_;
  const bool indented_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string to_json_text(const Json& document) {
  std::string text;
  Writer(text, Writer::Layout::indented).write(document);
  text += '\n';
  return text;
}

void append_compact(const Json& value, std::string& text) {
  Writer(text, Writer::Layout::compact).write(value);
}

}  // namespace assay::probes
