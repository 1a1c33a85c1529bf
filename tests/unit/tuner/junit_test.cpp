// The form for build servers: counts, outcomes, and texts of any origin.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tuner/check_junit.hpp"

namespace assay::tuner {
namespace {

using testing::HasSubstr;
using testing::Not;

CheckRow row(Outcome outcome, bool required = true) {
  CheckRow one{.id = "cpu.governor", .target = "cpu0"};
  one.wanted = "performance";
  one.configured = "powersave";
  one.outcome = outcome;
  one.required = required;
  return one;
}

TEST(Junit, EachOutcomeHasItsElement) {
  CheckReport report{.profile = "low-latency"};
  report.rows = {row(Outcome::ok),
                 row(Outcome::differs),
                 row(Outcome::differs, false),
                 row(Outcome::pending_reboot),
                 row(Outcome::denied),
                 row(Outcome::denied, false),
                 row(Outcome::not_applicable),
                 row(Outcome::kernel_managed),
                 row(Outcome::waived)};
  const std::string text = render_junit(report);
  EXPECT_THAT(text, HasSubstr("<testsuite name=\"assay check low-latency\" tests=\"9\" "
                              "failures=\"2\" errors=\"1\" skipped=\"5\">"));
  EXPECT_THAT(text, HasSubstr("<failure message=\"differs: wanted performance, is powersave\"/>"));
  EXPECT_THAT(text, HasSubstr("  <testcase classname=\"cpu.governor\" name=\"cpu0\"/>\n"));
  EXPECT_TRUE(text.ends_with("</testsuite>\n"));
}

TEST(Junit, OddTextsStayInTheirPlace) {
  CheckReport report{.profile = "a\"<b>&"};
  CheckRow odd = row(Outcome::differs);
  odd.local = std::string("x\"/><y\0\x1b", 9);
  odd.reason = "it's <not> & \"never\"\n]]>";
  report.rows = {odd};
  const std::string text = render_junit(report);
  EXPECT_THAT(text, HasSubstr("assay check a&quot;&lt;b&gt;&amp;"));
  EXPECT_THAT(text, HasSubstr("cpu0 (x&quot;/&gt;&lt;y??"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("&lt;not&gt; &amp; &quot;never&quot;?]]&gt;"));
}

TEST(Junit, AnEmptyReportIsASuite) {
  EXPECT_THAT(render_junit({}), HasSubstr("tests=\"0\" failures=\"0\" errors=\"0\""));
}

}  // namespace
}  // namespace assay::tuner
