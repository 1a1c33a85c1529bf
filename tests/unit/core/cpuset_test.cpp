#include "core/cpuset.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace assay {
namespace {

std::vector<unsigned> list(const std::string& text) {
  const auto set = CpuSet::parse_list(text);
  EXPECT_TRUE(set) << text << ": " << (set ? "" : set.error().message());
  return set.value_or(CpuSet{}).to_vector();
}

std::vector<unsigned> mask(const std::string& text) {
  const auto set = CpuSet::parse_mask(text);
  EXPECT_TRUE(set) << text << ": " << (set ? "" : set.error().message());
  return set.value_or(CpuSet{}).to_vector();
}

using Cpus = std::vector<unsigned>;

TEST(CpuSetList, Parses) {
  EXPECT_EQ(list(""), Cpus{});
  EXPECT_EQ(list("\n"), Cpus{});
  EXPECT_EQ(list("0"), Cpus{0});
  EXPECT_EQ(list("0-3,8\n"), (Cpus{0, 1, 2, 3, 8}));
  EXPECT_EQ(list("8,0-1,0"), (Cpus{0, 1, 8}));
  EXPECT_EQ(list("5-5"), Cpus{5});
  EXPECT_EQ(list("0-7:2/4"), (Cpus{0, 1, 4, 5}));
  EXPECT_EQ(list("16-31:2/4"), (Cpus{16, 17, 20, 21, 24, 25, 28, 29}));
  EXPECT_EQ(list("0-9:1/3,20"), (Cpus{0, 3, 6, 9, 20}));
  EXPECT_EQ(list("1-3:4/4"), (Cpus{1, 2, 3}));
  EXPECT_EQ(list("65535"), Cpus{65535});
}

TEST(CpuSetList, RefusesWithTheOffendingPart) {
  for (const std::string text :
       {",",     "0,",    ",0",      "0,,1",       "a",        "0-",      "-3",
        "3-1",   "0-3:",  "0-3:2",   "0-3:2/",     "0-3:0/4",  "0-3:5/4", "0-3:1/0",
        "0:1/2", "65536", "0-65536", "4294967296", "0 ",       " 0",      "0-3x",
        "0--3",  "+1",    "0\n\n",   "0x3",        "0-3:2/4/8"}) {
    const auto set = CpuSet::parse_list(text);
    ASSERT_FALSE(set) << text;
    EXPECT_EQ(set.error().code, ErrorCode::invalid) << text;
  }
  const auto set = CpuSet::parse_list("0-3,7-x,9");
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().message().find("\"7-x\""), std::string::npos) << set.error().message();
}

TEST(CpuSetMask, Parses) {
  EXPECT_EQ(mask(""), Cpus{});
  EXPECT_EQ(mask("0\n"), Cpus{});
  EXPECT_EQ(mask("1"), Cpus{0});
  EXPECT_EQ(mask("0f"), (Cpus{0, 1, 2, 3}));
  EXPECT_EQ(mask("0xF"), (Cpus{0, 1, 2, 3}));
  EXPECT_EQ(mask("80000000"), Cpus{31});
  EXPECT_EQ(mask("1,00000000"), Cpus{32});
  EXPECT_EQ(mask("100000000"), Cpus{32});
  EXPECT_EQ(mask("00000000,00000000,00000003"), (Cpus{0, 1}));
  EXPECT_EQ(mask("1,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000001"),
            (Cpus{0, 256}));
}

TEST(CpuSetMask, Refuses) {
  for (const std::string text :
       {"g", ",", "1,", ",1", "1,,1", "1,123456789", "0x", "-1", "1 ", " 1", "1\n\n", "0x1,0x1"}) {
    const auto set = CpuSet::parse_mask(text);
    ASSERT_FALSE(set) << text;
    EXPECT_EQ(set.error().code, ErrorCode::invalid) << text;
  }
}

TEST(CpuSetMask, ALyingMaskCannotEatMemory) {
  EXPECT_FALSE(CpuSet::parse_mask("1" + std::string(65536 / 4, '0')));
  std::string groups = "1";
  for (int i = 0; i < 3000; ++i) groups += ",00000000";
  EXPECT_FALSE(CpuSet::parse_mask(groups));
  // Zeros beyond the limit name no CPU and do no harm.
  std::string zeros = "0";
  for (int i = 0; i < 3000; ++i) zeros += ",00000000";
  EXPECT_EQ(mask(zeros), Cpus{});
}

TEST(CpuSet, PrintsLists) {
  EXPECT_EQ(CpuSet{}.to_list(), "");
  EXPECT_EQ((CpuSet{3, 1, 2, 0, 8}).to_list(), "0-3,8");
  EXPECT_EQ((CpuSet{0, 1}).to_list(), "0-1");
  EXPECT_EQ((CpuSet{63, 64, 65}).to_list(), "63-65");
  EXPECT_EQ(CpuSet{65535}.to_list(), "65535");
}

TEST(CpuSet, PrintsMasksAsTheKernelDoes) {
  EXPECT_EQ(CpuSet{}.to_mask(), "0");
  EXPECT_EQ(CpuSet{}.to_mask(8), "00");
  EXPECT_EQ((CpuSet{0, 1}).to_mask(), "3");
  EXPECT_EQ((CpuSet{0, 1}).to_mask(2), "3");
  EXPECT_EQ((CpuSet{0, 1}).to_mask(32), "00000003");
  EXPECT_EQ((CpuSet{0, 1}).to_mask(64), "00000000,00000003");
  EXPECT_EQ((CpuSet{32}).to_mask(), "1,00000000");
  EXPECT_EQ((CpuSet{31, 32, 63, 64}).to_mask(), "1,80000001,80000000");
  EXPECT_EQ(CpuSet::range(0, 39).to_mask(40), "ff,ffffffff");
  EXPECT_EQ((CpuSet{256}).to_mask(),
            "1,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000");
}

TEST(CpuSet, EqualByMeaningWhateverTheWidth) {
  CpuSet wide{0, 700};
  wide.remove(700);
  EXPECT_EQ(wide, CpuSet{0});
  EXPECT_EQ(CpuSet::parse_mask("00000000,00000001").value(), CpuSet{0});
  wide.remove(0);
  EXPECT_TRUE(wide.empty());
  EXPECT_EQ(wide, CpuSet{});
  wide.remove(12345);
  EXPECT_EQ(wide, CpuSet{});
}

TEST(CpuSet, WalksItsMembers) {
  const CpuSet set{1, 63, 64, 300};
  EXPECT_EQ(set.count(), 4U);
  EXPECT_EQ(set.first(), 1U);
  EXPECT_EQ(set.last(), 300U);
  EXPECT_EQ(set.next(0), 1U);
  EXPECT_EQ(set.next(1), 63U);
  EXPECT_EQ(set.next(63), 64U);
  EXPECT_EQ(set.next(64), 300U);
  EXPECT_FALSE(set.next(300));
  EXPECT_FALSE(set.next(4294967295U));
  EXPECT_EQ(set.to_vector(), (Cpus{1, 63, 64, 300}));
  EXPECT_FALSE(CpuSet{}.first());
  EXPECT_FALSE(CpuSet{}.last());
  EXPECT_EQ(CpuSet{0}.first(), 0U);
}

TEST(CpuSet, IgnoresNumbersAboveTheLimit) {
  CpuSet set;
  set.add(CpuSet::kMaxCpus);
  set.add(4294967295U);
  EXPECT_TRUE(set.empty());
  EXPECT_FALSE(set.contains(4294967295U));
  EXPECT_EQ(CpuSet::range(65534, 70000).count(), 2U);
  EXPECT_TRUE(CpuSet::range(5, 4).empty());
}

TEST(CpuSet, Algebra) {
  const CpuSet a{0, 1, 2, 100};
  const CpuSet b{2, 3};
  EXPECT_EQ(a | b, (CpuSet{0, 1, 2, 3, 100}));
  EXPECT_EQ(a & b, CpuSet{2});
  EXPECT_EQ(b & a, CpuSet{2});
  EXPECT_EQ(a - b, (CpuSet{0, 1, 100}));
  EXPECT_EQ(b - a, CpuSet{3});
  EXPECT_TRUE(a.intersects(b));
  EXPECT_FALSE(a.intersects(CpuSet{4, 200}));
  EXPECT_TRUE(CpuSet{100}.is_subset_of(a));
  EXPECT_FALSE(a.is_subset_of(b));
  EXPECT_TRUE(CpuSet{}.is_subset_of(b));
  EXPECT_EQ(CpuSet::of(CpuId{7}), CpuSet{7});
}

}  // namespace
}  // namespace assay
