// What became of a plan, for people and programs.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "tuner/apply.hpp"
#include "tuner/plan_rows.hpp"

namespace assay::tuner {

using Json = nlohmann::ordered_json;

namespace {

Json times_json(const std::optional<TuneTimes>& times) {
  if (!times) return nullptr;
  return {{"total_ns", times->total.count()},
          {"plan_ns", times->plan.count()},
          {"kernel_writes_ns", times->host.kernel_writes.count()},
          {"durable_files_ns", times->host.durable_files.count()},
          {"programs_ns", times->host.programs.count()},
          {"own_ns", times->own().count()}};
}

std::string times_line(const TuneTimes& times) {
  const auto ms = [](std::chrono::nanoseconds time) {
    return fmt::format("{:.1f} ms", static_cast<double>(time.count()) / 1e6);
  };
  std::string text = fmt::format(
      "took {}: {} assay's own, {} the kernel's writes, {} files made "
      "durable",
      ms(times.total), ms(times.own()), ms(times.host.kernel_writes), ms(times.host.durable_files));
  if (times.host.programs.count() != 0)
    text += fmt::format(", {} programs", ms(times.host.programs));
  return text + "\n";
}

}  // namespace

int ApplyReport::exit_code() const {
  constexpr int kInterrupted = 130;
  if (interrupted) return kInterrupted;
  const RowCounts counts = required_rows(plan);
  if (!undone.empty() || counts.failed > 0) return 4;
  return plan.exit_code();
}

std::string ApplyReport::exit_reason() const {
  if (!undone.empty()) {
    const bool whole = rollback && rollback->complete();
    return fmt::format(
        "{}: {}", whole ? "every value was put back" : "not every value could be put back", undone);
  }
  const std::string words = count_words(required_rows(plan));
  return words.empty() ? "every required value is as wanted" : words;
}

std::string render_apply(const ApplyReport& report) {
  std::string text =
      rows_table(report.plan) + notes_text(report.plan) + "\n" + counts_line(report.plan);
  if (!report.journal.empty() && report.undone.empty()) {
    text += fmt::format("undo with: assay rollback {}\n", report.journal);
  }
  if (report.times && !report.journal.empty()) text += times_line(*report.times);
  if (report.rollback && !report.rollback->complete()) {
    text += "\nLeft behind\n" + render_rollback(*report.rollback);
  }
  return text + fmt::format("exit code {}: {}\n", report.exit_code(), report.exit_reason());
}

Json to_json(const ApplyReport& report) {
  return {{"schema", "assay.tune"},
          {"version", 1},
          {"profile", report.plan.profile},
          {"profile_digest", report.plan.profile_digest},
          {"journal", report.journal.empty() ? Json(nullptr) : Json(report.journal)},
          {"put_back", report.undone.empty() ? Json(nullptr) : Json(report.undone)},
          {"rollback", report.rollback ? to_json(*report.rollback) : Json(nullptr)},
          {"settings", rows_json(report.plan)},
          {"notes", report.plan.notes},
          {"timings", times_json(report.times)},
          {"exit_code", report.exit_code()},
          {"exit_reason", report.exit_reason()}};
}

}  // namespace assay::tuner
