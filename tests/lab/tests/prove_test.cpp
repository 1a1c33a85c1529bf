// `assay tune --prove` on a real kernel with drives of its own: a group that is flipped between the
// blocks, one that moves another value with it, one that can only be measured before and after, and
// the way back. Emulated time is not time, so nothing is said about which of them helps.
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "tests/lab/tests/lab_guest.hpp"

namespace {

using nlohmann::json;

constexpr const char* kProfile = "/tmp/lab-prove.yaml";
constexpr const char* kQueue = "/sys/block/nvme0n1/queue/";

// The files that the profile is about, and one that the scheduler moves.
std::map<std::string, std::string> values() {
  std::map<std::string, std::string> now;
  for (const std::string& path :
       {std::string("/proc/sys/vm/swappiness"), std::string("/proc/sys/vm/stat_interval"),
        kQueue + std::string("scheduler"), kQueue + std::string("nr_requests"),
        kQueue + std::string("nomerges")}) {
    now[path] = lab::first_line(path);
  }
  return now;
}

void write_profile() {
  std::ofstream(kProfile) << R"(schema: assay.profile
version: 1
name: lab-prove
settings:
  memory.swappiness: {value: 33, required: false}
  memory.stat-interval: 7s
  block.scheduler: {value: mq-deadline, required: false, select: "pci-*"}
  block.nomerges: {value: 2, select: "pci-*"}
budgets:
  - technique: memory.hierarchy
    parameters: {variant: syscall}
    limits: {p50: 1s}
measure: {time_limit: 6s, load_limit: null}
)";
}

TEST(Prove, KeepsWhatIsRequiredAndARollbackBringsAllBack) {
  write_profile();
  const auto before = values();
  int code = -1;
  const json plan = lab::assay_json({"tune", kProfile, "--prove", "--plan"}, &code);
  EXPECT_EQ(code, 1);
  ASSERT_GE(plan.at("groups").size(), 3U) << plan.dump(1);

  const json report =
      lab::assay_json({"tune", kProfile, "--prove", "--yes", "--prove-time", "5s"}, &code);
  EXPECT_TRUE(code == 0 || code == 1 || code == 2) << report.value("exit_reason", "");
  ASSERT_EQ(report.at("ledger").size(), plan.at("groups").size());
  for (const json& entry : report.at("ledger")) {
    const std::string decision = entry.at("decision");
    EXPECT_TRUE(entry.at("interleaved")) << entry.dump(1);
    if (entry.at("required")) {
      EXPECT_TRUE(decision.starts_with("kept")) << entry.dump(1);
    } else {
      EXPECT_TRUE(decision.starts_with("undone") || decision == "kept-helps") << entry.dump(1);
    }
    for (const json& effect : entry.at("effects")) {
      EXPECT_GT(effect.at("samples_before"), 0) << entry.dump(1);
      EXPECT_GT(effect.at("samples_after"), 0) << entry.dump(1);
    }
  }
  EXPECT_EQ(lab::first_line("/proc/sys/vm/stat_interval"), "7");
  EXPECT_EQ(lab::first_line(kQueue + std::string("nomerges")), "2");

  lab::assay_json({"rollback"}, &code);
  EXPECT_EQ(code, 0);
  EXPECT_EQ(values(), before);
}

}  // namespace
