#include "tuner/check_junit.hpp"

#include <fmt/core.h>

namespace assay::tuner {
namespace {

// Text of any origin as an attribute's value: XML 1.0 has no place for most control characters.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  return out;
}

// What a test case says inside; "" for one that passed.
std::string_view element_of(const CheckRow& row) {
  switch (row.outcome) {
    case Outcome::ok:
      return "";
    case Outcome::differs:
    case Outcome::pending_reboot:
      return row.required ? "failure" : "skipped";
    case Outcome::denied:
      return row.required ? "error" : "skipped";
    case Outcome::not_applicable:
    case Outcome::kernel_managed:
    case Outcome::waived:
      return "skipped";
  }
  return "";
}

std::string message_of(const CheckRow& row) {
  std::string text = fmt::format("{}: wanted {}", to_string(row.outcome), row.wanted);
  if (!row.configured.empty()) text += fmt::format(", is {}", row.configured);
  if (!row.effective.empty() && row.effective != row.configured) {
    text += fmt::format(" ({} in effect)", row.effective);
  }
  return row.reason.empty() ? text : fmt::format("{}; {}", text, row.reason);
}

std::string case_of(const CheckRow& row) {
  const std::string name = row.local.empty() || row.local == row.target
                               ? row.target
                               : fmt::format("{} ({})", row.target, row.local);
  const std::string open =
      fmt::format("  <testcase classname=\"{}\" name=\"{}\"", escaped(row.id), escaped(name));
  const std::string_view element = element_of(row);
  if (element.empty()) return open + "/>\n";
  return fmt::format("{}>\n    <{} message=\"{}\"/>\n  </testcase>\n", open, element,
                     escaped(message_of(row)));
}

}  // namespace

std::string render_junit(const CheckReport& report) {
  unsigned failures = 0, errors = 0, skipped = 0;
  std::string cases;
  for (const CheckRow& row : report.rows) {
    const std::string_view element = element_of(row);
    if (element == "failure") ++failures;
    if (element == "error") ++errors;
    if (element == "skipped") ++skipped;
    cases += case_of(row);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"assay check {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" "
      "skipped=\"{}\">\n{}</testsuite>\n",
      escaped(report.profile), report.rows.size(), failures, errors, skipped, cases);
}

}  // namespace assay::tuner
