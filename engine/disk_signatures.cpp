#include "engine/disk_signatures.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string_view>
#include <vector>

namespace assay::engine {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::int64_t offset;  // negative: from the end
  std::string_view bytes;
  std::string_view what;
};

constexpr std::array<Signature, 17> kSignatures{{
    {0x200, "EFI PART"sv, "a GPT partition table"},
    {-0x200, "EFI PART"sv, "a GPT partition table (its copy at the end)"},
    {0x1fe, "\x55\xaa"sv, "an MBR partition table or boot sector"},
    {0x438, "\x53\xef"sv, "an ext2/3/4 filesystem"},
    {0, "XFSB"sv, "an xfs filesystem"},
    {0x10040, "_BHRfS_M"sv, "a btrfs filesystem"},
    {0x400, "\x10\x20\xf5\xf2"sv, "an f2fs filesystem"},
    {0, "LUKS\xba\xbe"sv, "a LUKS container"},
    {0x218, "LVM2 001"sv, "an LVM physical volume"},
    {0x18, "LVM2 001"sv, "an LVM physical volume"},
    {0x1000, "\xfc\x4e\x2b\xa9"sv, "a Linux RAID member"},
    {0, "\xfc\x4e\x2b\xa9"sv, "a Linux RAID member"},
    {0xff6, "SWAPSPACE2"sv, "swap space"},
    {3, "NTFS    "sv, "an NTFS filesystem"},
    {0x8001, "CD001"sv, "an ISO 9660 filesystem"},
    {0, "hsqs"sv, "a squashfs filesystem"},
    {0x1018, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca"sv, "a bcache device"},
}};

}  // namespace

Expected<std::string> find_signature(int fd, std::uint64_t size) {
  for (const Signature& signature : kSignatures) {
    const std::uint64_t from_end = static_cast<std::uint64_t>(-signature.offset);
    if (signature.offset < 0 && from_end > size) continue;
    const std::uint64_t at =
        signature.offset < 0 ? size - from_end : static_cast<std::uint64_t>(signature.offset);
    if (at + signature.bytes.size() > size) continue;
    std::array<char, 16> there{};
    const ssize_t got = ::pread(fd, there.data(), signature.bytes.size(), static_cast<off_t>(at));
    if (got < 0) return fail_errno(errno, "look for signatures", "block device");
    if (std::string_view(there.data(), static_cast<std::size_t>(got)) == signature.bytes) {
      return std::string(signature.what);
    }
  }
  return std::string();
}

}  // namespace assay::engine
