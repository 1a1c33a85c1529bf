// Test files: made, recognised, refused, verified; nothing left behind.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <vector>

#include "engine/disk_signatures.hpp"
#include "engine/test_file.hpp"
#include "temp_folder.hpp"

namespace assay::engine {
namespace {

class TestFiles : public testing::Test {
 protected:
  TestFileOptions own(Bytes size = 1_MiB) const {
    TestFileOptions options;
    options.directory = folder_.path();
    options.size = size;
    return options;
  }
  TestFileOptions given(const std::string& path, Bytes size = 1_MiB) const {
    TestFileOptions options;
    options.path = path;
    options.size = size;
    return options;
  }
  static void expect_refused(const TestFileOptions& options, ErrorCode code,
                             std::string_view words) {
    const auto file = TestFile::prepare(options);
    ASSERT_FALSE(file) << "should have been refused";
    EXPECT_EQ(file.error().code, code) << file.error().message();
    EXPECT_NE(file.error().message().find(words), std::string::npos) << file.error().message();
  }
  TempFolder folder_;
};

TEST_F(TestFiles, OwnFileHasNoNameAndVerifies) {
  const auto file = TestFile::prepare(own());
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_TRUE(folder_.empty()) << "the file has a name while it is used";
  EXPECT_TRUE(file->made_by_us());
  EXPECT_TRUE(file->checksummed());
  EXPECT_EQ(file->size(), 1_MiB);
  EXPECT_EQ(file->written(), 1_MiB);
  EXPECT_NE(file->description().find(folder_.path()), std::string::npos);
  const auto fd = file->open(false, false);
  ASSERT_TRUE(fd);
  std::vector<std::byte> all(file->size().count);
  ASSERT_EQ(::pread(fd->get(), all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
  EXPECT_TRUE(TestFile::verify(all, 0, file->seed()));
}

TEST_F(TestFiles, EveryDamageIsFound) {
  std::vector<std::byte> sectors(4 * kSectorBytes);
  TestFile::fill(sectors, 8192, 77, 3);
  ASSERT_TRUE(TestFile::verify(sectors, 8192, 77));
  for (std::size_t at = 0; at < sectors.size(); at += 61) {
    sectors[at] ^= std::byte{0x10};
    EXPECT_FALSE(TestFile::verify(sectors, 8192, 77)) << "byte " << at;
    sectors[at] ^= std::byte{0x10};
  }
  EXPECT_FALSE(TestFile::verify(sectors, 4096, 77)) << "data of another place";
  EXPECT_FALSE(TestFile::verify(sectors, 8192, 78)) << "data of another file";
}

TEST_F(TestFiles, StampedSectorsVerifyInTheirNewPlace) {
  std::vector<std::byte> sectors(2 * kSectorBytes);
  fill_sectors(sectors, 0, 77, 1);
  stamp(sectors, 65536, 9);
  ASSERT_TRUE(verify_sectors(sectors, 65536, 77));
  const auto header = read_header(std::span(sectors).first(kSectorBytes));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->generation, 9U);
}

TEST_F(TestFiles, DataIsIncompressibleEnough) {
  std::vector<std::byte> sectors(16 * kSectorBytes);
  fill_sectors(sectors, 0, 5, 0);
  std::vector<unsigned> seen(256);
  // The headers are a hundredth of the data and mostly zero.
  for (std::size_t i = 0; i < sectors.size(); ++i) {
    if (i % kSectorBytes >= sizeof(SectorHeader)) ++seen[static_cast<unsigned>(sectors[i])];
  }
  const double expected = static_cast<double>(sectors.size()) / 256;
  for (const unsigned count : seen) EXPECT_NEAR(count, expected, expected * 0.4);
}

TEST_F(TestFiles, KeptFileIsRecognisedAndMayBeWritten) {
  TestFileOptions options = given(folder_.file("kept"));
  options.keep = true;
  {
    ASSERT_TRUE(TestFile::prepare(options));
  }
  ASSERT_TRUE(std::filesystem::exists(options.path));
  options.for_writing = true;
  const auto again = TestFile::prepare(options);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_TRUE(again->made_by_us());
  EXPECT_TRUE(again->writable());
  EXPECT_EQ(again->written(), 0_B) << "what is there is not written again";
}

TEST_F(TestFiles, MissingFileIsAbsent) {
  expect_refused(given(folder_.file("missing")), ErrorCode::absent, "No such file");
}

TEST_F(TestFiles, MissingDirectoryIsNamed) {
  TestFileOptions options = own();
  options.directory = folder_.file("nowhere");
  expect_refused(options, ErrorCode::absent, "nowhere");
}

TEST_F(TestFiles, TooSmallSaysBothSizes) {
  const std::string path = folder_.write("small", 8192);
  expect_refused(given(path), ErrorCode::invalid, "too small: it has 8KiB, 1MiB are needed");
}

TEST_F(TestFiles, SizeZeroTakesTheWholeFile) {
  const std::string path = folder_.write("whole", 12288);
  const auto file = TestFile::prepare(given(path, 0_B));
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->size(), Bytes{12288});
  EXPECT_FALSE(file->made_by_us());
}

TEST_F(TestFiles, SparseIsRefused) {
  const std::string path = folder_.write("sparse", 4096);
  std::filesystem::resize_file(path, 2 << 20);
  expect_refused(given(path), ErrorCode::invalid, "sparse");
}

TEST_F(TestFiles, UnwrittenExtentsAreRefused) {
  const std::string path = folder_.file("reserved");
  const auto fd = UniqueFd::open(path, O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(fd);
  if (::fallocate(fd->get(), 0, 0, 2 << 20) != 0) GTEST_SKIP() << "no fallocate here";
  const auto file = TestFile::prepare(given(path));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::invalid);
}

TEST_F(TestFiles, ForeignFileIsNotWrittenWithoutConsent) {
  TestFileOptions options = given(folder_.write("foreign", 2 << 20));
  options.for_writing = true;
  expect_refused(options, ErrorCode::invalid, "--destroy-data");
  options.destroy_data = true;
  const auto file = TestFile::prepare(options);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_FALSE(file->made_by_us());
}

TEST_F(TestFiles, ForeignFileIsOpenedForReadingOnly) {
  const auto file = TestFile::prepare(given(folder_.write("foreign", 2 << 20)));
  ASSERT_TRUE(file);
  const auto fd = file->open(true, false);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code, ErrorCode::denied);
}

TEST_F(TestFiles, ReadOnlyFileIsDeniedEvenToRoot) {
  TestFileOptions options = given(folder_.write("locked", 2 << 20));
  std::filesystem::permissions(options.path, std::filesystem::perms::owner_read);
  options.for_writing = options.destroy_data = true;
  expect_refused(options, ErrorCode::denied, "read-only");
}

TEST_F(TestFiles, DirectoryAsFileIsRefused) {
  expect_refused(given(folder_.path()), ErrorCode::invalid, "directory");
}

TEST_F(TestFiles, NoRoomNamesBothAndLeavesNothing) {
  TestFileOptions options = own(Bytes{1ULL << 60});
  expect_refused(options, ErrorCode::exhausted, "1.00 EiB");
  options.path = folder_.file("named");
  options.keep = true;
  expect_refused(options, ErrorCode::exhausted, "free");
  EXPECT_TRUE(folder_.empty());
}

TEST_F(TestFiles, StoppedWhileItIsMadeLeavesNothing) {
  TestFileOptions options = given(folder_.file("half"), 8_MiB);
  options.keep = true;
  options.progress = [](Bytes done, Bytes total) { return done.count * 2 < total.count; };
  expect_refused(options, ErrorCode::interrupted, "stopped");
  EXPECT_TRUE(folder_.empty());
}

TEST_F(TestFiles, EnvironmentChoosesTheDirectory) {
  ::setenv("ASSAY_DIR", folder_.path().c_str(), 1);
  TestFileOptions options;
  options.size = 64_KiB;
  const auto file = TestFile::prepare(options);
  ::unsetenv("ASSAY_DIR");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_NE(file->description().find(folder_.path()), std::string::npos);
}

TEST_F(TestFiles, WarmsAndEvicts) {
  const auto file = TestFile::prepare(own(4_MiB));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->total_pages(), 1024U);
  ASSERT_TRUE(file->warm());
  EXPECT_EQ(file->cached_pages().value(), 1024U);
  const auto evicted = file->evict();
  ASSERT_TRUE(evicted) << evicted.error().message();
  EXPECT_EQ(file->cached_pages().value(), 0U);
  ASSERT_TRUE(file->warm());
  EXPECT_EQ(file->cached_pages().value(), 1024U);
}

TEST_F(TestFiles, MemoryFilesystemHasNoDirectAndCannotBeEvicted) {
  if (!std::filesystem::exists("/dev/shm")) GTEST_SKIP() << "no tmpfs here";
  TestFileOptions options = own();
  options.directory = "/dev/shm";
  const auto file = TestFile::prepare(options);
  if (!file) GTEST_SKIP() << file.error().message();
  EXPECT_EQ(file->open(false, true).error().code, ErrorCode::unsupported);
  EXPECT_EQ(file->evict().error().code, ErrorCode::unsupported);
}

TEST_F(TestFiles, ZeroIsReadAndNullIsWritten) {
  const auto zero = TestFile::prepare(given("/dev/zero"));
  ASSERT_TRUE(zero) << zero.error().message();
  EXPECT_TRUE(zero->is_character_device());
  EXPECT_EQ(zero->total_pages(), 0U);
  TestFileOptions null = given("/dev/null");
  expect_refused(null, ErrorCode::invalid, "/dev/null");
  null.for_writing = true;
  EXPECT_TRUE(TestFile::prepare(null));
  TestFileOptions terminal = given("/dev/full");
  expect_refused(terminal, ErrorCode::invalid, "character devices");
}

TEST_F(TestFiles, SignaturesAreFound) {
  const std::string path = folder_.file("image");
  const auto fd = UniqueFd::open(path, O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(fd);
  constexpr std::uint64_t kSize = 1 << 20;
  ASSERT_EQ(::ftruncate(fd->get(), kSize), 0);
  EXPECT_EQ(find_signature(fd->get(), kSize).value(), "");
  ASSERT_EQ(::pwrite(fd->get(), "\x53\xef", 2, 0x438), 2);
  EXPECT_NE(find_signature(fd->get(), kSize).value().find("ext"), std::string::npos);
  ASSERT_EQ(::pwrite(fd->get(), "\0\0", 2, 0x438), 2);
  ASSERT_EQ(::pwrite(fd->get(), "EFI PART", 8, kSize - 512), 8);
  EXPECT_NE(find_signature(fd->get(), kSize).value().find("GPT"), std::string::npos);
}

}  // namespace
}  // namespace assay::engine
