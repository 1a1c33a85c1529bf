// The store: what goes in comes out, and whatever is wrong with the file is said.
#include "report/store.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "../certify/sample_certificate.hpp"

namespace assay::report {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "store-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = directory_ + "/deep/er/assay.db";
  }
  void TearDown() override { fs::remove_all(directory_); }

  Store opened() {
    auto store = Store::open(path_);
    EXPECT_TRUE(store) << store.error().message();
    return std::move(store.value());
  }
  static certify::Certificate numbered(int number) {
    certify::Certificate certificate = testing::sample_certificate();
    certificate.id = "2026013" + std::to_string(number) + "T120000Z-1f0c9a";
    certificate.issued += std::chrono::days(number);
    return certificate;
  }
  void run_sql(const char* sql) const {
    sqlite3* handle = nullptr;
    fs::create_directories(fs::path(path_).parent_path());
    ASSERT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(handle);
  }
  Error open_error() const {
    const auto store = Store::open(path_);
    EXPECT_FALSE(store);
    return store ? Error{} : store.error();
  }

  std::string directory_, path_;
};

TEST_F(StoreTest, KeepsDocumentsNewestFirst) {
  {
    Store store = opened();
    for (const int i : {2, 1, 3}) {
      ASSERT_TRUE(store.add(numbered(i), "document " + std::to_string(i)));
    }
  }
  const Store store = opened();
  const auto list = store.list();
  ASSERT_TRUE(list) << list.error().message();
  ASSERT_EQ(list->size(), 3U);
  EXPECT_EQ(list->at(0).id, numbered(3).id);
  EXPECT_EQ(list->at(0).host, "lab7");
  EXPECT_EQ(list->at(0).verdict, "PASS");
  EXPECT_EQ(list->at(2).id, numbered(1).id);
  EXPECT_EQ(store.list(2)->size(), 2U);
  EXPECT_EQ(store.document("latest").value(), "document 3");
  EXPECT_EQ(store.document("latest-2").value(), "document 1");
  EXPECT_EQ(store.document("20260132").value(), "document 2");
  EXPECT_EQ(store.document(numbered(1).id).value(), "document 1");
}

TEST_F(StoreTest, UnknownAndAmbiguousIds) {
  Store store = opened();
  EXPECT_EQ(store.document("latest").error().code, ErrorCode::absent);
  ASSERT_TRUE(store.add(numbered(1), "one"));
  ASSERT_TRUE(store.add(numbered(2), "two"));
  EXPECT_EQ(store.document("1999").error().code, ErrorCode::absent);
  EXPECT_EQ(store.document("latest-2").error().code, ErrorCode::absent);
  EXPECT_EQ(store.document("").error().code, ErrorCode::absent);
  EXPECT_EQ(store.document("%").error().code, ErrorCode::absent);
  const Error ambiguous = store.document("2026").error();
  EXPECT_EQ(ambiguous.code, ErrorCode::invalid);
  EXPECT_THAT(ambiguous.message(), HasSubstr(numbered(2).id));
}

TEST_F(StoreTest, SameIdTwiceIsRefusedAndTheFirstStays) {
  Store store = opened();
  ASSERT_TRUE(store.add(numbered(1), "first"));
  EXPECT_FALSE(store.add(numbered(1), "second"));
  EXPECT_EQ(store.document("latest").value(), "first");
}

TEST_F(StoreTest, DocumentIsKeptByteByByte) {
  Store store = opened();
  const std::string document = "{\"x\":\"'; DROP TABLE certificates; --\",\"µ\":1}\n";
  ASSERT_TRUE(store.add(numbered(1), document));
  EXPECT_EQ(store.document("latest").value(), document);
}

TEST_F(StoreTest, OtherFilesAreNotTouched) {
  fs::create_directories(fs::path(path_).parent_path());
  std::ofstream(path_) << std::string(4096, 'x');
  EXPECT_EQ(open_error().code, ErrorCode::invalid);
  EXPECT_EQ(fs::file_size(path_), 4096U);
}

TEST_F(StoreTest, DatabaseOfSomethingElseIsRefused) {
  run_sql("CREATE TABLE t(x); INSERT INTO t VALUES(1);");
  EXPECT_THAT(open_error().message(), HasSubstr("not a store of assay"));
}

TEST_F(StoreTest, NewerVersionIsRefused) {
  {
    const Store store = opened();
  }
  run_sql("PRAGMA user_version = 9;");
  const Error error = open_error();
  EXPECT_EQ(error.code, ErrorCode::invalid);
  EXPECT_THAT(error.message(), HasSubstr("newer assay (version 9"));
}

TEST_F(StoreTest, DamageIsAnErrorNotACrash) {
  {
    Store store = opened();
    for (const int i : {1, 2, 3}) ASSERT_TRUE(store.add(numbered(i), std::string(20000, 'd')));
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(1024);
  file << std::string(30000, '\xff');
  file.close();
  const auto store = Store::open(path_);
  if (!store) return;  // noticed at once: as good
  const auto list = store->list();
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code, ErrorCode::io);
  EXPECT_THAT(list.error().message(), HasSubstr(path_));
}

TEST_F(StoreTest, DirectoryThatCannotBeWritten) {
  if (::geteuid() == 0) {
    path_ = "/proc/assay/assay.db";  // no user may create a directory there
  } else {
    fs::permissions(directory_, fs::perms::owner_read | fs::perms::owner_exec);
  }
  EXPECT_FALSE(open_error().message().empty());
  fs::permissions(directory_, fs::perms::owner_all);
}

TEST_F(StoreTest, FullDiskKeepsWhatWasThere) {
  Store store = opened();
  ASSERT_TRUE(store.add(numbered(1), "small"));
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit tight = before;
  tight.rlim_cur = fs::file_size(path_) + 4096;
  ::setrlimit(RLIMIT_FSIZE, &tight);
  const auto added = store.add(numbered(2), std::string(1 << 20, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  ASSERT_FALSE(added);
  EXPECT_FALSE(added.error().message().empty());
  EXPECT_EQ(store.list()->size(), 1U);
  EXPECT_TRUE(store.add(numbered(2), "now it fits"));
}

TEST_F(StoreTest, WriterWaitsForAnother) {
  Store one = opened();
  Store other = opened();
  ASSERT_TRUE(one.add(numbered(1), "a"));
  ASSERT_TRUE(other.add(numbered(2), "b"));
  EXPECT_EQ(one.list()->size(), 2U);
}

TEST(StorePath, FollowsTheEnvironment) {
  ::setenv("ASSAY_STORE", "/somewhere/else.db", 1);
  EXPECT_EQ(Store::default_path(), "/somewhere/else.db");
  ::unsetenv("ASSAY_STORE");
  EXPECT_THAT(Store::default_path(), HasSubstr("assay/assay.db"));
}

}  // namespace
}  // namespace assay::report
