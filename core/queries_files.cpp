#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "core/fd.hpp"
#include "core/file_io.hpp"
#include "core/queries_internal.hpp"

namespace assay::queries {
namespace {

// Names of the file systems that a test file may land on; statfs(2) lists the numbers.
constexpr std::array<std::pair<std::uint64_t, const char*>, 14> kFileSystems{{
    {EXT4_SUPER_MAGIC, "ext4"},  // ext2 and ext3 share the number
    {XFS_SUPER_MAGIC, "xfs"},
    {BTRFS_SUPER_MAGIC, "btrfs"},
    {TMPFS_MAGIC, "tmpfs"},
    {OVERLAYFS_SUPER_MAGIC, "overlay"},
    {F2FS_SUPER_MAGIC, "f2fs"},
    {NFS_SUPER_MAGIC, "nfs"},
    {FUSE_SUPER_MAGIC, "fuse"},
    {SQUASHFS_MAGIC, "squashfs"},
    {HUGETLBFS_MAGIC, "hugetlbfs"},
    {0x2fc12fc1, "zfs"},
    {0xca451a4e, "bcachefs"},
    {CGROUP2_SUPER_MAGIC, "cgroup2"},
    {SYSFS_MAGIC, "sysfs"},
}};

std::string file_system_name(std::uint64_t magic) {
  for (const auto& [number, name] : kFileSystems) {
    if (number == magic) return name;
  }
  return fmt::format("0x{:x}", magic);
}

}  // namespace

Expected<Reply> statx_dioalign(std::string_view target) {
  const std::string path(target);
  struct statx answer{};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_DIOALIGN, &answer) != 0) {
    return fail_errno(errno, "statx", target);
  }
  if ((answer.stx_mask & STATX_DIOALIGN) == 0) {
    return fail(ErrorCode::unsupported, "statx", target,
                "this kernel or file system does not tell its O_DIRECT alignment");
  }
  // Both 0: O_DIRECT is not possible on this file.
  return Reply{{"mem_align_bytes", fmt::format("{}", answer.stx_dio_mem_align)},
               {"offset_align_bytes", fmt::format("{}", answer.stx_dio_offset_align)}};
}

Expected<Reply> statfs(std::string_view target) {
  const std::string path(target);
  struct statfs answer{};
  int result = -1;
  do {
    result = ::statfs(path.c_str(), &answer);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return fail_errno(errno, "statfs", target);
  // The number is 32 bits wide, whatever the sign of its type here.
  const std::uint64_t magic = static_cast<std::uint64_t>(answer.f_type) & 0xffffffffU;
  const auto block =
      static_cast<std::uint64_t>(answer.f_frsize > 0 ? answer.f_frsize : answer.f_bsize);
  const bool read_only = (static_cast<unsigned long>(answer.f_flags) & ST_RDONLY) != 0;
  return Reply{{"type", file_system_name(magic)},
               {"magic", fmt::format("0x{:x}", magic)},
               {"block_size_bytes", fmt::format("{}", answer.f_bsize)},
               {"size_bytes", fmt::format("{}", answer.f_blocks * block)},
               {"free_bytes", fmt::format("{}", answer.f_bfree * block)},
               {"available_bytes", fmt::format("{}", answer.f_bavail * block)},
               {"read_only", read_only ? "1" : "0"}};
}

Expected<Reply> blockdev_info(std::string_view target) {
  const std::string path(target);
  // Only block devices are opened: opening another device can act on it.
  auto status = file_io::status_at(AT_FDCWD, path, target);
  if (!status) return Failure(status.error());
  if (status->kind != FileKind::block) {
    return fail(ErrorCode::invalid, "ask blockdev.info", target, "it is not a block device");
  }
  auto fd = file_io::open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, target);
  if (!fd) return Failure(fd.error());
  int logical = 0;
  unsigned physical = 0;
  std::uint64_t size = 0;
  int read_only = 0;
  unsigned short rotational = 0;
  const std::array<std::pair<unsigned long, void*>, 5> calls{{{BLKSSZGET, &logical},
                                                              {BLKPBSZGET, &physical},
                                                              {BLKGETSIZE64, &size},
                                                              {BLKROGET, &read_only},
                                                              {BLKROTATIONAL, &rotational}}};
  for (const auto& [request, out] : calls) {
    if (::ioctl(fd->get(), request, out) != 0) return fail_errno(errno, "ioctl", target);
  }
  return Reply{{"logical_block_bytes", fmt::format("{}", logical)},
               {"physical_block_bytes", fmt::format("{}", physical)},
               {"size_bytes", fmt::format("{}", size)},
               {"read_only", read_only != 0 ? "1" : "0"},
               {"rotational", rotational != 0 ? "1" : "0"}};
}

}  // namespace assay::queries
