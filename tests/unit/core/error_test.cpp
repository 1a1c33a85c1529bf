#include "core/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace assay {
namespace {

TEST(Error, EveryCodeHasAWordThatReadsBack) {
  const std::vector<std::pair<ErrorCode, std::string>> words = {
      {ErrorCode::absent, "absent"},           {ErrorCode::denied, "denied"},
      {ErrorCode::unsupported, "unsupported"}, {ErrorCode::busy, "busy"},
      {ErrorCode::invalid, "invalid"},         {ErrorCode::exhausted, "exhausted"},
      {ErrorCode::interrupted, "interrupted"}, {ErrorCode::io, "io"}};
  for (const auto& [code, word] : words) {
    EXPECT_EQ(to_string(code), word);
    EXPECT_EQ(error_code_from_string(word), code);
  }
  EXPECT_FALSE(error_code_from_string("Absent"));
  EXPECT_FALSE(error_code_from_string(""));
}

TEST(Error, ErrnoBecomesTheClassThatAUserActsOn) {
  const std::vector<std::pair<int, ErrorCode>> cases = {{ENOENT, ErrorCode::absent},
                                                        {ENODEV, ErrorCode::absent},
                                                        {ENXIO, ErrorCode::absent},
                                                        {ESRCH, ErrorCode::absent},
                                                        {ENOTDIR, ErrorCode::absent},
                                                        {ENODATA, ErrorCode::absent},
                                                        {EACCES, ErrorCode::denied},
                                                        {EPERM, ErrorCode::denied},
                                                        {EROFS, ErrorCode::denied},
                                                        {ENOSYS, ErrorCode::unsupported},
                                                        {EOPNOTSUPP, ErrorCode::unsupported},
                                                        {ENOTTY, ErrorCode::unsupported},
                                                        {EBUSY, ErrorCode::busy},
                                                        {EAGAIN, ErrorCode::busy},
                                                        {ETXTBSY, ErrorCode::busy},
                                                        {EINVAL, ErrorCode::invalid},
                                                        {ELOOP, ErrorCode::invalid},
                                                        {EISDIR, ErrorCode::invalid},
                                                        {ENOSPC, ErrorCode::exhausted},
                                                        {ENOMEM, ErrorCode::exhausted},
                                                        {EMFILE, ErrorCode::exhausted},
                                                        {EDQUOT, ErrorCode::exhausted},
                                                        {EINTR, ErrorCode::interrupted},
                                                        {EIO, ErrorCode::io},
                                                        {ECONNRESET, ErrorCode::io}};
  for (const auto& [number, code] : cases) {
    EXPECT_EQ(code_from_errno(number), code) << number;
  }
}

TEST(Error, MessageSaysWhatOnWhatWhyAndWhatToDo) {
  const Error error = errno_error(EACCES, "open", "/dev/sda", "run as root");
  EXPECT_EQ(error.message(), "open /dev/sda: Permission denied; run as root");
  EXPECT_EQ(error.sys_errno, EACCES);
  EXPECT_EQ(error.code, ErrorCode::denied);
}

TEST(Error, MessageLeavesOutWhatIsEmpty) {
  EXPECT_EQ(make_error(ErrorCode::invalid, "parse", "", "no text").message(), "parse: no text");
  EXPECT_EQ(make_error(ErrorCode::io, "read", "/x", "").message(), "read /x");
  EXPECT_EQ(make_error(ErrorCode::io, "", "/x", "gone").message(), "/x: gone");
  EXPECT_EQ(make_error(ErrorCode::io, "", "", "gone", "wait").message(), "gone; wait");
  EXPECT_EQ(Error{}.message(), "");
}

TEST(Error, FailIsAnExpectedWithoutValue) {
  const Expected<int> by_errno = fail_errno(ENOENT, "read", "/nothing");
  ASSERT_FALSE(by_errno);
  EXPECT_EQ(by_errno.error().code, ErrorCode::absent);
  const Expected<int> by_code = fail(ErrorCode::busy, "lock", "host", "another run holds it");
  ASSERT_FALSE(by_code);
  EXPECT_EQ(by_code.error().sys_errno, 0);
  EXPECT_EQ(by_code.error().message(), "lock host: another run holds it");
}

}  // namespace
}  // namespace assay
