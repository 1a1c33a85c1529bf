// The conveniences of Host, over a host in memory.
#include "core/host.hpp"

#include <gtest/gtest.h>

#include "core/memory_host.hpp"

namespace assay {
namespace {

TEST(HostConveniences, TrimmedText) {
  MemoryHost host;
  host.put("/a", " \t value with spaces \n\n");
  host.put("/blank", " \n");
  host.put("/empty", "");
  EXPECT_EQ(host.read_trimmed("/a").value(), "value with spaces");
  EXPECT_EQ(host.read_trimmed("/blank").value(), "");
  EXPECT_EQ(host.read_trimmed("/empty").value(), "");
  EXPECT_EQ(host.read_trimmed("/none").error().code, ErrorCode::absent);
}

TEST(HostConveniences, Numbers) {
  MemoryHost host;
  host.put("/n", "-12\n");
  host.put("/u", "18446744073709551615\n");
  host.put("/bad", "12 kB\n");
  EXPECT_EQ(host.read_int("/n").value(), -12);
  EXPECT_EQ(host.read_uint("/u").value(), 18446744073709551615U);
  EXPECT_EQ(host.read_uint("/n").error().code, ErrorCode::invalid);
  EXPECT_EQ(host.read_int("/u").error().code, ErrorCode::invalid);
  const auto bad = host.read_int("/bad");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message().find("/bad"), std::string::npos);
  EXPECT_NE(bad.error().message().find("12 kB"), std::string::npos);
  EXPECT_EQ(host.read_int("/none").error().code, ErrorCode::absent);
  EXPECT_EQ(host.read_uint("/none").error().code, ErrorCode::absent);
}

TEST(HostConveniences, ADanglingLinkDoesNotExist) {
  MemoryHost host;
  host.put("/sys/x/file", "");
  host.link("/sys/good", "x/file");
  host.link("/sys/bad", "x/none");
  EXPECT_TRUE(host.exists("/sys/x"));
  EXPECT_TRUE(host.exists("/sys/x/file"));
  EXPECT_TRUE(host.exists("/sys/good"));
  EXPECT_FALSE(host.exists("/sys/bad"));
  EXPECT_FALSE(host.exists("/sys/none"));
}

}  // namespace
}  // namespace assay
