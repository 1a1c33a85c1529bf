#include "tuner/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "assay_test_paths.hpp"
#include "fake_machine.hpp"
#include "probes/probe.hpp"

namespace assay::tuner::testing {
namespace {

using ::testing::HasSubstr;

std::string explained(const Host& host, std::string_view id) {
  auto explanation = explain(host, probes::probe(host), id);
  if (!explanation) return explanation.error().message();
  return render_explanation(*explanation);
}

TEST(Explain, SaysEverythingThatTheRowSays) {
  const std::string text = explained(*make_machine(), "cpu.energy-preference");
  for (const char* part :
       {"cpu.energy-preference", "each CPU", "energy_performance_preference", "performance",
        "disruption", "risk", "lasts by", "start-up unit", "set after", "cpu.governor",
        "intel_pstate.rst", "On this host", "cpu3"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(Explain, ShowsConfiguredEffectiveAndTheNextBoot) {
  auto host = make_machine();
  host->put("/proc/sys/vm/swappiness", "60\n");
  host->put("/etc/sysctl.d/90.conf", "vm.swappiness=0\n");
  EXPECT_THAT(explained(*host, "memory.swappiness"),
              HasSubstr("0, in effect 60  (/etc/sysctl.d/90.conf sets 0)"));
}

TEST(Explain, SaysWhyThereIsNothingHere) {
  auto host = make_machine();
  host->erase("/sys/class/nvme");
  EXPECT_THAT(explained(*host, "block.apst"), HasSubstr("not applicable: no NVMe controller"));
  host->fail("/proc/sys/vm/swappiness", EACCES);
  EXPECT_THAT(explained(*host, "memory.swappiness"), HasSubstr("Permission denied"));
}

TEST(Explain, EveryRowCanBeExplained) {
  auto host = make_machine();
  const probes::Inventory inventory = probes::probe(*host);
  const std::vector<Explanation> all = explain_all(*host, inventory);
  ASSERT_EQ(all.size(), settings().size());
  for (const Explanation& one : all) {
    EXPECT_THAT(render_explanation(one), HasSubstr(std::string(one.setting->source)));
  }
}

TEST(Explain, JsonHoldsRowAndValues) {
  auto host = make_machine();
  auto explanation = explain(*host, probes::probe(*host), "cpu.governor");
  ASSERT_TRUE(explanation);
  const auto json = to_json({*explanation});
  EXPECT_EQ(json["schema"], "assay.explain");
  const auto& row = json["settings"][0];
  EXPECT_EQ(row["id"], "cpu.governor");
  EXPECT_EQ(row["low_latency"], "performance");
  ASSERT_EQ(row["values"].size(), 4U);
  EXPECT_EQ(row["values"][3]["target"], "cpu3");
  EXPECT_EQ(row["values"][3]["configured"], "performance");
  EXPECT_TRUE(row["values"][3]["effective"].is_null());
}

TEST(Explain, UnknownIdsAreSuggested) {
  auto host = make_machine();
  auto explanation = explain(*host, probes::probe(*host), "block.schedular");
  ASSERT_FALSE(explanation);
  EXPECT_EQ(explanation.error().code, ErrorCode::invalid);
  EXPECT_THAT(explanation.error().message(), HasSubstr("did you mean \"block.scheduler\"?"));
}

TEST(Markdown, HasARowForEverySetting) {
  const std::string text = settings_markdown();
  for (const Setting& row : settings()) {
    EXPECT_THAT(text, HasSubstr("### `" + std::string(row.id) + "`\n"));
  }
}

// docs/settings.md is written by `assay explain --all --format markdown`.
TEST(Markdown, TheHandbookPageIsCurrent) {
  std::ifstream file(std::string(ASSAY_SOURCE_DIR) + "/docs/settings.md");
  ASSERT_TRUE(file) << "docs/settings.md is missing";
  std::ostringstream content;
  content << file.rdbuf();
  EXPECT_EQ(content.str(), settings_markdown())
      << "write it anew: assay explain --all --format markdown > docs/settings.md";
}

}  // namespace
}  // namespace assay::tuner::testing
