// The adaptive depth on a drive that a cgroup's io.max holds to a rate: so many operations a second
// make a latency that grows with the depth, and the depth that the target allows is rate x target.
// The kernel lets a throttled group go in slices of up to 100 ms (blk-throttle.c), so the target is
// longer.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "tests/lab/tests/lab_guest.hpp"
#include "tests/lab/tests/limited_drive.hpp"

namespace {

using nlohmann::json;

struct Result {
  json measurement;
  unsigned lowest = 0, highest = 0;  // depth in the last block
};

Result measured(const std::string& duration) {
  int code = -1;
  const json document = lab::assay_json(
      {"bench", "storage.adaptive-depth", "--file", "/dev/nvme0n1", "--size", "64MiB", "--depth",
       "128", "--target-p99", "120ms", "--duration", duration, "--rounds", "6"},
      &code);
  // A drive that becomes slower is unsteady: an honest answer, and not what is looked at here.
  EXPECT_TRUE(code == 0 || code == 2) << code;
  Result result{document.at("measurements").at(0)};
  const std::string evidence = result.measurement.at("evidence");
  const std::size_t at = evidence.find("depth ");
  EXPECT_NE(at, std::string::npos) << evidence;
  if (at != std::string::npos) {
    std::sscanf(evidence.c_str() + at, "depth %u-%u", &result.lowest, &result.highest);
  }
  std::printf("%s\n", evidence.c_str());
  return result;
}

TEST(ThrottledDrive, TheDepthFollowsTheRate) {
  const lab::LimitedDrive drive;
  ASSERT_TRUE(drive.ready()) << "no cgroup with io.max here";
  ASSERT_TRUE(drive.limit("riops=2000"));
  const Result fast = measured("4s");
  EXPECT_EQ(fast.measurement.at("engaged"), true) << "settled, and followed";
  // 2000 a second, 120 ms: 240, more than the largest that was asked for. The emulated drive may be
  // slower than its limit.
  EXPECT_GE(fast.highest, 50U);

  // Five times slower in the middle of a run: 48.
  std::thread slower([&drive] {
    std::this_thread::sleep_for(std::chrono::seconds(10));
    drive.limit("riops=400");
  });
  const Result slow = measured("24s");
  slower.join();
  EXPECT_GE(slow.lowest, 1U);
  EXPECT_LE(slow.lowest, 60U);
  EXPECT_LT(slow.lowest, fast.highest);
}

}  // namespace
