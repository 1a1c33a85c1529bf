#include "core/replay_host.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "temp_dir.hpp"

namespace assay {
namespace {

using testing::TempDir;
using Names = std::vector<std::string>;

// A secret beside the capture, and the capture itself: nothing may ever reach the secret.
class ReplayHostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_.put("secret", "outside\n");
    dir_.put("tree/sys/devices/pci0/net/eth0/mtu", "1500\n");
    dir_.put("tree/secret", "inside\n");
    dir_.link("tree/sys/class/net/eth0", "../../devices/pci0/net/eth0");
  }
  Host& host() {
    if (!host_) {
      auto opened = open_replay_host(dir_ / "tree");
      EXPECT_TRUE(opened) << opened.error().message();
      host_ = std::move(*opened);
    }
    return *host_;
  }

  const TempDir dir_;
  std::unique_ptr<Host> host_;
};

TEST_F(ReplayHostTest, ReadsListsAndResolves) {
  EXPECT_EQ(host().read("/sys/class/net/eth0/mtu").value(), "1500\n");
  EXPECT_EQ(host().read("//sys/./class/net/eth0/../eth0/mtu").value(), "1500\n");
  EXPECT_EQ(host().resolve("/sys/class/net/eth0").value(), "/sys/devices/pci0/net/eth0");
  EXPECT_EQ(host().resolve("/").value(), "/");
  EXPECT_EQ(host().read_link("/sys/class/net/eth0").value(), "../../devices/pci0/net/eth0");
  EXPECT_EQ(host().list("/sys").value(), (Names{"class", "devices"}));
  EXPECT_EQ(host().list("/").value(), (Names{"secret", "sys"}));
  EXPECT_EQ(host().list("/sys/class/net/eth0").value(), Names{"mtu"});
  EXPECT_EQ(host().status("/sys/class/net/eth0").value().kind, FileKind::symlink);
  EXPECT_EQ(host().status("/sys/class/net/eth0/").value().kind, FileKind::directory);
  EXPECT_EQ(host().status("/").value().kind, FileKind::directory);
  EXPECT_FALSE(host().is_this_system());
  EXPECT_EQ(host().root(), dir_ / "tree");
}

TEST_F(ReplayHostTest, AbsentThings) {
  EXPECT_EQ(host().read("/sys/none").error().code, ErrorCode::absent);
  EXPECT_EQ(host().read("/sys/none/deeper").error().code, ErrorCode::absent);
  EXPECT_EQ(host().read("/secret/below-a-file").error().code, ErrorCode::absent);
  EXPECT_EQ(host().read("/secret/").error().code, ErrorCode::absent);
  EXPECT_EQ(host().resolve("/none").error().code, ErrorCode::absent);
  EXPECT_EQ(host().list("/none").error().code, ErrorCode::absent);
  EXPECT_EQ(host().status("/none").error().code, ErrorCode::absent);
  EXPECT_EQ(host().read("/sys").error().sys_errno, EISDIR);
  EXPECT_EQ(host().read("relative").error().code, ErrorCode::invalid);
  EXPECT_EQ(host().read("").error().code, ErrorCode::invalid);
  EXPECT_EQ(host().read(std::string("/secret\0x", 9)).error().code, ErrorCode::invalid);
  EXPECT_EQ(host().read("/" + std::string(300, 'x')).error().code, ErrorCode::invalid);
}

TEST_F(ReplayHostTest, LinksNeverLeaveTheTree) {
  dir_.link("tree/relative", "../secret");
  dir_.link("tree/far", "../../../../../../../../../secret");
  dir_.link("tree/absolute", "/secret");
  dir_.link("tree/host", (dir_ / "secret"));
  dir_.link("tree/folder", "..");
  dir_.link("tree/slash", "/");
  dir_.link("tree/sys/deep", "../../../secret");
  dir_.link("tree/chain", "folder/absolute");
  for (const char* path :
       {"/relative", "/far", "/absolute", "/folder/secret", "/slash/secret", "/sys/deep", "/chain",
        "/../secret", "/sys/../../../secret", "/folder/../folder/secret", "/slash/../secret"}) {
    EXPECT_EQ(host().read(path).value_or("nothing"), "inside\n") << path;
  }
  // The path exists on this machine, but not in the capture.
  EXPECT_EQ(host().read("/host").error().code, ErrorCode::absent);
  EXPECT_EQ(host().resolve("/folder").value(), "/");
  EXPECT_EQ(host().list("/folder").value(), host().list("/").value());
  ASSERT_TRUE(host().write("/relative", "changed"));
  EXPECT_EQ(dir_.content("tree/secret"), "changed");
  EXPECT_EQ(dir_.content("secret"), "outside\n");
}

TEST_F(ReplayHostTest, ChangesNeverLeaveTheTree) {
  dir_.link("tree/up", "..");
  dir_.link("tree/out", dir_.path());
  ASSERT_TRUE(host().replace_file("/up/made", "x", 0644));
  EXPECT_EQ(dir_.content("tree/made"), "x");
  EXPECT_FALSE(std::filesystem::exists(dir_ / "made"));
  EXPECT_FALSE(host().replace_file("/out/made", "x", 0644));
  EXPECT_FALSE(host().make_directory("/out/made", 0755));
  EXPECT_FALSE(host().remove_file("/out/secret"));
  EXPECT_EQ(dir_.content("secret"), "outside\n");
  // A link in the way is itself replaced or removed, never what it points at.
  dir_.link("tree/link", "/secret");
  ASSERT_TRUE(host().replace_file("/link", "mine", 0600));
  EXPECT_EQ(dir_.content("tree/secret"), "inside\n");
  EXPECT_EQ(dir_.content("tree/link"), "mine");
  dir_.link("tree/link2", "/secret");
  ASSERT_TRUE(host().remove_file("/link2"));
  EXPECT_EQ(dir_.content("tree/secret"), "inside\n");
}

TEST_F(ReplayHostTest, CyclesEndWithAnError) {
  dir_.link("tree/self", "self");
  dir_.link("tree/a", "b");
  dir_.link("tree/b", "/a");
  dir_.link("tree/grow", "grow/grow");
  for (const char* path : {"/self", "/a", "/grow", "/a/x"}) {
    EXPECT_EQ(host().read(path).error().sys_errno, ELOOP) << path;
    EXPECT_EQ(host().resolve(path).error().code, ErrorCode::invalid) << path;
  }
  EXPECT_EQ(host().read_link("/self").value(), "self");
  for (int i = 0; i < 40; ++i) {
    dir_.link("tree/l" + std::to_string(i), i == 0 ? "secret" : "l" + std::to_string(i - 1));
  }
  EXPECT_EQ(host().read("/l39").value(), "inside\n");
  dir_.link("tree/l40", "l39");
  EXPECT_EQ(host().read("/l40").error().sys_errno, ELOOP);
}

TEST_F(ReplayHostTest, OnlyRegularFilesAreOpened) {
  ASSERT_EQ(::mkfifo((dir_ / "tree/fifo").c_str(), 0600), 0);
  dir_.link("tree/to-fifo", "fifo");
  // A FIFO without a writer would block for ever.
  EXPECT_EQ(host().read("/fifo").error().code, ErrorCode::invalid);
  EXPECT_EQ(host().read("/to-fifo").error().code, ErrorCode::invalid);
  EXPECT_EQ(host().write("/fifo", "x").error().code, ErrorCode::invalid);
  EXPECT_EQ(host().status("/fifo").value().kind, FileKind::other);
  if (::geteuid() == 0 && ::mknod((dir_ / "tree/zero").c_str(), S_IFCHR | 0666, 0x105) == 0) {
    EXPECT_EQ(host().read("/zero").error().code, ErrorCode::invalid);
    EXPECT_EQ(host().status("/zero").value().kind, FileKind::character);
  }
}

TEST_F(ReplayHostTest, HugeFilesAreRefusedByTheLimit) {
  dir_.put("tree/huge", "");
  std::filesystem::resize_file(dir_ / "tree/huge", 2ULL << 30);
  EXPECT_EQ(host().read("/huge").error().code, ErrorCode::invalid);
  dir_.put("tree/exact", std::string(100'000, 'x'));
  EXPECT_EQ(host().read("/exact", Bytes{100'000}).value().size(), 100'000U);
  EXPECT_EQ(host().read("/exact", Bytes{99'999}).error().code, ErrorCode::invalid);
  dir_.put("tree/small", "12345");
  EXPECT_EQ(host().read("/small", Bytes{4}).error().code, ErrorCode::invalid);
}

TEST_F(ReplayHostTest, WhatComesOrGoesBetweenReadsIsSeen) {
  EXPECT_EQ(host().list("/sys/class/net/eth0").value(), Names{"mtu"});
  dir_.put("tree/sys/devices/pci0/net/eth0/speed", "1000\n");
  EXPECT_EQ(host().read("/sys/class/net/eth0/speed").value(), "1000\n");
  EXPECT_EQ(host().list("/sys/class/net/eth0").value(), (Names{"mtu", "speed"}));
  std::filesystem::remove(dir_ / "tree/sys/devices/pci0/net/eth0/mtu");
  EXPECT_EQ(host().read("/sys/class/net/eth0/mtu").error().code, ErrorCode::absent);
  EXPECT_EQ(host().list("/sys/class/net/eth0").value(), Names{"speed"});
}

// Makes this process one of a kernel or sandbox that does not know openat2(2).
bool forbid_openat2(std::uint32_t answer) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | answer),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// Exit code of a child that reads the tree without openat2: 0 when all is as with it, 77 when this
// machine has no seccomp.
int read_without_openat2(const std::string& tree, std::uint32_t answer) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!forbid_openat2(answer)) ::_exit(77);
    const auto host = open_replay_host(tree);
    const bool good = host && (*host)->read("/sys/class/net/eth0/mtu").value_or("") == "1500\n" &&
                      (*host)->list("/sys/class/net/eth0").value_or(Names{}) == Names{"mtu"} &&
                      (*host)->read("/far").value_or("") == "inside\n" &&
                      (*host)->status("/sys/none").error().code == ErrorCode::absent &&
                      (*host)->list("/sys/none").error().code == ErrorCode::absent;
    ::_exit(good ? 0 : 1);
  }
  int status = -1;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(ReplayHostTest, OldKernelsAndSandboxesAreWalked) {
  dir_.link("tree/far", "../../../../../../../../../secret");
  const int old_kernel = read_without_openat2(dir_ / "tree", ENOSYS);
  if (old_kernel == 77) GTEST_SKIP() << "this machine has no seccomp filters";
  EXPECT_EQ(old_kernel, 0);
  EXPECT_EQ(read_without_openat2(dir_ / "tree", EPERM), 0);
}

TEST_F(ReplayHostTest, BinaryContentIsGivenAsItIs) {
  const std::string binary("\0\x01\xff\n\0", 5);
  dir_.put("tree/config", binary);
  EXPECT_EQ(host().read("/config").value(), binary);
}

TEST_F(ReplayHostTest, WritingReplacesTheWholeContentAndNeverCreates) {
  ASSERT_TRUE(host().write("/sys/class/net/eth0/mtu", "9"));
  EXPECT_EQ(host().read("/sys/class/net/eth0/mtu").value(), "9");
  EXPECT_EQ(host().write("/sys/none", "x").error().code, ErrorCode::absent);
  EXPECT_EQ(host().write("/sys", "x").error().code, ErrorCode::invalid);
  ASSERT_TRUE(host().make_directory("/etc", 0751));
  ASSERT_TRUE(host().make_directory("/etc", 0751));
  EXPECT_EQ(host().status("/etc").value().mode, 0751U);
  ASSERT_TRUE(host().replace_file("/etc/x", "content", 0640));
  EXPECT_EQ(host().status("/etc/x").value().mode, 0640U);
  EXPECT_EQ(host().list("/etc").value(), Names{"x"});
  ASSERT_TRUE(host().remove_file("/etc/x"));
  EXPECT_EQ(host().list("/etc").value(), Names{});
  EXPECT_EQ(host().run({"systemctl", "status"}).error().code, ErrorCode::unsupported);
}

TEST_F(ReplayHostTest, RecordedReplies) {
  dir_.put(std::string("tree/") + kCaptureReplies,
           R"({"schema":"assay.capture","version":1,"replies":[
               {"kind":"uname","target":"","reply":{"release":"6.1.0"}},
               {"kind":"ethtool.drvinfo","target":"eth0","error":"unsupported"},
               {"kind":"later.kind","target":"x","reply":{}}]})");
  EXPECT_EQ(host().ask({"uname", ""}).value().at("release"), "6.1.0");
  EXPECT_EQ(host().ask({"ethtool.drvinfo", "eth0"}).error().code, ErrorCode::unsupported);
  EXPECT_TRUE(host().ask({"later.kind", "x"}));
  EXPECT_EQ(host().ask({"ethtool.drvinfo", "eth1"}).error().code, ErrorCode::absent);
  EXPECT_EQ(host().ask({"no.kind", ""}).error().code, ErrorCode::unsupported);
}

TEST_F(ReplayHostTest, WithoutRepliesEveryQuestionIsAbsent) {
  EXPECT_EQ(host().ask({"uname", ""}).error().code, ErrorCode::absent);
}

TEST_F(ReplayHostTest, BadRepliesAndBadDirectoriesAreRefused) {
  EXPECT_EQ(open_replay_host(dir_ / "none").error().code, ErrorCode::absent);
  EXPECT_EQ(open_replay_host(dir_ / "secret").error().code, ErrorCode::absent);
  dir_.put(std::string("tree/") + kCaptureReplies, "{");
  const auto broken = open_replay_host(dir_ / "tree");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::invalid);
}

TEST_F(ReplayHostTest, RepliesOutsideTheTreeAreNotRead) {
  dir_.put("replies", R"({"schema":"assay.capture","version":1,
                          "replies":[{"kind":"uname","target":"","reply":{"release":"x"}}]})");
  dir_.link(std::string("tree/") + kCaptureReplies, "../replies");
  EXPECT_EQ(host().ask({"uname", ""}).error().code, ErrorCode::absent);
}

}  // namespace
}  // namespace assay
