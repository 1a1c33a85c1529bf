// What a finished check says: its exit code, its counts, its JSON.
#include <fmt/core.h>

#include <array>
#include <nlohmann/json.hpp>

#include "tuner/check.hpp"

namespace assay::tuner {
namespace {

// Only required rows fail a check; the others are reported.
unsigned required_with(const CheckReport& report, Outcome outcome) {
  unsigned count = 0;
  for (const CheckRow& row : report.rows) {
    if (row.required && row.outcome == outcome) ++count;
  }
  return count;
}

// An empty text is a value that was not read: null says so better than "".
nlohmann::ordered_json or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  static constexpr std::array<std::string_view, 7> kNames{
      "ok", "differs", "not-applicable", "kernel-managed", "pending-reboot", "denied", "waived"};
  return kNames[static_cast<std::size_t>(outcome)];
}

int CheckReport::exit_code() const {
  // The order of the design: what was seen to be wrong outweighs what could not be seen.
  if (required_with(*this, Outcome::differs) + required_with(*this, Outcome::pending_reboot) > 0) {
    return 1;
  }
  return required_with(*this, Outcome::denied) > 0 ? 3 : 0;
}

std::string CheckReport::exit_reason() const {
  const unsigned differs = required_with(*this, Outcome::differs);
  const unsigned pending = required_with(*this, Outcome::pending_reboot);
  const unsigned denied = required_with(*this, Outcome::denied);
  std::string reason;
  auto add = [&](unsigned count, std::string_view what) {
    if (count == 0) return;
    reason += fmt::format("{}{} {}", reason.empty() ? "" : ", ", count, what);
  };
  add(differs, differs == 1 ? "required value differs" : "required values differ");
  add(pending, pending == 1 ? "waits for a reboot" : "wait for a reboot");
  add(denied, "could not be read for lack of privilege");
  return reason.empty() ? "every required value is as wanted" : reason;
}

CheckCounts CheckReport::counts() const {
  CheckCounts counts;
  for (const CheckRow& row : rows) {
    ++counts.rows;
    ++counts.of[static_cast<std::size_t>(row.outcome)];
  }
  return counts;
}

nlohmann::ordered_json to_json(const CheckReport& report) {
  using OrderedJson = nlohmann::ordered_json;
  OrderedJson settings = OrderedJson::array();
  for (const CheckRow& row : report.rows) {
    settings.push_back({{"id", row.id},
                        {"target", row.target},
                        {"local", or_null(row.local)},
                        {"wanted", row.wanted},
                        {"configured", or_null(row.configured)},
                        {"effective", or_null(row.effective)},
                        {"outcome", to_string(row.outcome)},
                        {"required", row.required},
                        {"reason", or_null(row.reason)}});
  }
  OrderedJson counts = OrderedJson::object();
  const CheckCounts found = report.counts();
  for (std::size_t i = 0; i < std::size(found.of); ++i) {
    counts[std::string(to_string(static_cast<Outcome>(i)))] = found.of[i];
  }
  return {{"schema", "assay.check"},         {"version", 1},
          {"profile", report.profile},       {"settings", std::move(settings)},
          {"counts", std::move(counts)},     {"notes", report.notes},
          {"exit_code", report.exit_code()}, {"exit_reason", report.exit_reason()}};
}

}  // namespace assay::tuner
