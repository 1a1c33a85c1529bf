// A transaction that fails or is killed at every single write, and the undo that follows; an undo
// that is killed at every single write, and the next one. The host must be exactly as it was.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cerrno>
#include <string>

#include "assay_test_paths.hpp"
#include "core/capture_archive.hpp"
#include "transaction.hpp"

namespace assay::tuner::testing {
namespace {

constexpr std::array kModes{FaultMode::fail_before, FaultMode::fail_after, FaultMode::die_before,
                            FaultMode::die_after};

FaultPlan plan_at(std::uint64_t write, FaultMode mode, int sys_errno = EIO) {
  return {
      .at_write = write, .mode = mode, .sys_errno = sys_errno, .on_death = [] { throw Death(); }};
}

// How many writes a whole transaction makes.
std::uint64_t writes_of(const profiles::Profile& profile) {
  const auto host = make_untuned_machine();
  FaultyHost counted(*host, {});
  const auto report = tune(counted, profile);
  EXPECT_TRUE(report && report->undone.empty());
  return counted.writes();
}

class EveryWrite : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryWrite, IsUndoneExactly) {
  const profiles::Profile profile = shipped(GetParam());
  const std::uint64_t last = writes_of(profile);
  ASSERT_GT(last, 5U);
  const std::string before = snapshot(*make_untuned_machine());
  for (const FaultMode mode : kModes) {
    for (std::uint64_t write = 1; write <= last; ++write) {
      const auto host = make_untuned_machine();
      FaultyHost faulty(*host, plan_at(write, mode));
      try {
        const auto report = tune(faulty, profile);
        if (!report) {
          EXPECT_EQ(snapshot(*host), before) << "an error means that nothing was changed";
        }
        if (report && !report->undone.empty()) {
          EXPECT_EQ(snapshot(*host), before);
        }
      } catch (const Death&) {
      }
      const auto undone = undo_newest(*host);
      if (undone) {
        EXPECT_TRUE(undone->complete()) << render_rollback(*undone);
      }
      ASSERT_EQ(snapshot(*host), before)
          << "write " << write << " of " << last << ", mode " << static_cast<int>(mode);
      EXPECT_FALSE(undo_newest(*host)) << "nothing is left to undo";
    }
  }
}

TEST_P(EveryWrite, OfAnUndoCanBeRepeated) {
  const profiles::Profile profile = shipped(GetParam());
  const std::string before = snapshot(*make_untuned_machine());
  std::uint64_t last = 0;
  {
    const auto host = make_untuned_machine();
    ASSERT_TRUE(tune(*host, profile));
    FaultyHost counted(*host, {});
    ASSERT_TRUE(undo_newest(counted));
    last = counted.writes();
  }
  for (const FaultMode mode : {FaultMode::fail_before, FaultMode::die_after}) {
    for (std::uint64_t write = 1; write <= last; ++write) {
      const auto host = make_untuned_machine();
      ASSERT_TRUE(tune(*host, profile));
      FaultyHost faulty(*host, plan_at(write, mode));
      try {
        undo_newest(faulty);
      } catch (const Death&) {
      }
      const auto again = undo_newest(*host);
      if (again) {
        EXPECT_TRUE(again->complete()) << render_rollback(*again);
      }
      ASSERT_EQ(snapshot(*host), before) << "write " << write << " of " << last;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Profiles, EveryWrite, ::testing::Values("low-latency", "nvme-throughput"),
                         [](const auto& name) {
                           std::string word = name.param;
                           std::erase(word, '-');
                           return word;
                         });

// The kernel rounds what it is given, and we die before the journal can say so.
TEST(Fault, DeathAtARoundedWriteIsUndone) {
  const profiles::Profile profile = shipped("low-latency");
  const std::string path = "/proc/sys/net/core/rmem_max";
  const auto rounding = [&](MemoryHost& host) {
    host.on_write(path, [](std::string_view content) -> Expected<std::string> {
      return std::string(content == "16777216" ? "16778240" : content) + "\n";
    });
  };
  const std::string before = snapshot(*make_untuned_machine());
  for (std::uint64_t write = 1; write <= writes_of(profile) + 1; ++write) {
    const auto host = make_untuned_machine();
    rounding(*host);
    FaultyHost faulty(*host, plan_at(write, FaultMode::die_after));
    try {
      (void)tune(faulty, profile);
    } catch (const Death&) {
    }
    undo_newest(*host);
    ASSERT_EQ(snapshot(*host), before) << "write " << write;
  }
}

// What a plan would change, as the host holds it.
std::vector<std::string> values_of(const Host& host, const Plan& plan) {
  std::vector<std::string> values;
  for (const PlanRow& row : plan.rows) {
    for (const Change& change : row.changes) {
      const auto now = read_now(host, change);
      values.push_back(subject_of(change) + "=" + (now && *now ? **now : "(none)"));
    }
  }
  return values;
}

// The same on hosts that somebody recorded: their files, whatever we think of them. A tree has no
// kernel that takes a ratio in the place of bytes, so what is undone that way is left out.
TEST(Fault, DeathOnACapturedHostIsUndone) {
  profiles::Profile profile = shipped("low-latency");
  std::erase_if(profile.settings, [](const profiles::WantedSetting& wanted) {
    return wanted.id.starts_with("memory.dirty");
  });
  for (const std::string name : {"8x86-2s2n-nic-nvme-scsi", "lab-numa2"}) {
    SCOPED_TRACE(name);
    const std::string file = ASSAY_SOURCE_DIR "/tests/captures/" + name + ".tar.zst";
    const auto capture = [&] { return open_capture(file).value(); };
    const Plan plan = plan_now(*capture(), profile);
    const std::vector<std::string> before = values_of(*capture(), plan);
    ASSERT_GT(before.size(), 5U);
    const auto counted = capture();
    FaultyHost counting(*counted, {});
    const auto whole = tune(counting, profile);
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->undone, "");
    EXPECT_NE(values_of(*counted, plan), before);
    for (std::uint64_t write = 1; write <= counting.writes(); ++write) {
      const auto host = capture();
      FaultyHost faulty(*host, plan_at(write, FaultMode::die_after));
      try {
        (void)tune(faulty, profile);
      } catch (const Death&) {
      }
      undo_newest(*host);
      ASSERT_EQ(values_of(*host, plan), before) << "write " << write;
    }
  }
}

// Any part of a profile, hurt at any write in any way, with a second tune of another part on top:
// the undos bring back the host.
RC_GTEST_PROP(Fault, AnyPartsAreUndoneInTurn, ()) {
  const auto part = [](std::string_view name) {
    profiles::Profile profile = shipped(name);
    std::erase_if(profile.settings,
                  [](const profiles::WantedSetting&) { return *rc::gen::inRange(0, 3) == 0; });
    return profile;
  };
  const auto host = make_untuned_machine();
  const std::string before = snapshot(*host);
  (void)tune(*host, part("nvme-throughput"));
  const auto write = *rc::gen::inRange<std::uint64_t>(1, 90);
  const auto mode = *rc::gen::element(FaultMode::fail_before, FaultMode::fail_after,
                                      FaultMode::die_before, FaultMode::die_after);
  FaultyHost faulty(*host, plan_at(write, mode));
  try {
    (void)tune(faulty, part("low-latency"));
  } catch (const Death&) {
  }
  while (const auto undone = undo_newest(*host)) RC_ASSERT(undone->complete());
  RC_ASSERT(snapshot(*host) == before);
}

TEST(Fault, AFullDiskForTheJournalChangesNothing) {
  const profiles::Profile profile = shipped("low-latency");
  const std::string before = snapshot(*make_untuned_machine());
  // Folders, then the journal itself: whatever of it fails, no setting is touched.
  for (std::uint64_t write = 1; write <= 3; ++write) {
    const auto host = make_untuned_machine();
    FaultyHost faulty(*host, plan_at(write, FaultMode::fail_before, ENOSPC));
    const auto report = tune(faulty, profile);
    ASSERT_FALSE(report) << write;
    EXPECT_EQ(report.error().code, ErrorCode::exhausted);
    EXPECT_EQ(snapshot(*host), before);
    EXPECT_EQ(faulty.writes(), write);
  }
}

}  // namespace
}  // namespace assay::tuner::testing
