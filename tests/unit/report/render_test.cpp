// What people read.
#include "report/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "../certify/sample_certificate.hpp"
#include "report/output_file.hpp"
#include "report/text.hpp"

namespace assay::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) {
    widest = std::max(widest, display_width(line));
  }
  return widest;
}

TEST(CertificateText, ShowsEveryPartAndTheVerdictLast) {
  const std::string text = certificate_text(testing::sample_certificate(), Style{});
  for (const char* part : {"CERTIFICATE 20260131T120000Z-1f0c9a", "lab7", "Some CPU",
                           "memory.swappiness", "fake.better", "fake.base", "40 % less latency",
                           "confirmed", "≤ 2us", "forced: load", "TSC at 2.9 GHz"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  const std::size_t verdict = text.find("VERDICT  PASS");
  ASSERT_NE(verdict, std::string::npos);
  EXPECT_GT(verdict, text.find("BUDGETS"));
  EXPECT_THAT(text, HasSubstr("exit code 0"));
  EXPECT_LE(widest_line(text), Style{}.width);
  EXPECT_THAT(text, Not(HasSubstr("\x1b[")));
}

TEST(CertificateText, ColoursOnlyWhenAskedFor) {
  EXPECT_THAT(certificate_text(testing::sample_certificate(), Style{true, 100}),
              HasSubstr("\x1b[1;32mPASS"));
}

TEST(CertificateText, EqualSettingsOfManyTargetsAreOneLine) {
  certify::Certificate certificate = testing::sample_certificate();
  const tuner::CheckRow row = certificate.checks.rows[0];
  certificate.checks.rows.clear();
  for (int cpu = 0; cpu < 64; ++cpu) {
    certificate.checks.rows.push_back(row);
    certificate.checks.rows.back().target = "cpu" + std::to_string(cpu);
  }
  const std::string text = certificate_text(certificate, Style{});
  EXPECT_THAT(text, HasSubstr("cpu0 … cpu63 (64)"));
  EXPECT_THAT(text, Not(HasSubstr("cpu17")));
}

TEST(CertificateText, SkippedAndVoidSeriesSayWhy) {
  certify::Certificate certificate = testing::sample_certificate();
  certificate.measurements[1].skipped = "no io_uring here";
  certificate.measurements[1].service.reset();
  certificate.measurements[0].invalid = {"the blocks drift"};
  const std::string text = certificate_text(certificate, Style{});
  EXPECT_THAT(text, HasSubstr("skipped: no io_uring here"));
  EXPECT_THAT(text, HasSubstr("void: the blocks drift"));
}

TEST(CertificateText, StaysInsideOddWidths) {
  for (const unsigned width : {80U, 100U, 140U}) {
    EXPECT_LE(widest_line(certificate_text(testing::sample_certificate(), Style{false, width})),
              width);
  }
}

TEST(PlanText, TellsNeededAndExpectedSamples) {
  certify::Plan plan;
  plan.limits_required = 3;
  plan.looks = 2;
  plan.confidence_per_verdict = 0.99;
  plan.series = {{.technique = "os.wakeup",
                  .target = "cpu1",
                  .baseline = {},
                  .parameters = {},
                  .blocks = 30,
                  .block = std::chrono::milliseconds(200),
                  .quantile = 0.999,
                  .samples_needed = 6681,
                  .samples_expected = 9000,
                  .skipped = {}}};
  plan.warnings = {"p99.99 cannot be proven"};
  const std::string text = plan_text(plan, Style{});
  for (const char* part : {"os.wakeup", "6,681", "9,000", "p99.9", "warning: p99.99 cannot"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(MeasurementsText, ShowsPercentilesAndProof) {
  const std::string text = measurements_text(testing::sample_certificate().measurements, 0.95, {});
  EXPECT_THAT(text, HasSubstr("fake.base (baseline)"));
  EXPECT_THAT(text, HasSubstr("engaged: 12 of 12 blocks"));
  EXPECT_THAT(text, HasSubstr("95 % confidence"));
  EXPECT_LE(widest_line(text), Style{}.width);
}

TEST(HistoryText, SaysSoWhenEmpty) {
  EXPECT_THAT(history_text({}, Style{}), HasSubstr("no certificate"));
  const StoredCertificate one{"id", "2026-01-31T12:00:00Z", "lab7", "default", "PASS", true, "d"};
  EXPECT_THAT(history_text({one}, Style{}), HasSubstr("PASS (partial)"));
}

TEST(Text, WidthsCountCodePoints) {
  EXPECT_EQ(display_width("12 µs"), 5U);
  EXPECT_EQ(padded("µ", 3), "µ  ");
  EXPECT_EQ(padded("µ", 3, true), "  µ");
  EXPECT_EQ(shortened("abcdef", 4), "abc…");
  EXPECT_EQ(shortened("µµµµ", 4), "µµµµ");
  EXPECT_EQ(wrapped("aa bb cc", "- ", 7), "- aa bb\n  cc\n");
  EXPECT_EQ(wrapped("averylongword", "- ", 5), "- averylongword\n");
}

TEST(OutputFile, ReplacesWholeFilesAndLeavesNothingBehind) {
  namespace fs = std::filesystem;
  std::string pattern = (fs::temp_directory_path() / "out-test-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::string directory = pattern + "/new";
  ASSERT_TRUE(prepare_output_directory(directory));
  ASSERT_TRUE(write_output_file(directory, "a.json", "first"));
  ASSERT_TRUE(write_output_file(directory, "a.json", "2"));
  EXPECT_EQ(fs::file_size(directory + "/a.json"), 1U);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator{}), 1);
  fs::create_directory(directory + "/taken");
  EXPECT_FALSE(write_output_file(directory, "taken", "x"));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator{}), 2);
  EXPECT_FALSE(prepare_output_directory(directory + "/a.json"));
  fs::remove_all(pattern);
}

}  // namespace
}  // namespace assay::report
