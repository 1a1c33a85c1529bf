#include "core/memory_host.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

namespace assay {
namespace {

using Names = std::vector<std::string>;

TEST(MemoryHost, FilesAndImpliedDirectories) {
  MemoryHost host;
  host.put("/sys/devices/system/cpu/cpu10/online", "1\n");
  host.put("/sys/devices/system/cpu/cpu2/online", "0\n");
  host.put("/sys/devices/system/cpu/online", "0-2\n");
  host.directory("/sys/devices/system/cpu/empty");
  EXPECT_EQ(host.read("/sys/devices/system/cpu/online").value(), "0-2\n");
  EXPECT_EQ(host.list("/sys/devices/system/cpu").value(),
            (Names{"cpu2", "cpu10", "empty", "online"}));
  EXPECT_EQ(host.list("/").value(), Names{"sys"});
  EXPECT_EQ(host.list("/sys/devices/system/cpu/empty").value(), Names{});
  EXPECT_EQ(host.status("/sys/devices").value().kind, FileKind::directory);
  EXPECT_EQ(host.status("/sys/devices/system/cpu/online").value().size, 4_B);
  EXPECT_EQ(host.read("/sys/devices").error().sys_errno, EISDIR);
  EXPECT_EQ(host.read("/sys/none").error().code, ErrorCode::absent);
  EXPECT_EQ(host.read("/sys/devices/system/cpu/online/x").error().sys_errno, ENOTDIR);
  EXPECT_EQ(host.list("/sys/devices/system/cpu/online").error().sys_errno, ENOTDIR);
  EXPECT_EQ(host.read("relative").error().code, ErrorCode::invalid);
  EXPECT_FALSE(host.is_this_system());
  EXPECT_EQ(host.root(), "");
}

TEST(MemoryHost, LinksResolveInsideAndNeverAboveTheRoot) {
  MemoryHost host;
  host.put("/sys/devices/pci0/net/eth0/mtu", "1500\n");
  host.link("/sys/class/net/eth0", "../../devices/pci0/net/eth0");
  host.link("/abs", "/sys/devices/pci0");
  host.link("/up", "../../../../sys/devices/pci0/net/eth0/mtu");
  host.link("/loop", "loop2");
  host.link("/loop2", "/loop");
  EXPECT_EQ(host.read("/sys/class/net/eth0/mtu").value(), "1500\n");
  EXPECT_EQ(host.resolve("/sys/class/net/eth0/mtu").value(), "/sys/devices/pci0/net/eth0/mtu");
  EXPECT_EQ(host.read("/abs/net/eth0/mtu").value(), "1500\n");
  EXPECT_EQ(host.read("/up").value(), "1500\n");
  EXPECT_EQ(host.read("/../../up").value(), "1500\n");
  EXPECT_EQ(host.read_link("/abs").value(), "/sys/devices/pci0");
  EXPECT_EQ(host.status("/abs").value().kind, FileKind::symlink);
  EXPECT_EQ(host.status("/abs/").value().kind, FileKind::directory);
  EXPECT_EQ(host.read("/loop").error().sys_errno, ELOOP);
  EXPECT_EQ(host.resolve("/loop").error().code, ErrorCode::invalid);
  EXPECT_EQ(host.read_link("/sys/devices").error().sys_errno, EINVAL);
  EXPECT_EQ(host.resolve("/sys/none").error().code, ErrorCode::absent);
  EXPECT_EQ(host.resolve("/").value(), "/");
}

TEST(MemoryHost, PlantedErrorsAndTheirRemoval) {
  MemoryHost host;
  host.put("/proc/kcore", "secret");
  host.fail("/proc/kcore", EACCES);
  host.fail("/sys/broken", EIO);
  EXPECT_EQ(host.read("/proc/kcore").error().code, ErrorCode::denied);
  EXPECT_EQ(host.write("/proc/kcore", "x").error().code, ErrorCode::denied);
  EXPECT_EQ(host.read("/sys/broken").error().sys_errno, EIO);
  EXPECT_EQ(host.list("/sys").value(), Names{"broken"});
  host.fail("/proc/kcore", 0);
  EXPECT_EQ(host.read("/proc/kcore").value(), "secret");
  host.put("/dir/file", "x");
  host.fail("/dir", EACCES);
  EXPECT_EQ(host.list("/dir").error().code, ErrorCode::denied);
}

TEST(MemoryHost, LimitsAndBinaryContent) {
  MemoryHost host;
  const std::string binary("\0\xff\n\0", 4);
  host.put("/b", binary);
  EXPECT_EQ(host.read("/b").value(), binary);
  EXPECT_EQ(host.read("/b", 4_B).value(), binary);
  EXPECT_EQ(host.read("/b", 3_B).error().code, ErrorCode::invalid);
}

TEST(MemoryHost, Replies) {
  MemoryHost host;
  host.reply({"uname", ""}, {{"release", "6.1.0"}});
  host.reply_error({"ethtool.drvinfo", "eth0"},
                   make_error(ErrorCode::unsupported, "ethtool", "eth0", "no driver"));
  EXPECT_EQ(host.ask({"uname", ""}).value().at("release"), "6.1.0");
  EXPECT_EQ(host.ask({"ethtool.drvinfo", "eth0"}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(host.ask({"ethtool.drvinfo", "eth1"}).error().code, ErrorCode::absent);
  EXPECT_EQ(host.ask({"no.such.kind", ""}).error().code, ErrorCode::unsupported);
  host.reply({"uname", ""}, {{"release", "6.2.0"}});
  EXPECT_EQ(host.ask({"uname", ""}).value().at("release"), "6.2.0");
}

TEST(MemoryHost, WritesAreStoredRecordedAndNeverCreate) {
  MemoryHost host;
  host.put("/sys/real", "1\n");
  host.link("/sys/alias", "real");
  ASSERT_TRUE(host.write("/sys/alias", "2"));
  EXPECT_EQ(host.read("/sys/real").value(), "2");
  EXPECT_EQ(host.write("/sys/none", "2").error().code, ErrorCode::absent);
  EXPECT_EQ(host.write("/sys", "2").error().sys_errno, EISDIR);
  ASSERT_EQ(host.writes().size(), 1U);
  EXPECT_EQ(host.writes()[0].first, "/sys/alias");
  EXPECT_EQ(host.writes()[0].second, "2");
}

TEST(MemoryHost, HooksPlayTheKernel) {
  MemoryHost host;
  host.put("/sys/rounds", "8\n");
  host.put("/sys/refuses", "0\n");
  host.link("/sys/alias", "rounds");
  host.on_write("/sys/rounds",
                [](std::string_view) -> Expected<std::string> { return std::string("16\n"); });
  host.on_write("/sys/refuses", [](std::string_view) -> Expected<std::string> {
    return fail_errno(EIO, "write", "/sys/refuses");
  });
  ASSERT_TRUE(host.write("/sys/alias", "10"));
  EXPECT_EQ(host.read("/sys/rounds").value(), "16\n");
  EXPECT_EQ(host.write("/sys/refuses", "1").error().sys_errno, EIO);
  EXPECT_EQ(host.read("/sys/refuses").value(), "0\n");
  EXPECT_EQ(host.writes().size(), 1U);
}

TEST(MemoryHost, WholeFilesAndDirectories) {
  MemoryHost host;
  host.directory("/etc");
  host.put("/var/target", "old");
  host.link("/etc/link", "/var/target");
  ASSERT_TRUE(host.make_directory("/etc/sysctl.d", 0755));
  ASSERT_TRUE(host.make_directory("/etc/sysctl.d", 0700));
  ASSERT_TRUE(host.replace_file("/etc/sysctl.d/x.conf", "a=1\n", 0640));
  EXPECT_EQ(host.status("/etc/sysctl.d/x.conf").value().mode, 0640U);
  EXPECT_EQ(host.read("/etc/sysctl.d/x.conf").value(), "a=1\n");
  // As rename(2): a link in the way is replaced and not followed.
  ASSERT_TRUE(host.replace_file("/etc/link", "new", 0644));
  EXPECT_EQ(host.read("/var/target").value(), "old");
  EXPECT_EQ(host.status("/etc/link").value().kind, FileKind::regular);
  EXPECT_EQ(host.replace_file("/no/such/x", "", 0644).error().code, ErrorCode::absent);
  EXPECT_EQ(host.replace_file("/etc/sysctl.d", "", 0644).error().sys_errno, EISDIR);
  EXPECT_EQ(host.replace_file("/etc/", "", 0644).error().code, ErrorCode::invalid);
  EXPECT_EQ(host.make_directory("/etc/link", 0755).error().sys_errno, EEXIST);
  EXPECT_EQ(host.make_directory("/no/such/x", 0755).error().code, ErrorCode::absent);
  EXPECT_EQ(host.remove_file("/etc/sysctl.d").error().sys_errno, EISDIR);
  ASSERT_TRUE(host.remove_file("/etc/sysctl.d/x.conf"));
  EXPECT_EQ(host.remove_file("/etc/sysctl.d/x.conf").error().code, ErrorCode::absent);
  EXPECT_EQ(host.list("/etc/sysctl.d").value(), Names{});
  EXPECT_TRUE(host.remove_file("/etc/sysctl.d"));  // an empty one goes
  EXPECT_EQ(host.writes().size(), 2U);
}

TEST(MemoryHost, RemovingTheLastFileKeepsItsFolder) {
  MemoryHost host;
  host.put("/etc/d/only", "");
  ASSERT_TRUE(host.remove_file("/etc/d/only"));
  EXPECT_TRUE(host.exists("/etc/d"));
}

TEST(MemoryHost, EraseTakesEverythingBelow) {
  MemoryHost host;
  host.put("/a/b/c", "");
  host.put("/ab", "");
  host.fail("/a/b/d", EIO);
  host.erase("/a");
  EXPECT_FALSE(host.exists("/a"));
  EXPECT_FALSE(host.exists("/a/b/d"));
  EXPECT_TRUE(host.exists("/ab"));
}

TEST(MemoryHost, BuildingFollowsLinksOnTheWay) {
  MemoryHost host;
  host.link("/sys/class/net/eth0", "../../devices/pci0/eth0");
  host.put("/sys/class/net/eth0/mtu", "1500");
  EXPECT_EQ(host.read("/sys/devices/pci0/eth0/mtu").value(), "1500");
  EXPECT_EQ(host.read_link("/sys/class/net/eth0").value(), "../../devices/pci0/eth0");
  host.on_write("/sys/class/net/eth0/mtu",
                [](std::string_view) -> Expected<std::string> { return std::string("68"); });
  ASSERT_TRUE(host.write("/sys/devices/pci0/eth0/mtu", "10"));
  EXPECT_EQ(host.read("/sys/class/net/eth0/mtu").value(), "68");
  host.fail("/sys/class/net/eth0/mtu", EIO);
  EXPECT_EQ(host.read("/sys/devices/pci0/eth0/mtu").error().sys_errno, EIO);
}

TEST(MemoryHost, APathIsEitherFileOrFolder) {
  MemoryHost host;
  host.put("/a", "file");
  host.put("/a/b", "below");
  EXPECT_EQ(host.status("/a").value().kind, FileKind::directory);
  host.put("/a", "file");
  EXPECT_EQ(host.status("/a").value().kind, FileKind::regular);
  EXPECT_EQ(host.read("/a/b").error().sys_errno, ENOTDIR);
  host.link("/", "/a");
  host.put("/", "x");
  EXPECT_EQ(host.status("/").value().kind, FileKind::directory);
  host.directory("/d");
  host.put("/d/x", "");
  host.directory("/d");
  EXPECT_TRUE(host.exists("/d/x"));
}

TEST(MemoryHost, Changes) {
  MemoryHost host;
  const Query rings{"ethtool.ringparam", "eth0"};
  EXPECT_EQ(host.change(rings, {{"rx", "512"}}).error().code, ErrorCode::absent);
  host.reply(rings, {{"rx", "64"}, {"tx", "64"}});
  ASSERT_TRUE(host.change(rings, {{"rx", "512"}}));
  EXPECT_EQ(host.ask(rings).value(), (Reply{{"rx", "512"}, {"tx", "64"}}));
  EXPECT_EQ(host.change(rings, {{"rx_max", "1"}}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(host.change({"uname", ""}, {{"release", "x"}}).error().code, ErrorCode::unsupported);
  host.on_change(rings, [](const Reply&) -> Expected<void> { return fail_errno(EBUSY, "x"); });
  EXPECT_EQ(host.change(rings, {{"rx", "1"}}).error().code, ErrorCode::busy);
  EXPECT_EQ(host.ask(rings).value().at("rx"), "512");
  ASSERT_EQ(host.changes().size(), 1U);
  EXPECT_EQ(host.changes()[0].second, (Reply{{"rx", "512"}}));
}

TEST(MemoryHost, Runs) {
  MemoryHost host;
  EXPECT_EQ(host.run({"systemctl", "stop", "x"}).error().code, ErrorCode::unsupported);
  host.on_run([](const std::vector<std::string>& argv) -> Expected<RunResult> {
    return RunResult{3, argv.at(1)};
  });
  EXPECT_EQ(host.run({"systemctl", "start"}).value().output, "start");
  ASSERT_EQ(host.runs().size(), 2U);
  EXPECT_EQ(host.runs()[0], (Names{"systemctl", "stop", "x"}));
}

}  // namespace
}  // namespace assay
