// Journals on the disk: what is written reads back, and what somebody else wrote is refused.
#include "tuner/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/memory_host.hpp"
#include "transaction.hpp"
#include "tuner/setting.hpp"

namespace assay::tuner::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kId = "20260615T120000Z";
const std::string kFile = std::string(JournalFolder::kDefault) + "/" + kId + ".json";

Journal sample() {
  Journal journal{.id = kId,
                  .state = JournalState::planned,
                  .created = "2026-06-15T12:00:00Z",
                  .boot_id = "b",
                  .tool = "t",
                  .profile = "p",
                  .profile_digest = "sha256:0",
                  .changes = {}};
  Change change{.setting_id = "memory.swappiness", .target = "host"};
  change.path = "/proc/sys/vm/swappiness";
  change.before = "60";
  change.after = "0";
  journal.changes.push_back(change);
  return journal;
}

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    host_.directory("/var/lib");
    ASSERT_TRUE(folder_.prepare());
  }
  std::string refusal(const std::string& text) {
    host_.put(kFile, text, 0600);
    const auto journal = folder_.load(kId);
    return journal ? "accepted" : journal.error().message();
  }
  // The sample with something changed in its JSON.
  std::string refusal_with(const std::function<void(json&)>& spoil) {
    json document = json::parse(journal_text(sample()));
    spoil(document);
    return refusal(document.dump());
  }

  MemoryHost host_;
  JournalFolder folder_{host_};
};

TEST_F(JournalTest, ReadsBackWhole) {
  Journal journal = sample();
  Change file{.kind = ChangeKind::replace_file, .setting_id = "memory.swappiness"};
  file.path = "/etc/sysctl.d/90-assay.conf";
  file.after = "vm.swappiness = 0\n# \"quotes\" \\ and \xc3\xa4\n";
  file.absent_before = true;
  file.mode_after = 0640;
  journal.changes.push_back(file);
  Change stop{.kind = ChangeKind::run, .setting_id = "irq.irqbalance", .target = "host"};
  stop.path = "irqbalance";
  stop.before = "running";
  stop.after = "stopped";
  stop.argv = {"systemctl", "stop", "irqbalance.service"};
  stop.undo_argv = {"systemctl", "start", "irqbalance.service"};
  journal.changes.push_back(stop);
  ASSERT_TRUE(folder_.save(journal));
  const auto back = folder_.load(kId);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->changes, journal.changes);
  EXPECT_EQ(back->boot_id, "b");
  EXPECT_EQ(host_.status(kFile)->mode, 0600U);
  EXPECT_EQ(host_.status(std::string(JournalFolder::kDefault))->mode, 0700U);
}

TEST_F(JournalTest, GarbageIsRefused) {
  EXPECT_EQ(refusal(journal_text(sample())), "accepted");
  for (const char* text :
       {"", "{", "[]", "null", "\"x\"", "{\"schema\":\"assay.journal\"}", "{\"schema\":1}",
        "\x00\xff\xfe", "{\"schema\":\"assay.certificate\"}"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
  EXPECT_NE(refusal(std::string(200'000, '[')), "accepted");
  const std::string whole = journal_text(sample());
  for (std::size_t length = 0; length + 2 < whole.size(); ++length) {
    EXPECT_NE(refusal(whole.substr(0, length)), "accepted") << length;
  }
}

TEST_F(JournalTest, EveryFieldIsChecked) {
  EXPECT_THAT(refusal_with([](json& j) { j["version"] = 2; }), HasSubstr("another version"));
  EXPECT_THAT(refusal_with([](json& j) { j["state"] = "done"; }), HasSubstr("state"));
  EXPECT_THAT(refusal_with([](json& j) { j["state"] = 1; }), HasSubstr("state"));
  EXPECT_THAT(refusal_with([](json& j) { j["id"] = "other"; }), HasSubstr("its id"));
  EXPECT_THAT(refusal_with([](json& j) { j.erase("boot_id"); }), HasSubstr("boot_id"));
  EXPECT_THAT(refusal_with([](json& j) { j["changes"] = 1; }), HasSubstr("changes"));
  EXPECT_THAT(refusal_with([](json& j) { j["changes"][0] = 1; }), HasSubstr("changes[0]"));
  EXPECT_THAT(refusal_with([](json& j) { j["changes"][0]["kind"] = "erase"; }), HasSubstr("kind"));
  EXPECT_THAT(refusal_with([](json& j) { j["changes"][0]["after"] = 3; }), HasSubstr("text"));
  EXPECT_THAT(refusal_with([](json& j) { j["changes"][0]["extra"] = "x"; }), HasSubstr("extra"));
  EXPECT_THAT(refusal_with([](json& j) { j["changes"][0]["mode_before"] = 99999; }),
              HasSubstr("permission"));
}

TEST_F(JournalTest, ChangesThatNoRowMakesAreRefused) {
  const auto path = [&](std::string value) {
    return refusal_with([&](json& j) { j["changes"][0]["path"] = value; });
  };
  for (const char* bad : {"/etc/passwd", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
                          "/proc/sys/vm/../kernel/core_pattern", "../proc/sys/vm/swappiness",
                          "/proc/sys/vm/swappiness/", "/proc/sys/vm/swappiness/..", ""}) {
    EXPECT_THAT(path(bad), HasSubstr("does not write it")) << bad;
  }
  EXPECT_THAT(refusal_with([](json& j) { j["changes"][0]["setting"] = "no.such"; }),
              HasSubstr("no setting"));
  EXPECT_THAT(refusal_with([](json& j) { j["changes"][0]["undo_path"] = "/etc/shadow"; }),
              HasSubstr("does not write it"));
  EXPECT_THAT(refusal_with([](json& j) { j["changes"][0]["read_path"] = "/etc/shadow"; }),
              HasSubstr("does not write it"));
  EXPECT_THAT(refusal_with([](json& j) { j["changes"][0]["before"] = "60\n61"; }),
              HasSubstr("more than one line"));
  EXPECT_THAT(refusal_with([](json& j) {
                j["changes"][0]["kind"] = "replace-file";
                j["changes"][0]["path"] = "/etc/shadow";
              }),
              HasSubstr("no file of assay's own"));
  EXPECT_THAT(refusal_with([](json& j) {
                j["changes"][0] = {{"kind", "run"},
                                   {"setting", "irq.irqbalance"},
                                   {"argv", {"systemctl", "start", "evil.service"}},
                                   {"undo_argv", {"systemctl", "start", "evil.service"}}};
              }),
              HasSubstr("command line"));
}

TEST_F(JournalTest, OnlyRootsOwnFilesAreRead) {
  ASSERT_TRUE(folder_.save(sample()));
  host_.put(kFile, journal_text(sample()), 0666);
  EXPECT_THAT(folder_.load(kId).error().message(), HasSubstr("others could have written it"));
  host_.put("/tmp/planted", journal_text(sample()), 0600);
  host_.link(kFile, "/tmp/planted");
  EXPECT_THAT(folder_.load(kId).error().message(), HasSubstr("it is a link"));
  for (const char* id : {"../x", "a/b", "", ".", "x y", "a.json"}) {
    EXPECT_EQ(folder_.load(id).error().code, ErrorCode::invalid) << id;
  }
  EXPECT_EQ(folder_.load("20250101T000000Z").error().code, ErrorCode::absent);
}

TEST_F(JournalTest, AFolderOfOthersIsRefused) {
  MemoryHost host;
  host.put("/var/lib/assay/journal/x", "");  // implied folders have mode 0755
  JournalFolder folder(host);
  const auto ready = folder.prepare();
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().code, ErrorCode::denied);
  EXPECT_EQ(folder.load(kId).error().code, ErrorCode::denied);
  host.link("/var/lib/assay/journal", "/tmp");
  host.directory("/tmp");
  EXPECT_FALSE(folder.prepare());
}

TEST_F(JournalTest, HugeOnesAreNotRead) {
  host_.put(kFile, std::string((32 << 20) + 1, ' '), 0600);
  EXPECT_THAT(folder_.load(kId).error().message(), HasSubstr("longer than"));
}

TEST_F(JournalTest, ListsOldestFirstAndSaysWhatIsUnusable) {
  for (const char* id :
       {"20260615T120000Z-10", "20260615T120000Z", "20260615T120000Z-2", "20260101T120000Z"}) {
    Journal journal = sample();
    journal.id = id;
    if (std::string(id) == "20260615T120000Z-10") journal.state = JournalState::rolled_back;
    ASSERT_TRUE(folder_.save(journal));
  }
  auto entries = folder_.list();
  ASSERT_TRUE(entries);
  std::vector<std::string> ids;
  for (const JournalEntry& entry : *entries) ids.push_back(entry.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"20260101T120000Z", "20260615T120000Z",
                                           "20260615T120000Z-2", "20260615T120000Z-10"}));
  EXPECT_EQ(folder_.newest()->id, "20260615T120000Z-2");
  EXPECT_EQ(folder_.free_id("20260615T120000Z"), "20260615T120000Z-3");
  // A newer one that cannot be used is never passed over in silence.
  host_.put(std::string(JournalFolder::kDefault) + "/20270101T000000Z.json", "{", 0600);
  EXPECT_FALSE(folder_.newest());
  EXPECT_THAT(render_journals(*folder_.list()), HasSubstr("unusable"));
}

// An old value that JSON cannot hold must stop the transaction, not come back as another one.
TEST_F(JournalTest, ValuesThatDoNotSurviveStopTheTransaction) {
  const auto host = make_untuned_machine();
  const auto profile = shipped("default");
  Plan plan = plan_now(*host, profile);
  Change file{.kind = ChangeKind::replace_file, .setting_id = "memory.swappiness"};
  file.path = "/etc/sysctl.d/90-assay.conf";
  file.before = "# caf\xe9\n";
  file.after = "x\n";
  plan.lasting.push_back(file);
  const std::string before = snapshot(*host);
  JournalFolder folder(*host);
  const auto report = apply(*host, std::move(plan), profile, folder, at_noon());
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message(), HasSubstr("nothing was changed"));
  EXPECT_EQ(snapshot(*host), before);
}

}  // namespace
}  // namespace assay::tuner::testing
