#include "core/capture_replies.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace assay {
namespace {

std::string document(const std::string& replies) {
  return R"({"schema":"assay.capture","version":1,"replies":[)" + replies + "]}";
}

TEST(CaptureReplies, RoundTrip) {
  CaptureReplies replies;
  replies[{"uname", ""}] = Reply{{"release", "6.1.0"}, {"odd", "tab\t\"quote\" µ"}};
  replies[{"ethtool.features", "eth0"}] = Reply{};
  replies[{"ethtool.eee", "eth0"}] = fail_errno(EOPNOTSUPP, "ethtool eee", "eth0");
  const std::string text = format_capture_replies(replies);
  const auto parsed = parse_capture_replies(text);
  ASSERT_TRUE(parsed) << parsed.error().message();
  ASSERT_EQ(parsed->size(), 3U);
  EXPECT_EQ(parsed->at({"uname", ""}).value(), replies.at({"uname", ""}).value());
  const Error& error = parsed->at({"ethtool.eee", "eth0"}).error();
  EXPECT_EQ(error.code, ErrorCode::unsupported);
  EXPECT_EQ(error.sys_errno, EOPNOTSUPP);
  EXPECT_EQ(error.cause, "Operation not supported");
  EXPECT_EQ(format_capture_replies(*parsed), text);
  EXPECT_TRUE(text.ends_with("}\n"));
}

TEST(CaptureReplies, BrokenUtf8DoesNotThrow) {
  CaptureReplies replies;
  replies[{"uname", ""}] = Reply{{"release", "\xff\xfe"}};
  EXPECT_TRUE(parse_capture_replies(format_capture_replies(replies)));
}

TEST(CaptureReplies, UnknownFieldsAreIgnored) {
  EXPECT_TRUE(
      parse_capture_replies(document(R"({"kind":"a","target":"","reply":{},"note":[1,2]})")));
}

TEST(CaptureReplies, RefusesWithThePlace) {
  const auto cause = [](const std::string& text) {
    const auto parsed = parse_capture_replies(text);
    EXPECT_FALSE(parsed) << text;
    if (parsed) return std::string();
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid);
    return parsed.error().message();
  };
  EXPECT_NE(cause("").find("JSON"), std::string::npos);
  EXPECT_NE(cause("{").find("JSON"), std::string::npos);
  EXPECT_NE(cause("[]").find("object"), std::string::npos);
  EXPECT_NE(cause("{}").find("schema"), std::string::npos);
  EXPECT_NE(cause(R"({"schema":7})").find("schema"), std::string::npos);
  EXPECT_NE(cause(R"({"schema":"assay.capture"})").find("version"), std::string::npos);
  EXPECT_NE(cause(R"({"schema":"assay.capture","version":2,"replies":[]})").find("version"),
            std::string::npos);
  EXPECT_NE(cause(R"({"schema":"assay.capture","version":1.5,"replies":[]})").find("version"),
            std::string::npos);
  EXPECT_NE(cause(R"({"schema":"assay.capture","version":1,"replies":{}})").find("list"),
            std::string::npos);
  EXPECT_NE(cause(document("7")).find("replies[0]"), std::string::npos);
  EXPECT_NE(cause(document(R"({"target":"","reply":{}})")).find("kind"), std::string::npos);
  EXPECT_NE(cause(document(R"({"kind":"","target":"","reply":{}})")).find("kind"),
            std::string::npos);
  EXPECT_NE(cause(document(R"({"kind":"a","reply":{}})")).find("target"), std::string::npos);
  EXPECT_NE(cause(document(R"({"kind":"a","target":""})")).find("reply"), std::string::npos);
  EXPECT_NE(cause(document(R"({"kind":"a","target":"t","reply":[]})")).find("a t"),
            std::string::npos);
  EXPECT_NE(cause(document(R"({"kind":"a","target":"","reply":{"k":1}})")).find("\"k\""),
            std::string::npos);
  EXPECT_NE(cause(document(R"({"kind":"a","target":"","error":"odd"})")).find("known word"),
            std::string::npos);
  for (const char* number : {"-1", "4096", "1.5", "\"5\"", "18446744073709551615"}) {
    EXPECT_NE(cause(document(R"({"kind":"a","target":"","error":"io","errno":)" +
                             std::string(number) + "}"))
                  .find("errno"),
              std::string::npos)
        << number;
  }
  EXPECT_NE(cause(document(R"({"kind":"a","target":"","reply":{}},)"
                           R"({"kind":"a","target":"","error":"io"})"))
                .find("replies[1]"),
            std::string::npos);
}

TEST(CaptureReplies, DeepNestingDoesNotOverflowTheStack) {
  EXPECT_FALSE(parse_capture_replies(std::string(200'000, '[')));
  EXPECT_FALSE(parse_capture_replies(std::string(100'000, '[') + std::string(100'000, ']')));
}

}  // namespace
}  // namespace assay
