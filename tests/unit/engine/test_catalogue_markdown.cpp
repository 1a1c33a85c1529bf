// Keeps docs/techniques.md as the table in the program has it. ASSAY_UPDATE=1 writes it anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "assay_test_paths.hpp"
#include "engine/catalogue_markdown.hpp"

namespace assay::engine {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kPage = std::string(ASSAY_SOURCE_DIR) + "/docs/techniques.md";

TEST(CatalogueMarkdown, ThePageOfTheHandbookIsCurrent) {
  const std::string made = techniques_markdown(techniques());
  if (std::getenv("ASSAY_UPDATE") != nullptr) {
    std::ofstream(kPage, std::ios::binary) << made;
  }
  std::ifstream page(kPage, std::ios::binary);
  const std::string stands{std::istreambuf_iterator<char>(page), {}};
  EXPECT_TRUE(made == stands) << kPage << " is out of date; run this test with ASSAY_UPDATE=1";
}

TEST(CatalogueMarkdown, EveryTechniqueHasItsSection) {
  const std::string made = techniques_markdown(techniques());
  for (const Technique& row : techniques()) {
    EXPECT_THAT(made, HasSubstr("\n## " + std::string(row.id) + "\n"));
    EXPECT_THAT(made, HasSubstr("- Proof: " + std::string(row.proof)));
    EXPECT_FALSE(row.summary.empty()) << row.id;
    EXPECT_FALSE(row.summary.ends_with('.')) << row.id << ": the page puts the full stop";
  }
}

TEST(CatalogueMarkdown, ARowIsWrittenWithAllItKnows) {
  Technique row;
  row.id = "area.name-x";
  row.summary = "What it does";
  row.baseline = "area.plain";
  row.claim.text = "2x | faster";
  row.proof = "a count";
  row.uses_file = true;
  row.moves_data = true;
  row.threads = 2;
  row.parameters = "block,depth";
  const std::string made = techniques_markdown({&row, 1});
  EXPECT_THAT(made, HasSubstr("| [area.name-x](#areaname-x) | [area.plain](#areaplain) | 2x \\| "
                              "faster |\n"));
  EXPECT_THAT(made, HasSubstr("## area.name-x\n\nWhat it does.\n"));
  EXPECT_THAT(made, HasSubstr("- Claim: 2x | faster\n- Proof: a count\n"));
  EXPECT_THAT(made, HasSubstr("- Needs: 2 CPUs, a file\n"));
  EXPECT_THAT(made, HasSubstr("  - `block` "));
  EXPECT_THAT(made, HasSubstr("  - `depth` "));
  EXPECT_THAT(made, Not(HasSubstr("{}")));
}

TEST(CatalogueMarkdown, ARowWithLittleSaysNone) {
  Technique row;
  row.id = "area.plain";
  row.summary = "Nothing else";
  const std::string made = techniques_markdown({&row, 1});
  EXPECT_THAT(made, HasSubstr("- Baseline: none; it is measured by itself\n- Claim: none\n"));
  EXPECT_THAT(made, HasSubstr("- Parameters: none\n"));
}

}  // namespace
}  // namespace assay::engine
