// A drive that stalls: the closed loop hides what the open loop shows.
//
// A cgroup's io.max lets the drive go for 700 ms and holds it for 300 ms, over and over. Whoever
// waits for each answer before asking again meets a stall with one operation only; whoever asks at
// a rate meets it with all that came due meanwhile.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "tests/lab/tests/lab_guest.hpp"

namespace {

using nlohmann::json;

bool put(const std::string& path, const std::string& text) {
  std::ofstream out(path);
  out << text << std::flush;
  return static_cast<bool>(out);
}

// This process and its children in a cgroup whose reads of the drive are held now and then.
class StallingDrive {
 public:
  StallingDrive() {
    ready_ = put("/sys/fs/cgroup/cgroup.subtree_control", "+io") &&
             (std::filesystem::exists(kGroup) || std::filesystem::create_directory(kGroup)) &&
             put(kGroup + "/cgroup.procs", std::to_string(::getpid()));
    device_ = lab::first_line("/sys/block/nvme0n1/dev");
    ready_ = ready_ && limit(kHeld) && limit("max");
    thread_ = std::thread([this] {
      while (!stop_) {
        limit("max");
        std::this_thread::sleep_for(std::chrono::milliseconds(700));
        limit(kHeld);
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
      }
      limit("max");
    });
  }
  ~StallingDrive() {
    stop_ = true;
    thread_.join();
  }
  bool ready() const { return ready_; }

 private:
  static inline const std::string kGroup = "/sys/fs/cgroup/stall";
  static constexpr const char* kHeld = "2";  // bytes a second, the least: a block takes for ever
  bool limit(const std::string& bytes_per_s) const {
    return put(kGroup + "/io.max", device_ + " rbps=" + bytes_per_s);
  }
  bool ready_ = false;
  std::string device_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

json measured(std::vector<std::string> more) {
  std::vector<std::string> words{"bench", "storage.direct", "--file", "/dev/nvme0n1", "--size",
                                 "64MiB", "--duration",     "5s",     "--rounds",     "6"};
  words.insert(words.end(), more.begin(), more.end());
  int code = -1;
  const json document = lab::assay_json(words, &code);
  // The stalls may void it as unsteady: an honest answer, and not what is looked at here.
  EXPECT_TRUE(code == 0 || code == 2) << code;
  return document.at("measurements").at(0);
}

TEST(StallingDrive, TheOpenLoopShowsWhatTheClosedOneHides) {
  StallingDrive drive;
  ASSERT_TRUE(drive.ready()) << "no cgroup with io.max here";
  const json closed = measured({});
  const json open = measured({"--rate", "100", "--arrival", "fixed"});

  const double closed_p99 = closed.at("latency_ns").at("p99");
  const double response_p99 = open.at("response_ns").at("p99");
  const double response_p90 = open.at("response_ns").at("p90");
  const double lag_p99 = open.at("lag_ns").at("p99");
  RecordProperty("closed_p99_us", std::to_string(closed_p99 / 1000));
  RecordProperty("response_p99_us", std::to_string(response_p99 / 1000));
  // Both met the stalls ...
  EXPECT_GT(closed.at("latency_ns").at("max").get<double>(), 1e8);
  EXPECT_GT(open.at("latency_ns").at("max").get<double>(), 1e8);
  // ... which are three tenths of the time: of a client's waits that is far above the p90. The
  // closed loop's p99 tells nothing of it.
  EXPECT_GT(response_p90, 10 * closed_p99);
  EXPECT_GT(response_p99, 10 * closed_p99);
  // The device was late, not the generator.
  EXPECT_LT(lag_p99, response_p90 / 4);
  EXPECT_EQ(open.at("missed"), 0);
  // Its slowest were asleep until the drive answered.
  EXPECT_EQ(closed.at("slowest").at(0).at("cause"), "waited")
      << closed.at("slowest").at(0).at("because");
}

}  // namespace
