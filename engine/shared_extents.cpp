#include "engine/shared_extents.hpp"

#include <fmt/format.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/units.hpp"

namespace assay::engine {
namespace {

constexpr unsigned kExtentsPerCall = 128;

// The kernel's header ends in a flexible array: room for it follows.
struct ExtentMap {
  alignas(fiemap)
      std::array<std::byte, sizeof(fiemap) + kExtentsPerCall * sizeof(fiemap_extent)> bytes{};
};

}  // namespace

std::string SharedExtents::words(std::uint64_t of_bytes) const {
  if (!known) return "the filesystem does not tell whether blocks are shared";
  if (bytes == 0) return "copied: no block is shared";
  return fmt::format("reflinked: {} of {} lie in shared blocks", format_bytes({bytes}),
                     format_bytes({of_bytes}));
}

SharedExtents shared_extents(const UniqueFd& file, std::uint64_t size) {
  SharedExtents result;
  for (std::uint64_t at = 0; at < size;) {
    ExtentMap map;
    fiemap head{};
    head.fm_start = at;
    head.fm_length = size - at;
    head.fm_extent_count = kExtentsPerCall;
    std::memcpy(map.bytes.data(), &head, sizeof head);
    if (::ioctl(file.get(), FS_IOC_FIEMAP, map.bytes.data()) != 0) return {};
    std::memcpy(&head, map.bytes.data(), sizeof head);
    result.known = true;
    if (head.fm_mapped_extents == 0) break;
    fiemap_extent extent{};
    const std::uint64_t before = at;
    for (unsigned i = 0; i < head.fm_mapped_extents; ++i) {
      std::memcpy(&extent, map.bytes.data() + sizeof head + i * sizeof extent, sizeof extent);
      const std::uint64_t from = std::clamp<std::uint64_t>(extent.fe_logical, at, size);
      const std::uint64_t to = std::min<std::uint64_t>(extent.fe_logical + extent.fe_length, size);
      if ((extent.fe_flags & FIEMAP_EXTENT_SHARED) != 0 && to > from) result.bytes += to - from;
      at = std::max(at, to);
    }
    if ((extent.fe_flags & FIEMAP_EXTENT_LAST) != 0 || at == before) break;
  }
  return result;
}

}  // namespace assay::engine
