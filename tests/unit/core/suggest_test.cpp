#include "core/suggest.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace assay {
namespace {

constexpr std::array<std::string_view, 5> kNames{"cpu.governor", "cpu.turbo", "memory.thp",
                                                 "block.scheduler", "run"};

TEST(Suggest, FindsTheNearestName) {
  EXPECT_EQ(nearest("cpu.governer", kNames), "cpu.governor");
  EXPECT_EQ(nearest("cpu.govrenor", kNames), "cpu.governor");
  EXPECT_EQ(nearest("CPU.Turbo", kNames), "cpu.turbo");
  EXPECT_EQ(nearest("cpu.turbo", kNames), "cpu.turbo");
  EXPECT_EQ(nearest("blok.scheduler", kNames), "block.scheduler");
  EXPECT_EQ(nearest("rnu", kNames), "run");
}

TEST(Suggest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest("network", kNames), "");
  EXPECT_EQ(nearest("", kNames), "");
  EXPECT_EQ(nearest("xy", kNames), "");
  EXPECT_EQ(nearest("cpu", {}), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), kNames), "");
}

TEST(Suggest, TheFirstOfEquallyNearNamesWins) {
  constexpr std::array<std::string_view, 2> kTwins{"cat", "bat"};
  EXPECT_EQ(nearest("hat", kTwins), "cat");
}

TEST(Suggest, Sentence) {
  EXPECT_EQ(did_you_mean("cpu.turb", kNames), "; did you mean \"cpu.turbo\"?");
  EXPECT_EQ(did_you_mean("zzzzzzzz", kNames), "");
  EXPECT_EQ(did_you_mean("cpu.turbo", kNames), "") << "what is there was no slip";
}

}  // namespace
}  // namespace assay
