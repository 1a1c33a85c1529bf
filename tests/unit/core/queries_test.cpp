#include "core/queries.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "core/real_host.hpp"
#include "temp_dir.hpp"

namespace assay {
namespace {

using testing::TempDir;

std::set<std::string> keys_of(const QueryKind& row) {
  std::set<std::string> keys;
  std::string_view rest = row.keys;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    keys.emplace(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
  }
  return keys;
}

// A target that the row may be asked about on any machine.
std::string example_target(const QueryKind& row) {
  if (row.target == "interface") return "lo";
  if (row.target == "path") return "/";
  if (row.target == "limit") return "nofile";
  if (row.target == "clock") return "monotonic";
  if (row.target == "nvme") return "nvme0";
  return {};
}

TEST(QueryTable, RowsAreCompleteAndUnique) {
  std::set<std::string_view> kinds;
  for (const QueryKind& row : query_kinds()) {
    EXPECT_TRUE(kinds.insert(row.kind).second) << row.kind;
    EXPECT_FALSE(row.source.empty()) << row.kind;
    EXPECT_NE(row.answer, nullptr) << row.kind;
    EXPECT_FALSE(keys_of(row).empty()) << row.kind;
    EXPECT_EQ(find_query_kind(row.kind), &row);
  }
  EXPECT_GE(kinds.size(), 19U);
  EXPECT_EQ(find_query_kind("nothing"), nullptr);
}

// Whatever this machine can answer has exactly the keys that the table names.
TEST(QueryTable, AnswersHaveTheNamedKeys) {
  unsigned answered = 0;
  for (const QueryKind& row : query_kinds()) {
    const auto reply = answer_query({std::string(row.kind), example_target(row)});
    if (!reply) {
      EXPECT_FALSE(reply.error().message().empty());
      continue;
    }
    ++answered;
    std::set<std::string> keys;
    for (const auto& [key, value] : *reply) keys.insert(key);
    EXPECT_EQ(keys, keys_of(row)) << row.kind;
  }
  EXPECT_GE(answered, 7U);
}

TEST(QueryTable, TargetsAreChecked) {
  const auto code = [](const std::string& kind, const std::string& target) {
    const auto reply = answer_query({kind, target});
    return reply ? std::string("answered") : std::string(to_string(reply.error().code));
  };
  EXPECT_EQ(code("no.such", ""), "unsupported");
  EXPECT_EQ(code("uname", "x"), "invalid");
  EXPECT_EQ(code("rlimit", ""), "invalid");
  EXPECT_EQ(code("rlimit", "cpu"), "invalid");
  EXPECT_EQ(code("clock", "sundial"), "invalid");
  EXPECT_EQ(code("statfs", "relative"), "invalid");
  EXPECT_EQ(code("statfs", std::string("/\0", 2)), "invalid");
  EXPECT_EQ(code("statfs", "/nowhere/at/all"), "absent");
  EXPECT_EQ(code("statx.dioalign", "/nowhere/at/all"), "absent");
  EXPECT_EQ(code("ethtool.drvinfo", "no-such-nic"), "absent");
  for (const char* bad : {"a/b", "..", ".", "with space", "tab\t", "eth0:1", "0123456789abcdef"}) {
    EXPECT_EQ(code("ethtool.drvinfo", bad), "invalid") << bad;
  }
}

TEST(QueryTable, InterfaceNames) {
  for (const char* good : {"lo", "eth0", "enp3s0f1np1", "br-0123456789a", "wlan.1", "a"}) {
    EXPECT_TRUE(is_interface_name(good)) << good;
  }
  EXPECT_TRUE(is_interface_name("0123456789abcde"));
  EXPECT_FALSE(is_interface_name("0123456789abcdef"));
  EXPECT_FALSE(is_interface_name(""));
  EXPECT_FALSE(is_interface_name(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_interface_name("a\nb"));
}

// What can be set is named key by key, and each key can be asked for too.
TEST(QueryTable, WhatCanBeSetCanBeAsked) {
  unsigned changeable = 0;
  for (const QueryKind& row : query_kinds()) {
    EXPECT_EQ(row.change == nullptr, row.changeable.empty()) << row.kind;
    if (row.change == nullptr) continue;
    ++changeable;
    const std::set<std::string> keys = keys_of(row);
    std::string_view rest = row.changeable;
    while (!rest.empty()) {
      const std::string_view key = rest.substr(0, rest.find(','));
      EXPECT_TRUE(keys.contains(std::string(key))) << row.kind << " " << key;
      rest.remove_prefix(std::min(rest.size(), key.size() + 1));
    }
  }
  EXPECT_GE(changeable, 6U);
}

TEST(QueryTable, ChangesAreCheckedBeforeTheyAreMade) {
  const auto code = [](const Query& request, const Reply& values) {
    const auto done = change_by_query(request, values);
    return done ? std::string("done") : std::string(to_string(done.error().code));
  };
  EXPECT_EQ(code({"no.such", ""}, {{"a", "1"}}), "unsupported");
  EXPECT_EQ(code({"uname", ""}, {{"release", "7"}}), "unsupported");
  EXPECT_EQ(code({"ethtool.eee", "a/b"}, {{"enabled", "0"}}), "invalid");
  EXPECT_EQ(code({"ethtool.eee", "lo"}, {}), "invalid");
  EXPECT_EQ(code({"ethtool.eee", "lo"}, {{"active", "0"}}), "unsupported");
  EXPECT_EQ(code({"ethtool.eee", "no-such-nic"}, {{"enabled", "0"}}), "absent");
  EXPECT_EQ(code({"ethtool.requested", "no-such-nic"}, {{"on", "rx-gro"}}), "absent");
  // The loopback has no rings: its driver refuses to be asked, and nothing is set.
  EXPECT_EQ(code({"ethtool.ringparam", "lo"}, {{"rx", "1"}}), "unsupported");
}

TEST(QueryTable, MissingRepliesTellKnownFromUnknown) {
  const Expected<Reply> known = missing_reply({"uname", ""});
  const Expected<Reply> unknown = missing_reply({"nothing", "x"});
  EXPECT_EQ(known.error().code, ErrorCode::absent);
  EXPECT_EQ(unknown.error().code, ErrorCode::unsupported);
  EXPECT_NE(unknown.error().message().find("nothing x"), std::string::npos);
}

TEST(Queries, SystemAnswersAgreeWithTheSystem) {
  const auto host = make_real_host();
  utsname names{};
  ASSERT_EQ(::uname(&names), 0);
  EXPECT_EQ(host->ask({"uname", ""}).value().at("release"), names.release);

  struct rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const std::string soft =
      limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur);
  EXPECT_EQ(host->ask({"rlimit", "nofile"}).value().at("soft"), soft);
  EXPECT_TRUE(host->ask({"rlimit", "memlock"}).value().contains("hard"));
  EXPECT_TRUE(host->ask({"rlimit", "rtprio"}));

  const auto identity = host->ask({"process.identity", ""}).value();
  EXPECT_EQ(identity.at("euid"), std::to_string(::geteuid()));
  EXPECT_EQ(identity.at("cap_eff").size(), 16U);
  const auto status = host->read("/proc/self/status").value();
  EXPECT_NE(status.find("CapEff:\t" + identity.at("cap_eff")), std::string::npos);

  const auto sizes = host->ask({"sysconf", ""}).value();
  EXPECT_EQ(sizes.at("page_size_bytes"), std::to_string(::sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(host->ask({"clock", "monotonic_raw"}).value().at("resolution_ns"), "1");
}

TEST(Queries, AffinityIsOfTheCaller) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  const auto all = CpuSet::parse_list(answer_query({"sched.affinity", ""}).value().at("cpus"));
  ASSERT_TRUE(all);
  EXPECT_EQ(static_cast<int>(all->count()), CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(*all->last(), &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  const auto reply = answer_query({"sched.affinity", ""});
  ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(reply.value().at("cpus"), std::to_string(*all->last()));
}

TEST(Queries, IoUringSaysWhatItCanOrWhyNot) {
  const auto reply = answer_query({"io_uring.probe", ""});
  if (reply) {
    const auto ops = CpuSet::parse_list(reply->at("ops"));
    ASSERT_TRUE(ops);
    EXPECT_TRUE(ops->contains(0));  // IORING_OP_NOP is always there
    EXPECT_TRUE(reply->at("features").starts_with("0x"));
    return;
  }
  EXPECT_TRUE(reply.error().code == ErrorCode::denied ||
              reply.error().code == ErrorCode::unsupported ||
              reply.error().code == ErrorCode::exhausted)
      << reply.error().message();
  EXPECT_FALSE(reply.error().advice.empty()) << reply.error().message();
}

TEST(Queries, FileSystems) {
  const TempDir dir;
  const auto reply = answer_query({"statfs", dir.path()});
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_GT(parse_uint(reply->at("size_bytes")).value(), 0U);
  EXPECT_GE(parse_uint(reply->at("free_bytes")).value(),
            parse_uint(reply->at("available_bytes")).value());
  EXPECT_EQ(reply->at("read_only"), "0");
  EXPECT_EQ(answer_query({"statfs", "/sys"}).value().at("type"), "sysfs");
  dir.put("file", "x");
  EXPECT_EQ(answer_query({"blockdev.info", dir / "file"}).error().code, ErrorCode::invalid);
  EXPECT_EQ(answer_query({"blockdev.info", "/dev/null"}).error().code, ErrorCode::invalid);
}

TEST(Queries, LoopbackHasFeaturesButNoRings) {
  const auto features = answer_query({"ethtool.features", "lo"});
  if (!features) GTEST_SKIP() << features.error().message();
  for (const char* key : {"gro", "lro", "tso", "gso", "ntuple", "rxhash"}) {
    EXPECT_TRUE(features->at(key) == "on" || features->at(key) == "off") << key;
  }
  // The loopback driver always does generic receive offload and never large receive offload.
  EXPECT_EQ(features->at("lro"), "off");
  EXPECT_NE(("," + features->at("fixed") + ",").find(",lro,"), std::string::npos);
  EXPECT_EQ(answer_query({"ethtool.ringparam", "lo"}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(answer_query({"ethtool.rxfh", "lo"}).error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace assay
