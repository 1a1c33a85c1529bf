// A drive driven from user space behind an IOMMU: verified data, and the drive is with the kernel
// again however the program ends.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/lab/tests/lab_guest.hpp"

extern char** environ;

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr const char* kDrive = "/dev/nvme0n1";

Json bench(const std::vector<std::string>& options, int* code = nullptr) {
  std::vector<std::string> args{"bench", "storage.user-nvme", "--file", kDrive};
  args.insert(args.end(), options.begin(), options.end());
  args.insert(args.end(), {"--size", "4MiB", "--duration", "30ms", "--rounds", "6"});
  const Json document = lab::assay_json(args, code);
  return document.is_object() ? document.at("measurements") : Json::array();
}

void expect_real(const Json& measurement) {
  const std::string text = measurement.dump(2);
  EXPECT_GT(measurement.at("operations"), 0) << text;
  EXPECT_EQ(measurement.at("errors"), 0) << text;
  EXPECT_TRUE(measurement.at("engaged")) << measurement.at("evidence");
  EXPECT_EQ(measurement.at("verified"), true) << text;
}

std::string address() {
  static const std::string found = fs::canonical("/sys/block/nvme0n1/device/device").filename();
  return found;
}

std::string driver() {
  std::error_code none;
  return fs::read_symlink("/sys/bus/pci/devices/" + address() + "/driver", none).filename();
}

bool comes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 400; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(50));
  }
  return false;
}

void expect_with_the_kernel() {
  EXPECT_TRUE(comes_true([] { return driver() == "nvme"; })) << driver();
  EXPECT_TRUE(comes_true([] { return fs::exists(kDrive); }));
  const std::string forced =
      lab::first_line("/sys/bus/pci/devices/" + address() + "/driver_override");
  EXPECT_EQ(forced, "(null)");
}

class UserNvme : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    lab::run({"modprobe", "-r", "nvme"});
    ASSERT_EQ(lab::run({"modprobe", "nvme", "poll_queues=2"}).code, 0);
    ASSERT_TRUE(comes_true([] { return fs::exists(kDrive); }));
    lab::run({"modprobe", "-a", "vfio-pci", "vfio_iommu_type1"});
    address();
  }
  void TearDown() override { expect_with_the_kernel(); }
};

TEST_F(UserNvme, ReadsBesideTheKernelsDriverInTurns) {
  const Json both = bench({"--baseline", "--depth", "4"});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[1].at("technique"), "storage.uring.iopoll");
  for (const Json& measurement : both) expect_real(measurement);
  EXPECT_EQ(both[0].at("enters"), 0);
  const std::string evidence = both[0].at("evidence");
  EXPECT_NE(evidence.find("vfio-pci"), std::string::npos) << evidence;
}

// More than two pages go through a list of them.
TEST_F(UserNvme, ALongTransferInBatches) {
  const Json read = bench({"--block", "64KiB", "--depth", "8", "--batch", "2"});
  ASSERT_EQ(read.size(), 1U);
  expect_real(read[0]);
}

TEST_F(UserNvme, WritesOnlyWithConsentAndTheyAreThere) {
  const lab::Ran refused = lab::run({"assay", "bench", "storage.user-nvme", "--op", "write",
                                     "--file", kDrive, "--size", "16MiB"});
  EXPECT_NE(refused.code, 0) << refused.err;
  EXPECT_NE(refused.err.find("--destroy-data"), std::string::npos) << refused.err;
  const Json written = bench({"--op", "write", "--destroy-data", "--depth", "4"});
  ASSERT_EQ(written.size(), 1U);
  expect_real(written[0]);
}

TEST_F(UserNvme, AHeldDriveIsLeftAlone) {
  const int held = ::open(kDrive, O_RDONLY | O_EXCL | O_CLOEXEC);
  ASSERT_GE(held, 0);
  int code = 0;
  const Json measurements = bench({}, &code);
  ::close(held);
  EXPECT_EQ(code, 3);
  ASSERT_EQ(measurements.size(), 1U);
  EXPECT_NE(measurements[0].at("remedy").get<std::string>().find("mounted or held"),
            std::string::npos)
      << measurements[0].dump(2);
}

// While it runs the drive is now with one driver, now with the other; it is struck while ours has
// it.
void strike(int signal, const std::function<bool(int)>& expected_end) {
  const std::vector<std::string> argv{"assay",  "bench", "storage.user-nvme", "--file", kDrive,
                                      "--size", "16MiB", "--duration",        "60s"};
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  ASSERT_EQ(::posix_spawnp(&child, "assay", &actions, nullptr, words.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_TRUE(comes_true([] { return driver() == "vfio-pci"; }));
  ::kill(child, signal);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(expected_end(status)) << status;
  expect_with_the_kernel();
}

TEST_F(UserNvme, CtrlCGivesItBack) {
  strike(SIGINT, [](int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 130; });
}

TEST_F(UserNvme, AKilledProgramsDriveIsGivenBackToo) {
  strike(SIGKILL, [](int status) { return WIFSIGNALED(status); });
}

}  // namespace
