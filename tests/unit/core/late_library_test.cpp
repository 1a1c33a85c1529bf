#include "core/late_library.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/libarchive.hpp"
#include "core/libnvme.hpp"

namespace assay {
namespace {

TEST(LateLibrary, FillsTheTable) {
  double (*cosine)(double) = nullptr;
  const LateFunction functions[] = {{"cos", reinterpret_cast<void**>(&cosine)}};
  ASSERT_TRUE(load_late("libm.so.6", "libc6", functions));
  ASSERT_NE(cosine, nullptr);
  EXPECT_EQ(cosine(0), 1);
}

TEST(LateLibrary, AMissingLibraryNamesItsPackage) {
  const auto loaded = load_late("libassay-none.so.1", "assay-none1", {});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::unsupported);
  EXPECT_NE(loaded.error().message().find("install the package assay-none1"), std::string::npos);
}

TEST(LateLibrary, AMissingFunctionIsNamed) {
  void* none = nullptr;
  const LateFunction functions[] = {{"assay_no_such_function", &none}};
  const auto loaded = load_late("libm.so.6", "libc6", functions);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message().find("assay_no_such_function"), std::string::npos);
}

TEST(LateLibrary, BothTablesAreWhole) {
  const auto archive = libarchive();
  ASSERT_TRUE(archive) << archive.error().message();
  EXPECT_NE((*archive)->archive_read_new, nullptr);
  EXPECT_NE((*archive)->archive_entry_set_mtime, nullptr);
  EXPECT_EQ(*libarchive(), *archive);
  const auto nvme = libnvme();
  ASSERT_TRUE(nvme) << nvme.error().message();
  EXPECT_NE(std::string((*nvme)->nvme_status_to_string(0, false)).find("completed without error"),
            std::string::npos);
}

}  // namespace
}  // namespace assay
