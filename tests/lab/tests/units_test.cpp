// The units of docs/running.md on a Debian system: what they say is what the program has.
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/lab/tests/lab_guest.hpp"

namespace {

constexpr const char* kFolder = "/etc/systemd/system/";

void write(const std::string& name, const std::string& text) {
  std::ofstream(kFolder + name) << text;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void expect_success(const std::vector<std::string>& argv) {
  const lab::Ran ran = lab::run(argv);
  EXPECT_EQ(ran.code, 0) << argv.at(1) << " " << argv.back() << ": " << ran.out << ran.err;
}

std::string pid_of(const std::string& unit) {
  const lab::Ran ran = lab::run({"systemctl", "show", "--value", "-p", "MainPID", unit});
  return ran.out.substr(0, ran.out.find('\n'));
}

// A word of /proc/PID/stat by its number in proc_pid_stat(5).
std::string stat_of(const std::string& pid, int number) {
  const std::string text = text_of("/proc/" + pid + "/stat");
  std::size_t at = text.rfind(')') + 2;
  for (int i = 3; i < number; ++i) at = text.find(' ', at) + 1;
  return text.substr(at, text.find(' ', at) - at);
}

void expect_placed(const std::string& pid) {
  EXPECT_NE(text_of("/proc/" + pid + "/status").find("Cpus_allowed_list:\t1\n"), std::string::npos);
  EXPECT_EQ(stat_of(pid, 41), "1") << "SCHED_FIFO";
  EXPECT_EQ(stat_of(pid, 40), "80");
  const std::string limits = text_of("/proc/" + pid + "/limits");
  EXPECT_NE(limits.find("Max locked memory         unlimited"), std::string::npos) << limits;
}

TEST(Boot1, AUnitOfItsOwnLines) {
  write("feed.service",
        "[Service]\nExecStart=/bin/sleep 1000\nCPUAffinity=1\nNUMAPolicy=bind\nNUMAMask=0\n"
        "CPUSchedulingPolicy=fifo\nCPUSchedulingPriority=80\nLimitMEMLOCK=infinity\n"
        "LimitRTPRIO=95\nLimitNOFILE=65536\n");
  expect_success({"systemctl", "daemon-reload"});
  expect_success({"systemctl", "start", "feed.service"});
  const std::string pid = pid_of("feed.service");
  expect_placed(pid);
  EXPECT_NE(text_of("/proc/" + pid + "/limits").find("Max open files            65536"),
            std::string::npos);
  EXPECT_NE(text_of("/proc/" + pid + "/numa_maps").find(" bind:0 "), std::string::npos);
  expect_success({"systemctl", "stop", "feed.service"});
}

TEST(Boot1, AUnitThatStartsUnderAssay) {
  const lab::Ran where = lab::run({"sh", "-c", "command -v assay"});
  const std::string assay = where.out.substr(0, where.out.find('\n'));
  ASSERT_FALSE(assay.empty());
  write("placed.service", "[Service]\nExecStart=" + assay +
                              " run --require --cpus 1 --mem-node local --sched fifo:80 --mlock "
                              "-- /bin/sleep 1000\n");
  write("refused.service",
        "[Service]\nExecStart=" + assay + " run --require --cpus isolated -- /bin/sleep 1000\n");
  expect_success({"systemctl", "daemon-reload"});
  expect_success({"systemctl", "start", "placed.service"});
  // systemd has started assay, which becomes the program within a second or so.
  std::string pid = pid_of("placed.service");
  for (int i = 0; i < 600 && text_of("/proc/" + pid + "/comm") != "sleep\n"; ++i) {
    lab::run({"sleep", "0.1"});
  }
  EXPECT_EQ(text_of("/proc/" + pid + "/comm"), "sleep\n");
  expect_placed(pid);
  expect_success({"systemctl", "stop", "placed.service"});
  // No CPU is isolated here, so the start fails, with 3.
  lab::run({"systemctl", "start", "refused.service"});
  std::string status;
  for (int i = 0; i < 600 && status.find("failed") == std::string::npos; ++i) {
    lab::run({"sleep", "0.1"});
    status = lab::run({"systemctl", "show", "-p", "ActiveState", "-p", "ExecMainStatus",
                       "refused.service"})
                 .out;
  }
  EXPECT_NE(status.find("ExecMainStatus=3\n"), std::string::npos) << status;
}

TEST(Boot1, ASliceThatIsAPartition) {
  write("trading.slice", "[Slice]\nAllowedCPUs=1\nAllowedMemoryNodes=0\n");
  write("trading-partition.service",
        "[Unit]\nAfter=trading.slice\nRequires=trading.slice\n[Service]\nType=oneshot\n"
        "RemainAfterExit=yes\n"
        "ExecStart=/bin/sh -c 'echo isolated "
        ">/sys/fs/cgroup/trading.slice/cpuset.cpus.partition'\n"
        "ExecStop=/bin/sh -c 'echo member >/sys/fs/cgroup/trading.slice/cpuset.cpus.partition'\n");
  write("inside.service", "[Service]\nExecStart=/bin/sleep 1000\nSlice=trading.slice\n");
  expect_success({"systemctl", "daemon-reload"});
  expect_success({"systemctl", "start", "trading-partition.service"});
  const std::string state = "/sys/fs/cgroup/trading.slice/cpuset.cpus.partition";
  EXPECT_EQ(lab::first_line(state), "isolated");
  expect_success({"systemctl", "start", "inside.service"});
  EXPECT_NE(
      text_of("/proc/" + pid_of("inside.service") + "/status").find("Cpus_allowed_list:\t1\n"),
      std::string::npos);
  // Everybody else is off that CPU.
  EXPECT_NE(text_of("/proc/1/status").find("Cpus_allowed_list:\t0\n"), std::string::npos);
  expect_success({"systemctl", "stop", "inside.service"});
  expect_success({"systemctl", "stop", "trading-partition.service"});
  EXPECT_EQ(lab::first_line(state), "member");
}

}  // namespace
