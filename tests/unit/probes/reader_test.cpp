#include "probes/reader.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "core/memory_host.hpp"

namespace assay::probes {
namespace {

TEST(Reader, TakesWhiteSpaceAndNulsOff) {
  MemoryHost host;
  host.put("/sys/a", std::string(" 0-3\n\0", 6));
  Reader reader(host);
  EXPECT_EQ(reader.text("/sys/a"), "0-3");
  EXPECT_EQ(reader.cpus("/sys/a"), CpuSet::range(0, 3));
}

TEST(Reader, AbsentIsEmptyAndNoComplaint) {
  MemoryHost host;
  Reader reader(host);
  EXPECT_EQ(reader.text("/sys/a"), std::nullopt);
  EXPECT_EQ(reader.word("/sys/a"), "");
  EXPECT_EQ(reader.number("/sys/a"), std::nullopt);
  EXPECT_TRUE(reader.names("/sys").empty());
  EXPECT_TRUE(reader.ask("uname").empty());
  EXPECT_TRUE(reader.take_unreadable().empty());
}

TEST(Reader, RemembersEveryDenialOnce) {
  MemoryHost host;
  host.put("/sys/secret", "1");
  host.fail("/sys/secret", EACCES);
  host.put("/sys/broken", "1");
  host.fail("/sys/broken", EIO);
  Reader reader(host);
  reader.text("/sys/secret");
  reader.number("/sys/secret");
  reader.text("/sys/broken");
  const auto denied = reader.take_unreadable();
  ASSERT_EQ(denied.size(), 1U);
  EXPECT_NE(denied[0].find("/sys/secret"), std::string::npos);
  EXPECT_NE(denied[0].find("Permission denied"), std::string::npos);
}

TEST(Reader, RefusesNumbersThatAreNone) {
  MemoryHost host;
  for (const char* lie : {"", "x", "1x", "0x10", "1 2", "99999999999999999999", "--1"}) {
    host.put("/sys/a", lie);
    Reader reader(host);
    EXPECT_EQ(reader.number("/sys/a"), std::nullopt) << lie;
  }
  host.put("/sys/a", "-5\n");
  Reader reader(host);
  EXPECT_EQ(reader.number("/sys/a"), -5);
  EXPECT_EQ(reader.count("/sys/a"), std::nullopt);
  EXPECT_EQ(reader.node("/sys/a"), std::nullopt);
}

TEST(Reader, TakesTheBracketedChoice) {
  MemoryHost host;
  host.put("/sys/a", "always [madvise] never\n");
  host.put("/sys/b", "none\n");
  host.put("/sys/c", "[broken\n");
  Reader reader(host);
  EXPECT_EQ(reader.choice("/sys/a"), "madvise");
  EXPECT_EQ(reader.choice("/sys/b"), "none");
  EXPECT_EQ(reader.choice("/sys/c"), "[broken");
  EXPECT_EQ(reader.choice("/sys/none"), "");
}

TEST(Reader, FallsBackFromListToMask) {
  MemoryHost host;
  host.put("/sys/list", "nonsense");
  host.put("/sys/mask", "00000000,0000000f\n");
  Reader reader(host);
  EXPECT_EQ(reader.cpus("/sys/list", "/sys/mask"), CpuSet::range(0, 3));
  EXPECT_EQ(reader.cpus("/sys/list"), std::nullopt);
  EXPECT_EQ(reader.cpus("", "/sys/mask"), CpuSet::range(0, 3));
}

TEST(Printable, KeepsUtf8AndReplacesTheRest) {
  EXPECT_EQ(printable("µs €"), "µs €");
  EXPECT_EQ(printable("a\nb\tc"), "a b c");
  EXPECT_EQ(printable(std::string("\x01\x7f\xff\xc0\x80", 5)), "?????");
  EXPECT_EQ(printable("\xed\xa0\x80"), "???");  // a surrogate
  EXPECT_EQ(printable("\xe2\x82"), "??");       // cut off
}

TEST(NumberAfter, TakesWholeNumbersOnly) {
  EXPECT_EQ(number_after("cpu12", "cpu"), 12U);
  EXPECT_EQ(number_after("12", ""), 12U);
  for (const char* name : {"cpu", "cpu1a", "cpufreq", "cpu-1", "cpu99999999", "xcpu1"}) {
    EXPECT_EQ(number_after(name, "cpu"), std::nullopt) << name;
  }
}

TEST(Hide, GivesNothingAway) {
  const std::string hidden = hide("drive serial number", "S3CR3T");
  EXPECT_EQ(hidden.find("S3CR3T"), std::string::npos);
  EXPECT_TRUE(hidden.starts_with("sha256:"));
  EXPECT_EQ(hidden, hide("drive serial number", "S3CR3T"));
  EXPECT_NE(hidden, hide("machine id", "S3CR3T"));
  EXPECT_EQ(hide("network address", "00:00:00:00:00:00"), "");
  EXPECT_EQ(hide("x", ""), "");
}

}  // namespace
}  // namespace assay::probes
