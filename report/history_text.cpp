#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "certify/judge_words.hpp"
#include "report/labels.hpp"
#include "report/render.hpp"
#include "report/text.hpp"

namespace assay::report {
namespace {

std::string signed_time(double nanoseconds) {
  return (nanoseconds < 0 ? "-" : "+") + format_ns_short(std::fabs(nanoseconds));
}

std::string same_words(bool same) { return same ? "the same" : "different"; }

}  // namespace

std::string history_text(const std::vector<StoredCertificate>& certificates, const Style& style) {
  if (certificates.empty()) return "no certificate is stored yet; `assay certify` makes one\n";
  Table table({"ID", "ISSUED", "HOST", "PROFILE", "VERDICT", "CONFIGURATION"}, {});
  for (const StoredCertificate& one : certificates) {
    table.add({one.id, one.issued, one.host, one.profile,
               one.verdict + (one.partial ? " (partial)" : ""),
               short_digest(one.configuration_digest)});
  }
  return table.text(style.width);
}

std::string comparison_text(const Comparison& comparison, const Style& style) {
  std::string text =
      fmt::format("{} (earlier) and {} (later)\n", comparison.earlier_id, comparison.later_id);
  text += fmt::format(
      "machine {}, configuration {}, profile {}\n\n", same_words(comparison.same_identity),
      same_words(comparison.same_configuration), same_words(comparison.same_profile));
  Table table({"SERIES", "", "EARLIER", "LATER", "DIFFERENCE", "INTERVAL", "VERDICT"},
              {2, 3, 4, 5});
  std::size_t compared = 0, equal = 0;
  for (const ComparedMeasurement& row : comparison.measurements) {
    std::vector<std::string> cells{row.series, certify::quantile_name(row.quantile)};
    std::vector<std::string> notes;
    if (row.comparable()) {
      ++compared;
      equal += row.difference.contains_zero() ? 1U : 0U;
      cells.insert(cells.end(), {format_ns_short(row.earlier_ns), format_ns_short(row.later_ns),
                                 signed_time(row.difference.difference_ns),
                                 fmt::format("{} … {}", signed_time(row.difference.low_ns),
                                             signed_time(row.difference.high_ns)),
                                 row.verdict});
    } else {
      cells.insert(cells.end(), {"–", "–", "–", "–", "–"});
      notes.push_back(row.verdict);
    }
    table.add(std::move(cells), std::move(notes));
  }
  if (!table.empty()) text += table.text(style.width);
  text += fmt::format("{} of {} differences contain 0 ({} confidence each)\n", equal, compared,
                      certify::percent(comparison.confidence));
  for (const std::string& name : comparison.only_earlier) {
    text += wrapped("only in the earlier one: " + name, "  ", style.width);
  }
  for (const std::string& name : comparison.only_later) {
    text += wrapped("only in the later one: " + name, "  ", style.width);
  }
  for (const std::string& change : comparison.changed_settings) {
    text += wrapped(change, "  setting ", style.width);
  }
  return text;
}

}  // namespace assay::report
