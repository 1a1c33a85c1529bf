// The digest follows what a profile asks for and nothing else.
#include <gtest/gtest.h>

#include <set>

#include "profiles/canonical.hpp"
#include "tests/unit/profiles/vocabulary.hpp"

namespace assay::profiles {
namespace {

std::string digest(std::string_view rest) {
  const auto profile = parse(rest);
  return profile ? profile->digest : profile.error().message();
}

constexpr std::string_view kPlain = R"(cpus: {isolated: rest, housekeeping: first-core}
settings: {cpu.governor: performance, cpu.boost: "on"}
budgets:
  - technique: storage.uring
    parameters: {depth: 32, block: 4KiB, direct: "on"}
    limits: {p50: 1ms, p99: 2ms}
  - {technique: storage.pread, limits: {p50: 1ms}}
waivers:
  - {setting: cpu.boost, owner: o, reason: r, expires: 2027-01-31}
measure: {rounds: 40, time_limit: 60s}
)";

TEST(Digest, IgnoresLayoutOrderCommentsAndSpelling) {
  constexpr std::string_view kSame = R"(# the same in other words
measure:
  time_limit: 1m
  rounds: 40      # blocks
  write_limit: 2048MiB
waivers:
  - expires: 2027-01-31
    reason: "r"
    owner: o
    setting: cpu.boost
budgets:
  - technique: storage.pread
    target: host
    required: true
    limits:
      p50: 1000us
  - limits: {p99: 2000us, p50: 1ms}
    parameters: {block: 4096, direct: true, depth: 32}
    technique: storage.uring
settings:
  cpu.boost: {value: on, required: true}
  cpu.governor:
    value: performance
cpus:
  housekeeping: first-core
  isolated: rest
description: with a description
)";
  EXPECT_EQ(digest(kPlain), digest(kSame));
  EXPECT_EQ(digest(kPlain).substr(0, 7), "sha256:");
  EXPECT_EQ(digest(kPlain).size(), 7U + 64U);
}

TEST(Digest, IsTheSameForInheritedAndForWrittenOut) {
  const auto inherited = parse_profile(
      "schema: assay.profile\nversion: 1\nname: default\nextends: default\n", "a.yaml", {});
  const auto plain = load_profile("default", {});
  ASSERT_TRUE(inherited && plain);
  EXPECT_EQ(inherited->digest, plain->digest);
}

TEST(Digest, ChangesWithEverythingThatIsAsked) {
  const std::set<std::string> digests = {
      digest(""),
      digest("settings: {cpu.boost: on}\n"),
      digest("settings: {cpu.boost: off}\n"),
      digest("settings: {cpu.boost: {at_least: on}}\n"),
      digest("settings: {cpu.boost: {value: on, required: false}}\n"),
      digest("settings: {cpu.boost: {value: on, select: \"0\"}}\n"),
      digest("cpus: {a: first-core}\n"),
      digest("cpus: {b: first-core}\n"),
      digest("measure: {rounds: 31}\n"),
      digest("measure: {looks: 3}\n"),
      digest("measure: {confidence: 0.9}\n"),
      digest("measure: {time_limit: 61s}\n"),
      digest("measure: {write_limit: 1MiB}\n"),
      digest("measure: {load_limit: 1}\n"),
      digest("budgets: [{technique: os.jitter, limits: {p50: 1us}}]\n"),
      digest("budgets: [{technique: os.jitter, limits: {p90: 1us}}]\n"),
      digest("budgets: [{technique: os.jitter, limits: {p50: 2us}}]\n"),
      digest("budgets: [{technique: os.jitter, limits: {p50: {against_baseline: 1}}}]\n"),
      digest("budgets: [{technique: os.jitter, limits: {p50: 1us}, required: false}]\n"),
      digest("budgets: [{technique: os.jitter, limits: {p50: 1us}, cpus: rest}]\n"),
      digest("budgets: [{technique: os.jitter, limits: {p50: 1us}, target: each-cpu}]\n"),
      digest("budgets: [{technique: os.jitter, limits: {p50: 1us}, parameters: {depth: 2}}]\n"),
      digest("waivers: [{setting: cpu.boost, owner: o, reason: r, expires: 2027-01-31}]\n"),
      digest("waivers: [{setting: cpu.boost, owner: o, reason: r, expires: 2027-01-30}]\n"),
  };
  EXPECT_EQ(digests.size(), 24U);
}

TEST(Digest, DoesNotConfuseFieldsThatRunTogether) {
  Profile a, b;
  a.settings = {{"x", Match::equal, "1 select=0:", true, "", {}}};
  b.settings = {{"x", Match::equal, "1", true, "", {}}};
  EXPECT_NE(canonical_text(a), canonical_text(b));
  a.waivers = {{"s", "ab", "c", {}, {}}};
  b.waivers = {{"s", "a", "bc", {}, {}}};
  a.settings.clear();
  b.settings.clear();
  EXPECT_NE(canonical_text(a), canonical_text(b));
}

// The text is what certificates of different releases are compared by: a change of the format must
// be meant, and must change its first line.
TEST(Digest, HasAStableText) {
  const auto profile = parse(kPlain);
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(canonical_text(*profile),
            R"(assay.profile canonical 1
name 4:mine
role 12:housekeeping 10:first-core
role 8:isolated 4:rest
setting 12:cpu.governor value 11:performance required=true select= 0:
setting 9:cpu.boost value 2:on required=true select= 0:
budget 13:storage.pread host cpus= 0: required=true p=0.5 ns<=1000000
)"
            R"(budget 13:storage.uring host 5:block 4:4KiB 5:depth 2:32 6:direct 2:on)"
            R"( cpus= 0: required=true p=0.5 ns<=1000000)"
            R"( p=0.99 ns<=2000000
waiver 9:cpu.boost 1:o 1:r 2027-1-31
measure time_limit_ns=60000000000 rounds=40 looks=2 confidence=0.95 write_limit=2147483648
)");
}

}  // namespace
}  // namespace assay::profiles
