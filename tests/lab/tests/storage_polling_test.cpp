// Techniques that need an NVMe drive with poll queues: IOPOLL, and commands passed through to its
// character device. The driver is loaded anew with poll queues; before, both must say what is
// missing.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/lab/tests/lab_guest.hpp"

namespace {

using Json = nlohmann::json;

Json bench(const std::vector<std::string>& options, int* code = nullptr) {
  std::vector<std::string> args{"bench"};
  args.insert(args.end(), options.begin(), options.end());
  args.insert(args.end(), {"--size", "4MiB", "--duration", "30ms", "--rounds", "6"});
  const Json document = lab::assay_json(args, code);
  return document.is_object() ? document.at("measurements") : Json::array();
}

// Emulated time is not time: whether it was steady does not matter here.
void expect_real(const Json& measurement) {
  const std::string text = measurement.dump(2);
  EXPECT_GT(measurement.at("operations"), 0) << text;
  EXPECT_EQ(measurement.at("errors"), 0) << text;
  EXPECT_TRUE(measurement.at("engaged")) << measurement.at("evidence");
  EXPECT_EQ(measurement.at("verified"), true) << text;
}

void load_driver(const std::string& poll_queues) {
  ASSERT_EQ(lab::run({"modprobe", "-r", "nvme"}).code, 0);
  ASSERT_EQ(lab::run({"modprobe", "nvme", "poll_queues=" + poll_queues}).code, 0);
  for (int i = 0; i < 200 && lab::first_line("/sys/block/nvme0n1/size").empty(); ++i) {
    lab::run({"sleep", "0.05"});
  }
  ASSERT_NE(lab::first_line("/sys/block/nvme0n1/size"), "");
}

TEST(StoragePolling, WithoutPollQueuesItSaysSo) {
  load_driver("0");
  for (const char* id : {"storage.uring.iopoll", "storage.uring.passthrough"}) {
    int code = 0;
    const Json measurements = bench({id, "--file", "/dev/nvme0n1"}, &code);
    EXPECT_EQ(code, 3);
    ASSERT_EQ(measurements.size(), 1U);
    EXPECT_NE(measurements[0].at("skipped").get<std::string>().find("no poll queues"),
              std::string::npos);
    EXPECT_NE(measurements[0].at("remedy").get<std::string>().find("poll_queues=2"),
              std::string::npos);
  }
  // Commands can also be waited for.
  const Json asleep =
      bench({"storage.uring.passthrough", "--file", "/dev/ng0n1", "--completion", "block"});
  ASSERT_EQ(asleep.size(), 1U);
  expect_real(asleep[0]);
}

TEST(StoragePolling, WithPollQueuesNoInterruptIsNeeded) {
  load_driver("2");
  const Json passed =
      bench({"storage.uring.passthrough", "--file", "/dev/nvme0n1", "--baseline", "--depth", "4"});
  ASSERT_EQ(passed.size(), 2U);
  EXPECT_EQ(passed[1].at("technique"), "storage.uring.iopoll");
  EXPECT_EQ(passed[1].at("parameters").at("completion"), "poll");
  for (const Json& measurement : passed) expect_real(measurement);
  const std::string evidence = passed[0].at("evidence");
  EXPECT_NE(evidence.find("SQE128 | CQE32"), std::string::npos) << evidence;
}

TEST(StoragePolling, WritesArriveOnlyWithConsent) {
  const lab::Ran refused = lab::run({"assay", "bench", "storage.uring.passthrough", "--op", "write",
                                     "--file", "/dev/nvme0n1", "--size", "16MiB"});
  EXPECT_NE(refused.code, 0) << refused.err;
  EXPECT_NE(refused.err.find("--destroy-data"), std::string::npos) << refused.err;
  const Json written = bench({"storage.uring.passthrough", "--op", "write", "--file",
                              "/dev/nvme0n1", "--destroy-data", "--block", "16KiB"});
  ASSERT_EQ(written.size(), 1U);
  expect_real(written[0]);
}

// Hybrid polling came with Linux 6.13.
TEST(StoragePolling, HybridWhereTheKernelHasIt) {
  const Json hybrid =
      bench({"storage.uring.iopoll", "--file", "/dev/nvme0n1", "--completion", "hybrid"});
  ASSERT_EQ(hybrid.size(), 1U);
  if (hybrid[0].contains("skipped")) {
    EXPECT_EQ(hybrid[0].at("skipped"), "this kernel has no IORING_SETUP_HYBRID_IOPOLL");
    EXPECT_EQ(hybrid[0].at("remedy"), "use Linux 6.13 or newer");
  } else {
    expect_real(hybrid[0]);
  }
}

}  // namespace
