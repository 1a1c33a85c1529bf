#include "core/fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "temp_dir.hpp"

namespace assay {
namespace {

using testing::TempDir;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesWhatItOwns) {
  const TempDir dir;
  dir.put("file", "content");
  int number = -1;
  {
    auto fd = UniqueFd::open(dir / "file", O_RDONLY);
    ASSERT_TRUE(fd);
    number = fd->get();
    EXPECT_TRUE(is_open(number));
    EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, MovesAndReleases) {
  const TempDir dir;
  auto first = UniqueFd::open(dir.path(), O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(first);
  const int number = first->get();
  UniqueFd second(std::move(*first));
  EXPECT_FALSE(*first);
  EXPECT_EQ(second.get(), number);
  UniqueFd third;
  third = std::move(second);
  EXPECT_EQ(third.get(), number);
  auto& same = third;
  third = std::move(same);
  EXPECT_TRUE(is_open(number));
  EXPECT_EQ(third.release(), number);
  EXPECT_FALSE(third);
  EXPECT_TRUE(is_open(number));
  UniqueFd owner(number);
  owner.reset();
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, OpenSaysWhy) {
  const auto fd = UniqueFd::open("/nowhere/at/all", O_RDONLY);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code, ErrorCode::absent);
  EXPECT_EQ(fd.error().subject, "/nowhere/at/all");
}

TEST(UniqueFd, ReopensAnUnlinkedFileWithOtherFlags) {
  const TempDir dir;
  dir.put("file", "content");
  auto fd = UniqueFd::open(dir / "file", O_RDONLY);
  ASSERT_TRUE(fd);
  ASSERT_EQ(::unlink((dir / "file").c_str()), 0);
  auto again = UniqueFd::reopen(*fd, O_RDWR);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(::write(again->get(), "X", 1), 1);
  char buffer[2] = {};
  EXPECT_EQ(::pread(fd->get(), buffer, 1, 0), 1);
  EXPECT_STREQ(buffer, "X");
  // Independent descriptions: the write above moved only its own offset.
  EXPECT_EQ(::lseek(fd->get(), 0, SEEK_CUR), 0);
  EXPECT_FALSE(UniqueFd::reopen(UniqueFd(), O_RDONLY));
}

TEST(Mapping, AnonymousMemoryIsThereAndMoves) {
  auto mapping = Mapping::anonymous(64_KiB);
  ASSERT_TRUE(mapping);
  EXPECT_EQ(mapping->size(), 64_KiB);
  std::memset(mapping->data(), 7, 65536);
  auto* data = mapping->as<unsigned char>();
  const Mapping moved(std::move(*mapping));
  EXPECT_FALSE(*mapping);
  EXPECT_EQ(mapping->size(), 0_B);
  EXPECT_EQ(moved.as<unsigned char>(), data);
  EXPECT_EQ(data[65535], 7);
}

TEST(Mapping, SharedFlagReplacesPrivate) {
  auto mapping = Mapping::anonymous(4_KiB, MAP_SHARED);
  ASSERT_TRUE(mapping) << mapping.error().message();
}

TEST(Mapping, AssignmentUnmapsTheOldRange) {
  auto first = Mapping::anonymous(4_KiB);
  auto second = Mapping::anonymous(8_KiB);
  ASSERT_TRUE(first && second);
  void* old = first->data();
  // mincore(2) answers ENOMEM for a range that is not mapped.
  unsigned char resident = 0;
  ASSERT_EQ(::mincore(old, 4096, &resident), 0);
  *first = std::move(*second);
  EXPECT_EQ(::mincore(old, 4096, &resident), -1);
  EXPECT_EQ(first->size(), 8_KiB);
}

TEST(Mapping, FileContentAndErrors) {
  const TempDir dir;
  dir.put("file", "content");
  auto fd = UniqueFd::open(dir / "file", O_RDONLY);
  ASSERT_TRUE(fd);
  auto mapping = Mapping::file(*fd, 7_B, PROT_READ, MAP_PRIVATE);
  ASSERT_TRUE(mapping);
  EXPECT_EQ(std::memcmp(mapping->data(), "content", 7), 0);
  EXPECT_FALSE(Mapping::file(UniqueFd(), 4_KiB, PROT_READ, MAP_PRIVATE));
  EXPECT_FALSE(Mapping::anonymous(0_B));
  const auto huge = Mapping::anonymous(Bytes{1ULL << 62});
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, ErrorCode::exhausted);
}

}  // namespace
}  // namespace assay
