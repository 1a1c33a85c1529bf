#include "core/bounded_host.hpp"

#include <gtest/gtest.h>

#include "core/memory_host.hpp"

namespace assay {
namespace {

TEST(BoundedHost, PassesOnWhatIsWithinTheLimits) {
  MemoryHost inner;
  inner.put("/a", "1");
  inner.link("/b", "a");
  const BoundedHost host(inner);
  EXPECT_EQ(host.read("/a").value(), "1");
  EXPECT_EQ(host.read_link("/b").value(), "a");
  EXPECT_EQ(host.resolve("/b").value(), "/a");
  EXPECT_EQ(host.list("/").value().size(), 2U);
  EXPECT_EQ(host.read("/c").error().code, ErrorCode::absent);
  EXPECT_EQ(host.shortfall(), "");
}

TEST(BoundedHost, EndsAfterTheLastCall) {
  MemoryHost inner;
  inner.put("/a", "1");
  const BoundedHost host(inner, {.calls = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(host.read("/a").has_value()) << i;
  EXPECT_EQ(host.shortfall(), "") << "all that was asked was answered";
  EXPECT_EQ(host.read("/a").error().code, ErrorCode::exhausted);
  EXPECT_EQ(host.ask({"uname", ""}).error().code, ErrorCode::exhausted);
  EXPECT_NE(host.shortfall().find("3"), std::string::npos);
}

TEST(BoundedHost, EndsAfterTheLastByte) {
  MemoryHost inner;
  inner.put("/a", std::string(100, 'x'));
  const BoundedHost host(inner, {.read = Bytes{150}});
  EXPECT_TRUE(host.read("/a").has_value());
  EXPECT_TRUE(host.read("/a").has_value());
  EXPECT_EQ(host.read("/a").error().code, ErrorCode::exhausted);
  EXPECT_NE(host.shortfall(), "");
}

TEST(BoundedHost, CutsLongDirectories) {
  MemoryHost inner;
  for (char name = 'a'; name <= 'z'; ++name) {
    inner.put(std::string("/proc/d/") + name, "");
    inner.put(std::string("/sys/d/") + name, "");
  }
  const BoundedHost host(inner, {.names = 10, .names_in_sys = 5});
  EXPECT_EQ(host.list("/proc/d").value().size(), 10U);
  EXPECT_EQ(host.list("/sys/d").value().size(), 5U);
  EXPECT_NE(host.shortfall().find("names"), std::string::npos);
}

TEST(BoundedHost, OnlyReads) {
  MemoryHost inner;
  inner.put("/a", "1");
  BoundedHost host(inner);
  EXPECT_EQ(host.write("/a", "2").error().code, ErrorCode::unsupported);
  EXPECT_EQ(host.remove_file("/a").error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace assay
