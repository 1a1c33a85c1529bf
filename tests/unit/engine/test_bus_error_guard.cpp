#include "engine/bus_error_guard.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "temp_folder.hpp"

namespace assay::engine {
namespace {

// Maps two pages of a file, of which the second is gone.
Mapping half_gone_mapping() {
  TempFolder folder;
  auto fd = UniqueFd::open(folder.path() + "/file", O_RDWR | O_CREAT, 0600);
  const long page = ::sysconf(_SC_PAGESIZE);
  if (!fd || ::ftruncate(fd->get(), 2 * page) != 0) std::abort();
  auto mapping = Mapping::file(*fd, Bytes{static_cast<std::uint64_t>(2 * page)},
                               PROT_READ | PROT_WRITE, MAP_SHARED);
  if (!mapping || ::ftruncate(fd->get(), page) != 0) std::abort();
  return std::move(*mapping);
}

void touch_second_page(const Mapping& mapping) {
  auto* bytes = mapping.as<volatile char>();
  bytes[::sysconf(_SC_PAGESIZE)] = 1;
}

TEST(BusErrorGuardDeathTest, SaysWhatHappenedAndEnds) {
  EXPECT_EXIT(
      {
        const Mapping mapping = half_gone_mapping();
        const BusErrorGuard guard(mapping);
        touch_second_page(mapping);
      },
      testing::ExitedWithCode(4), "became shorter while it was measured");
}

TEST(BusErrorGuardDeathTest, LeavesOtherMappingsToWhoeverHandledThemBefore) {
  EXPECT_EXIT(
      {
        const Mapping other = half_gone_mapping();
        const Mapping mapping = half_gone_mapping();
        struct sigaction ends{};
        ends.sa_handler = [](int) { ::_exit(7); };
        ::sigaction(SIGBUS, &ends, nullptr);
        const BusErrorGuard guard(mapping);
        touch_second_page(other);
      },
      testing::ExitedWithCode(7), "");
}

TEST(BusErrorGuard, PutsThePreviousHandlerBack) {
  struct sigaction before{};
  ::sigaction(SIGBUS, nullptr, &before);
  {
    const BusErrorGuard guard(half_gone_mapping());
  }
  struct sigaction after{};
  ::sigaction(SIGBUS, nullptr, &after);
  EXPECT_EQ(before.sa_sigaction, after.sa_sigaction);
}

}  // namespace
}  // namespace assay::engine
