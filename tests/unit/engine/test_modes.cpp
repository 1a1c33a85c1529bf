// Sweeps, ablations and the flight recorder: what is measured in which order, and what is refused.
#include <gtest/gtest.h>

#include "core/memory_host.hpp"
#include "engine/ablation.hpp"
#include "engine/breach_recorder.hpp"
#include "engine/sweep.hpp"

namespace assay::engine {
namespace {

using Words = std::vector<std::string>;

TEST(SweepAxis, SpellsRangesOut) {
  EXPECT_EQ(parse_sweep_axis("depth=1,2,4..128")->values,
            (Words{"1", "2", "4", "8", "16", "32", "64", "128"}));
  EXPECT_EQ(parse_sweep_axis("depth=3..20")->values, (Words{"3", "6", "12", "20"}));
  EXPECT_EQ(parse_sweep_axis("read-share=0..100+25")->values,
            (Words{"0", "25", "50", "75", "100"}));
  EXPECT_EQ(parse_sweep_axis("block=512..4KiB")->values, (Words{"512B", "1KiB", "2KiB", "4KiB"}));
  EXPECT_EQ(parse_sweep_axis("pattern=random,sequential")->values, (Words{"random", "sequential"}));
}

TEST(SweepAxis, RefusesWhatMeansNothing) {
  const std::pair<const char*, const char*> cases[] = {
      {"depth", "expected PARAMETER=VALUES"},
      {"=1", "expected PARAMETER=VALUES"},
      {"depth=", "expected PARAMETER=VALUES"},
      {"dept=1,2", "did you mean"},
      {"depth=1,,2", "a value is missing"},
      {"depth=0", "a number from 1 to"},
      {"depth=9..3", "expected a range"},
      {"depth=1..x", "expected a range"},
      {"depth=1..4+0", "expected a range"},
      {"read-share=0..100", "cannot start at 0"},
      {"read-share=101", "percent that read"},
      {"depth=1..2000+1", "too many values"},
      {"depth=2,2", "twice"},
      {"size=1MiB,2MiB", "one test file"},
      {"pattern=round", "random or sequential"},
  };
  for (const auto& [text, words] : cases) {
    const auto axis = parse_sweep_axis(text);
    ASSERT_FALSE(axis.has_value()) << text;
    EXPECT_EQ(axis.error().code, ErrorCode::invalid) << text;
    EXPECT_NE(axis.error().message().find(words), std::string::npos) << axis.error().message();
  }
}

TEST(SweepPoints, AreEveryCombination) {
  const SweepAxis axes[] = {{"block", {"4KiB", "8KiB"}}, {"depth", {"1", "2", "4"}}};
  const auto points = sweep_points({}, axes);
  ASSERT_EQ(points->size(), 6U);
  EXPECT_EQ((*points)[1].block, 4_KiB);
  EXPECT_EQ((*points)[1].depth, 2U);
  EXPECT_EQ((*points)[3].block, 8_KiB);
  EXPECT_EQ((*points)[3].depth, 1U);
}

TEST(SweepPoints, AreNotTooMany) {
  const SweepAxis depth = *parse_sweep_axis("depth=1..64+1"),
                  batch = *parse_sweep_axis("batch=1..8+1");
  const SweepAxis axes[] = {depth, batch};
  EXPECT_FALSE(sweep_points({}, axes).has_value());
  const SweepAxis twice[] = {depth, depth};
  EXPECT_NE(sweep_points({}, twice).error().message().find("twice"), std::string::npos);
}

TEST(Bench, RefusesASweepOfWhatATechniqueDoesNotTake) {
  BenchRequest request;
  request.techniques = {"storage.pread"};
  request.sweep = {*parse_sweep_axis("depth=1,2")};
  const auto series = bench_series({}, request);
  ASSERT_FALSE(series.has_value());
  EXPECT_NE(series.error().message().find("storage.pread takes no depth"), std::string::npos);
  request.sweep = {*parse_sweep_axis("block=4KiB,8KiB")};
  EXPECT_EQ(bench_series({}, request)->size(), 2U);
  request.with_baseline = true;
  EXPECT_FALSE(bench_series({}, request).has_value());
}

// Three switches; "c" is not to be had here, "b" and "d" exclude each other.
const AblationFamily kFamily{
    .technique = "fake",
    .switches = [] { return std::vector<std::string_view>{"a", "b", "c", "d"}; },
    .available =
        [](const Host&, const probes::Inventory&, const Parameters&, const Words& on) {
          const auto has = [&on](const char* name) {
            return std::find(on.begin(), on.end(), name) != on.end();
          };
          if (has("c")) return Availability{false, "no c in this kernel", "take another"};
          if (has("b") && has("d")) return Availability{false, "b and d exclude each other", ""};
          return Availability{};
        },
    .with =
        [](const Parameters& common, const Words& on) {
          Parameters with = common;
          for (const std::string& name : on) with.variant += name;
          return with;
        },
    .common =
        [](const Parameters& asked, bool depth_given) {
          Parameters common = asked;
          if (!depth_given) common.depth = 32;
          return common;
        }};
const Technique kAblated{.id = "fake", .summary = "a fake", .parameters = "variant,depth"};

TEST(Ablation, RunsEverySwitchAloneAddedAndLeftOut) {
  const MemoryHost host;
  const AblationPlan plan = plan_family(kFamily, kAblated, host, {}, {});
  std::string told;
  for (const AblationStep& step : plan.steps) {
    told += std::string(to_string(step.kind)) + " " + step.name + ":";
    for (const std::string& on : step.on) told += on;
    told += step.series ? "" : "!";
    if (step.against && *step.against != 0) told += " vs " + plan.steps[*step.against].name;
    told += "\n";
  }
  EXPECT_EQ(told,
            "plain :\n"
            "alone a:a\nalone b:b\nalone c:c!\nalone d:d\n"
            "cumulative a:a\nall b:ab vs a\ncumulative d:abd! vs b\n"
            "without a:b vs b\nwithout b:a vs b\n");
  // Each combination is measured once: plain, a, b, d, ab.
  ASSERT_EQ(plan.series.size(), 5U);
  for (const Series& series : plan.series) EXPECT_EQ(series.parameters.depth, 32U);
  EXPECT_TRUE(plan.series[0].is_baseline);
  EXPECT_EQ(plan.steps[3].skipped, "no c in this kernel");
  EXPECT_EQ(plan.steps[3].remedy, "take another");
  EXPECT_EQ(plan.steps[7].skipped, "b and d exclude each other");
}

TEST(Ablation, KeepsTheDepthThatWasAskedFor) {
  const MemoryHost host;
  BenchRequest request;
  request.parameters.depth = 4;
  request.depth_given = true;
  const AblationPlan plan = plan_family(kFamily, kAblated, host, {}, request);
  for (const Series& series : plan.series) EXPECT_EQ(series.parameters.depth, 4U);
}

TEST(Ablation, OfIoUringNamesEverySwitch) {
  const MemoryHost host;  // no ring here: every step is there, and says why it has no series
  const auto plan = plan_ablation(host, {}, {}, "storage.uring");
  ASSERT_TRUE(plan.has_value()) << plan.error().message();
  std::string alone;
  for (const AblationStep& step : plan->steps) {
    EXPECT_FALSE(step.series.has_value()) << step.name;
    EXPECT_FALSE(step.skipped.empty()) << step.name;
    if (step.kind == AblationKind::alone) alone += step.name + " ";
  }
  for (const char* name : {"fixed-buffers", "fixed-files", "batched", "coop-taskrun",
                           "defer-taskrun", "sqpoll", "iopoll"}) {
    EXPECT_NE(alone.find(name), std::string::npos) << name;
  }
}

TEST(Ablation, NamesWhatCanBeAblated) {
  const MemoryHost host;
  const auto plan = plan_ablation(host, {}, {}, "storage.pread");
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, ErrorCode::invalid);
  EXPECT_NE(plan.error().message().find("expected a technique with switches"), std::string::npos);
}

BreachOptions small_ring() {
  BreachOptions options;
  options.threshold_ns = 100;
  options.before = 3;
  options.behind = 2;
  options.kept_max = 2;
  return options;
}

TEST(BreachRecorder, KeepsTheRecordsBeforeAndBehind) {
  BreachRecorder recorder(small_ring());
  for (std::uint64_t at = 1; at <= 10; ++at) recorder.service(at, at == 6 ? 500 : at);
  recorder.finish();
  const auto breaches = recorder.take();
  ASSERT_EQ(breaches.size(), 1U);
  const Breach& breach = breaches[0];
  ASSERT_EQ(breach.records.size(), 6U);
  EXPECT_EQ(breach.records.front().at_ns, 3U);
  EXPECT_EQ(breach.records[breach.breach].service_ns, 500U);
  EXPECT_EQ(breach.records.back().at_ns, 8U);
  EXPECT_EQ(recorder.seen(), 1U);
}

TEST(BreachRecorder, ABreachAtTheEndHasWhatThereIs) {
  BreachRecorder recorder(small_ring());
  recorder.service(1, 10);
  recorder.service(2, 101);
  recorder.finish();
  const auto breaches = recorder.take();
  ASSERT_EQ(breaches.size(), 1U);
  EXPECT_EQ(breaches[0].records.size(), 2U);
  EXPECT_EQ(breaches[0].breach, 1U);
  EXPECT_TRUE(recorder.take().empty());
}

TEST(BreachRecorder, CountsMoreThanItKeeps) {
  BreachRecorder recorder(small_ring());
  for (std::uint64_t at = 1; at <= 100; ++at) recorder.service(at, 200);
  recorder.finish();
  EXPECT_EQ(recorder.take().size(), 2U);
  EXPECT_EQ(recorder.seen(), 100U);
  recorder.service(101, 100);  // at the threshold is not above it
  EXPECT_EQ(recorder.seen(), 100U);
}

TEST(BreachRecorder, AnOpenLoopIsJudgedByTheResponse) {
  BreachOptions options = small_ring();
  options.open_loop = true;
  BreachRecorder recorder(options);
  recorder.service(1, 500);  // slow, but nobody waited longer than that
  recorder.response(50);
  EXPECT_EQ(recorder.seen(), 0U);
  recorder.service(2, 10);
  recorder.response(900);
  recorder.service(3, 10);
  recorder.response(20);
  recorder.finish();
  const auto breaches = recorder.take();
  ASSERT_EQ(breaches.size(), 1U);
  EXPECT_EQ(breaches[0].records[breaches[0].breach].response_ns, 900U);
  EXPECT_EQ(breaches[0].records.back().response_ns, 20U);
}

}  // namespace
}  // namespace assay::engine
