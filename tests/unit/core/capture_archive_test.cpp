#include "core/capture_archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

namespace assay {
namespace {

namespace fs = std::filesystem;

class Archive : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "assay-archive-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string write(std::string_view bytes) const {
    const fs::path path = directory_ / "capture.tar.zst";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  // An archive made member by member, as an attacker would.
  std::string make(const std::function<void(archive*)>& fill) const {
    const fs::path path = directory_ / "made.tar";
    archive* writer = archive_write_new();
    archive_write_set_format_gnutar(writer);
    archive_write_open_filename(writer, path.c_str());
    fill(writer);
    archive_write_free(writer);
    return path;
  }

  static void add(archive* writer, const char* name, unsigned type, const char* link = nullptr,
                  std::int64_t size = 0) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_mode(entry, type | 0644U);
    archive_entry_set_size(entry, size);
    if (link != nullptr && type == AE_IFLNK) archive_entry_set_symlink(entry, link);
    if (link != nullptr && type != AE_IFLNK) archive_entry_set_hardlink(entry, link);
    archive_write_header(writer, entry);
    const std::string zeros(65536, '\0');
    for (std::int64_t left = size; left > 0; left -= 65536) {
      archive_write_data(writer, zeros.data(),
                         static_cast<std::size_t>(std::min<std::int64_t>(left, 65536)));
    }
    archive_entry_free(entry);
  }

  void expect_refused(const std::string& path, std::string_view why,
                      const ArchiveLimits& limits = {}) const {
    const auto done = unpack_capture(path, limits);
    ASSERT_FALSE(done.has_value()) << why;
    EXPECT_EQ(done.error().code, ErrorCode::invalid) << done.error().message();
    EXPECT_NE(done.error().message().find(why), std::string::npos) << done.error().message();
  }

  fs::path directory_;
};

CaptureTree small_tree() {
  CaptureTree tree;
  tree.nodes["/sys/class/net/eth0"] = {FileKind::symlink, "../../devices/net/eth0", false};
  tree.nodes["/sys/devices/net/eth0/mtu"] = {FileKind::regular, "1500\n", true};
  tree.nodes["/sys/devices/net/eth0/odd \xff name"] = {FileKind::regular, std::string("\0\xff", 2),
                                                       true};
  tree.nodes["/sys/empty"] = {};
  tree.nodes["/etc/absolute"] = {FileKind::symlink, "/sys/devices/net", false};
  tree.nodes["/etc/climbs"] = {FileKind::symlink, "../../../../sys/empty", false};
  tree.nodes["/etc/turns"] = {FileKind::symlink, "../sys/class/../empty", false};
  tree.nodes["/proc/self"] = {FileKind::symlink, "4242", false};
  tree.nodes["/sys/root-only"] = {FileKind::regular, "", false};
  tree.replies[{"uname", ""}] = Reply{{"release", "6.1.0"}};
  tree.replies[{kFailedRead, "/sys/root-only"}] =
      Failure(errno_error(13, "open", "/sys/root-only"));
  return tree;
}

TEST_F(Archive, ReadsBack) {
  const auto bytes = pack_capture(small_tree());
  ASSERT_TRUE(bytes.has_value()) << bytes.error().message();
  {
    const auto host = open_capture(write(*bytes));
    ASSERT_TRUE(host.has_value()) << host.error().message();
    EXPECT_FALSE((*host)->is_this_system());
    EXPECT_EQ((*host)->read("/sys/class/net/eth0/mtu", Bytes{100}).value(), "1500\n");
    EXPECT_EQ((*host)->read("/sys/devices/net/eth0/odd \xff name", Bytes{100}).value(),
              std::string("\0\xff", 2));
    EXPECT_EQ((*host)->read_link("/sys/class/net/eth0").value(), "../../devices/net/eth0");
    EXPECT_EQ((*host)->resolve("/etc/absolute").value(), "/sys/devices/net");
    EXPECT_EQ((*host)->resolve("/etc/climbs").value(), "/sys/empty");
    EXPECT_EQ((*host)->resolve("/etc/turns").value(), "/sys/empty");
    EXPECT_EQ((*host)->read_link("/proc/self").value(), "4242");
    EXPECT_EQ((*host)->list("/sys/empty").value().size(), 0U);
    EXPECT_EQ((*host)->list("/").value(),
              (std::vector<std::string>{"assay-capture.json", "etc", "proc", "sys"}));
    EXPECT_EQ((*host)->ask({"uname", ""}).value().at("release"), "6.1.0");
    const auto denied = (*host)->read("/sys/root-only", Bytes{100});
    ASSERT_FALSE(denied.has_value());
    EXPECT_EQ(denied.error().message(), errno_error(13, "open", "/sys/root-only").message());
  }
}

TEST_F(Archive, EqualTreesGiveEqualBytes) {
  EXPECT_EQ(pack_capture(small_tree()).value(), pack_capture(small_tree()).value());
}

TEST_F(Archive, ArchivesOfOtherToolsStandBelowOneFolder) {
  const std::string path = make([](archive* writer) {
    add(writer, "some-host/", AE_IFDIR);
    add(writer, "some-host/sys/a", AE_IFREG);
  });
  const auto host = open_capture(path);
  ASSERT_TRUE(host.has_value()) << host.error().message();
  EXPECT_TRUE((*host)->exists("/sys/a"));
}

TEST_F(Archive, ADirectoryIsReadWhereItStands) {
  fs::create_directories(directory_ / "into/sys");
  std::ofstream(directory_ / "into/sys/a") << "1\n";
  const auto host = open_capture((directory_ / "into").string());
  ASSERT_TRUE(host.has_value());
  EXPECT_EQ((*host)->read("/sys/a", Bytes{10}).value(), "1\n");
}

struct BadMember {
  const char* name;
  unsigned type;
  const char* link;
  const char* why;
};

TEST_F(Archive, BadMembersAreRefused) {
  for (const BadMember& bad :
       std::vector<BadMember>{{"/etc/passwd", AE_IFREG, nullptr, "absolute"},
                              {"sys/../../x", AE_IFREG, nullptr, "\"..\""},
                              {"..", AE_IFDIR, nullptr, "\"..\""},
                              {".", AE_IFREG, nullptr, "top folder"},
                              {"sys/hard", AE_IFREG, "sys/other", "hard link"},
                              {"dev/sda", AE_IFBLK, nullptr, "no file"},
                              {"dev/tty", AE_IFCHR, nullptr, "no file"},
                              {"run/fifo", AE_IFIFO, nullptr, "no file"},
                              {"etc/passwd", AE_IFLNK, "/etc/passwd", "absolute target"},
                              {"etc/passwd", AE_IFLNK, "../../etc/passwd", "leads out"},
                              {"a/b", AE_IFLNK, "c/../../../x", "leads out"},
                              {"a/b", AE_IFLNK, "c/..", "leads out"}}) {
    expect_refused(make([&](archive* writer) { add(writer, bad.name, bad.type, bad.link); }),
                   bad.why);
  }
}

TEST_F(Archive, AMemberCannotUseALinkThatWasPlantedBefore) {
  expect_refused(make([](archive* writer) {
                   add(writer, "sys/link", AE_IFLNK, "../etc");
                   add(writer, "etc/", AE_IFDIR);
                   add(writer, "sys/link/file", AE_IFREG);
                 }),
                 "no folder");
  expect_refused(make([](archive* writer) {
                   add(writer, "a", AE_IFREG);
                   add(writer, "a", AE_IFREG);
                 }),
                 "twice");
}

TEST_F(Archive, BombsAreRefused) {
  expect_refused(make([](archive* writer) {
                   for (int i = 0; i < 20; ++i) {
                     add(writer, ("d" + std::to_string(i) + "/").c_str(), AE_IFDIR);
                   }
                 }),
                 "more than 10 members", {.members = 10});
  expect_refused(make([](archive* writer) { add(writer, "big", AE_IFREG, nullptr, 5000); }),
                 "longer", {.one_file = Bytes{4096}});
  expect_refused(make([](archive* writer) {
                   for (const char* name : {"b1", "b2", "b3"})
                     add(writer, name, AE_IFREG, nullptr, 4000);
                 }),
                 "longer", {.one_file = Bytes{4096}, .all_files = Bytes{10000}});
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "d/";
  expect_refused(make([&](archive* writer) { add(writer, deep.c_str(), AE_IFDIR); }), "deep");
  expect_refused(
      make([](archive* writer) { add(writer, std::string(300, 'n').c_str(), AE_IFREG); }),
      "too long");
}

TEST_F(Archive, WhatIsNoArchiveIsSaidToBeNone) {
  for (const std::string& bytes : {std::string("hello"), std::string(5000, '\xff')}) {
    EXPECT_EQ(unpack_capture(write(bytes)).error().code, ErrorCode::invalid);
    EXPECT_FALSE(open_capture(write(bytes)).has_value());
  }
  auto whole = pack_capture(small_tree());
  for (const std::size_t length : {whole->size() / 2, whole->size() - 5}) {
    EXPECT_FALSE(unpack_capture(write(whole->substr(0, length))).has_value()) << length;
  }
  EXPECT_EQ(open_capture((directory_ / "nothing").string()).error().code, ErrorCode::absent);
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(open_capture((directory_ / "fifo").string()).error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace assay
