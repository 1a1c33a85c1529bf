#include "core/recording_host.hpp"

#include <gtest/gtest.h>

#include "core/memory_host.hpp"

namespace assay {
namespace {

TEST(RecordingHost, KeepsWhatWasAskedAndNothingElse) {
  MemoryHost inner;
  inner.put("/sys/a", "1\n");
  inner.put("/sys/secret", "s3cret\n");
  inner.put("/etc/other", "x\n");
  const RecordingHost host(inner);
  EXPECT_EQ(host.read("/sys/a").value(), "1\n");
  EXPECT_EQ(host.read("/sys/missing").error().code, ErrorCode::absent);
  const CaptureTree tree = host.tree();
  ASSERT_TRUE(tree.nodes.contains("/sys/a"));
  EXPECT_EQ(tree.nodes.at("/sys/a").content, "1\n");
  EXPECT_FALSE(tree.nodes.contains("/sys/secret"));
  EXPECT_FALSE(tree.nodes.contains("/etc/other"));
  EXPECT_TRUE(tree.replies.empty()) << "a path that leads nowhere needs no entry";
}

TEST(RecordingHost, ListedNamesAreThereWithoutTheirContents) {
  MemoryHost inner;
  inner.put("/sys/d/secret", "s3cret\n");
  inner.put("/sys/d/sub/file", "deep\n");
  inner.link("/sys/d/link", "../d/sub");
  const RecordingHost host(inner);
  EXPECT_EQ(host.list("/sys/d").value(), (std::vector<std::string>{"link", "secret", "sub"}));
  const CaptureTree tree = host.tree();
  EXPECT_EQ(tree.nodes.at("/sys/d/secret").kind, FileKind::regular);
  EXPECT_FALSE(tree.nodes.at("/sys/d/secret").was_read);
  EXPECT_EQ(tree.nodes.at("/sys/d/secret").content, "");
  EXPECT_EQ(tree.nodes.at("/sys/d/sub").kind, FileKind::directory);
  EXPECT_EQ(tree.nodes.at("/sys/d/link").content, "../d/sub");
  EXPECT_FALSE(tree.nodes.contains("/sys/d/sub/file"));
}

TEST(RecordingHost, FilesAreKeptWhereTheirLinksLead) {
  MemoryHost inner;
  inner.link("/sys/class/net/eth0", "../../devices/pci/net/eth0");
  inner.put("/sys/devices/pci/net/eth0/mtu", "1500\n");
  const RecordingHost host(inner);
  EXPECT_EQ(host.read("/sys/class/net/eth0/mtu").value(), "1500\n");
  EXPECT_EQ(host.resolve("/sys/class/net/eth0").value(), "/sys/devices/pci/net/eth0");
  EXPECT_EQ(host.read_link("/sys/class/net/eth0").value(), "../../devices/pci/net/eth0");
  const CaptureTree tree = host.tree();
  EXPECT_EQ(tree.nodes.at("/sys/devices/pci/net/eth0/mtu").content, "1500\n");
  EXPECT_EQ(tree.nodes.at("/sys/class/net/eth0").kind, FileKind::symlink);
}

TEST(RecordingHost, TheSecondAnswerIsTheFirst) {
  MemoryHost inner;
  inner.put("/proc/stat", "cpu 1\n");
  inner.link("/proc/other", "stat");
  inner.reply({"clock", "tai"}, {{"resolution_ns", "1"}});
  const RecordingHost host(inner);
  EXPECT_EQ(host.read("/proc/stat").value(), "cpu 1\n");
  EXPECT_TRUE(host.ask({"clock", "tai"}).has_value());
  inner.put("/proc/stat", "cpu 2\n");
  inner.reply({"clock", "tai"}, {{"resolution_ns", "2"}});
  EXPECT_EQ(host.read("/proc/stat").value(), "cpu 1\n");
  EXPECT_EQ(host.read("/proc/other").value(), "cpu 1\n") << "the same file by another name";
  EXPECT_EQ(host.ask({"clock", "tai"}).value().at("resolution_ns"), "1");
  EXPECT_EQ(host.tree().nodes.at("/proc/stat").content, "cpu 1\n");
}

TEST(RecordingHost, LimitsHoldForRememberedContentToo) {
  MemoryHost inner;
  inner.put("/proc/long", std::string(100, 'x'));
  const RecordingHost host(inner);
  EXPECT_EQ(host.read("/proc/long", Bytes{10}).error().code, ErrorCode::invalid);
  EXPECT_EQ(host.read("/proc/long", Bytes{1000}).value().size(), 100U);
  EXPECT_EQ(host.read("/proc/long", Bytes{10}).error().code, ErrorCode::invalid);
}

TEST(RecordingHost, FailuresAreKeptWhereTheFileIsThere) {
  MemoryHost inner;
  inner.put("/sys/root-only", "secret\n");
  inner.fail("/sys/root-only", 13);
  inner.reply_error({"ethtool.eee", "eth0"}, errno_error(95, "ethtool", "eth0"));
  const RecordingHost host(inner);
  EXPECT_EQ(host.read("/sys/root-only").error().code, ErrorCode::denied);
  EXPECT_EQ(host.ask({"ethtool.eee", "eth0"}).error().code, ErrorCode::unsupported);
  const CaptureTree tree = host.tree();
  const auto failed = tree.replies.find(Query{kFailedRead, "/sys/root-only"});
  ASSERT_NE(failed, tree.replies.end());
  EXPECT_EQ(failed->second.error().code, ErrorCode::denied);
  EXPECT_EQ(tree.nodes.at("/sys/root-only").content, "");
}

TEST(RecordingHost, CyclesEnd) {
  MemoryHost inner;
  inner.link("/a", "b");
  inner.link("/b", "a");
  const RecordingHost host(inner);
  EXPECT_FALSE(host.read("/a").has_value());
  EXPECT_FALSE(host.resolve("/b/c/d").has_value());
  EXPECT_EQ(host.tree().nodes.at("/a").kind, FileKind::symlink);
}

TEST(RecordingHost, ChangesAreRefused) {
  MemoryHost inner;
  inner.put("/sys/a", "1\n");
  RecordingHost host(inner);
  EXPECT_EQ(host.write("/sys/a", "2").error().code, ErrorCode::unsupported);
  EXPECT_EQ(host.replace_file("/sys/a", "2", 0644).error().code, ErrorCode::unsupported);
  EXPECT_EQ(host.remove_file("/sys/a").error().code, ErrorCode::unsupported);
  EXPECT_EQ(host.make_directory("/sys/b", 0755).error().code, ErrorCode::unsupported);
  EXPECT_EQ(host.run({"update-grub"}).error().code, ErrorCode::unsupported);
  EXPECT_TRUE(inner.writes().empty());
}

}  // namespace
}  // namespace assay
