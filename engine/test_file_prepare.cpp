// How a test file comes to be: made, or opened after it has been judged.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <random>
#include <vector>

#include "engine/disk_signatures.hpp"
#include "engine/drive_queue.hpp"
#include "engine/test_file.hpp"

namespace assay::engine {
namespace {

constexpr Bytes kOwnSize = 64_MiB;
constexpr std::uint64_t kChunkBytes = 1 << 20;
constexpr std::string_view kOperation = "prepare the test file";

// What else needs room while the file is written: metadata, and whoever else writes.
constexpr Bytes kRoomToLeave = 16_MiB;

struct FilesystemName {
  std::uint64_t magic;  // statfs(2), linux/magic.h
  std::string_view name;
};
constexpr std::uint64_t kTmpfsMagic = 0x01021994, kRamfsMagic = 0x858458f6;
constexpr std::array<FilesystemName, 8> kFilesystems{{{0xEF53, "ext4"},
                                                      {0x58465342, "xfs"},
                                                      {0x9123683E, "btrfs"},
                                                      {kTmpfsMagic, "tmpfs"},
                                                      {kRamfsMagic, "ramfs"},
                                                      {0x794c7630, "overlay"},
                                                      {0xF2F52010, "f2fs"},
                                                      {0x6969, "nfs"}}};

std::uint64_t filesystem_magic(const UniqueFd& fd) {
  struct statfs about{};
  return ::fstatfs(fd.get(), &about) == 0 ? static_cast<std::uint64_t>(about.f_type) : 0;
}

std::string filesystem_name(std::uint64_t magic) {
  const auto found = std::ranges::find(kFilesystems, magic, &FilesystemName::magic);
  return found == kFilesystems.end() ? fmt::format("filesystem {:#x}", magic)
                                     : std::string(found->name);
}

// statx(2) with the fields that Debian 12's glibc does not know yet (Linux 6.1).
std::optional<std::uint64_t> dio_alignment(const UniqueFd& fd) {
  constexpr unsigned kDioAlign = 0x2000;  // STATX_DIOALIGN
  struct statx about{};
  static_assert(sizeof about == 256);
  if (::syscall(SYS_statx, fd.get(), "", AT_EMPTY_PATH, kDioAlign, &about) != 0) return {};
  if ((about.stx_mask & kDioAlign) == 0) return std::nullopt;
  // stx_dio_mem_align and stx_dio_offset_align follow stx_mnt_id at byte 152 (linux/stat.h).
  std::array<std::uint32_t, 2> alignment{};
  std::memcpy(&alignment, reinterpret_cast<const char*>(&about) + 152, sizeof alignment);
  const std::uint32_t larger = std::max(alignment[0], alignment[1]);
  if (larger == 0) return std::nullopt;  // the file does not do direct I/O
  return larger;
}

Expected<std::string> usable_directory(const std::string& directory) {
  struct stat about{};
  if (::stat(directory.c_str(), &about) != 0) {
    return fail_errno(errno, kOperation, directory, "name a directory that can be written");
  }
  if (!S_ISDIR(about.st_mode)) return fail_errno(ENOTDIR, kOperation, directory);
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    return fail_errno(errno, kOperation, directory, "name a directory that can be written");
  }
  return directory;
}

}  // namespace

// Builds one TestFile step by step; what is half built closes with it.
class TestFileMaker {
 public:
  explicit TestFileMaker(const TestFileOptions& options) : options_(options) {
    // An NVMe namespace may be named by its character device: it is the same drive.
    options_.path = block_device_of(options.path);
  }

  Expected<TestFile> make() {
    Expected<void> done;
    if (options_.path.empty()) {
      done = make_unnamed();
    } else {
      struct stat about{};
      const bool there = ::stat(options_.path.c_str(), &about) == 0;
      const int why_not = there ? 0 : errno;
      done = there ? use_existing(about) : make_named(why_not);
    }
    if (!done) return Failure(done.error());
    return std::move(file_);
  }

 private:
  Failure refuse(std::string_view cause, std::string_view advice) const {
    return fail(ErrorCode::invalid, kOperation, options_.path, cause, advice);
  }

  // --- files of our own ---

  Expected<void> make_unnamed() {
    const auto directory = TestFile::own_directory(options_.directory);
    if (!directory) return Failure(directory.error());
    if (auto room = check_room(*directory); !room) return room;
    auto fd = UniqueFd::open(*directory, O_TMPFILE | O_RDWR, 0600);
    if (!fd) fd = open_and_unlink(*directory);
    if (!fd) return Failure(fd.error());
    file_.fd_ = std::move(*fd);
    file_.path_ = *directory;
    if (auto written = write_content(); !written) return written;
    return describe(fmt::format("own file in {}", *directory));
  }

  Expected<void> make_named(int why_not) {
    if (why_not != ENOENT) return fail_errno(why_not, kOperation, options_.path);
    if (!options_.keep) {
      return fail_errno(ENOENT, kOperation, options_.path,
                        "name a file that exists, or name none and assay makes its own");
    }
    const std::size_t slash = options_.path.rfind('/');
    const std::string directory =
        slash == std::string::npos ? "." : options_.path.substr(0, slash + 1);
    if (auto room = check_room(directory); !room) return room;
    auto fd = UniqueFd::open(options_.path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!fd) return Failure(fd.error());
    file_.fd_ = std::move(*fd);
    file_.path_ = options_.path;
    if (auto written = write_content(); !written) {
      ::unlink(options_.path.c_str());
      return written;
    }
    return describe(fmt::format("own file {}", options_.path));
  }

  // For filesystems without O_TMPFILE: the name exists for an instant only.
  static Expected<UniqueFd> open_and_unlink(const std::string& directory) {
    std::random_device random;
    for (int attempt = 0; attempt < 16; ++attempt) {
      const std::string path = fmt::format("{}/.assay-{:08x}{:08x}", directory, random(), random());
      auto fd = UniqueFd::open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
      if (fd) ::unlink(path.c_str());
      if (fd || fd.error().sys_errno != EEXIST) return fd;
    }
    return fail_errno(EEXIST, kOperation, directory);
  }

  Bytes wanted_size() const { return options_.size.count == 0 ? kOwnSize : options_.size; }

  Failure no_room(const std::string& where, Bytes there) const {
    return fail(ErrorCode::exhausted, kOperation, where,
                fmt::format("No space left: {} needed, {} free", format_bytes_short(wanted_size()),
                            format_bytes_short(there)),
                "free room, choose a smaller --size, or set ASSAY_DIR to another drive");
  }

  Expected<void> check_room(const std::string& directory) const {
    struct statvfs about{};
    if (::statvfs(directory.c_str(), &about) != 0) {
      return fail_errno(errno, kOperation, directory);
    }
    const Bytes there{about.f_bavail * about.f_frsize};
    // A filesystem that reports no sizes at all cannot be judged beforehand.
    if (about.f_blocks != 0 && there < wanted_size() + kRoomToLeave) {
      return no_room(directory, there);
    }
    return {};
  }

  Expected<void> write_content() {
    file_.size_ = wanted_size();
    if (file_.size_.count % kSectorBytes != 0) {
      return refuse(fmt::format("{} is no multiple of 4 KiB", format_bytes(file_.size_)),
                    "choose such a --size");
    }
    std::random_device random;
    file_.seed_ = (static_cast<std::uint64_t>(random()) << 32) | random();
    file_.made_by_us_ = file_.writable_ = true;
    // Reserved at once: a full disk is found before anything is written.
    const int reserved = ::fallocate(file_.fd_.get(), 0, 0, static_cast<off_t>(file_.size_.count));
    if (reserved != 0 && (errno == ENOSPC || errno == EDQUOT)) return no_room_now();
    std::vector<std::byte> chunk(kChunkBytes);
    for (std::uint64_t at = 0; at < file_.size_.count; at += kChunkBytes) {
      const auto part =
          std::span(chunk).first(std::min<std::uint64_t>(kChunkBytes, file_.size_.count - at));
      fill_sectors(part, at, file_.seed_, 0);
      if (auto written = write_all(part, at); !written) return written;
      if (options_.progress && !options_.progress(Bytes{at + part.size()}, file_.size_)) {
        return fail(ErrorCode::interrupted, kOperation, file_.path_, "stopped on request");
      }
    }
    if (::fdatasync(file_.fd_.get()) != 0) {
      return errno == ENOSPC ? no_room_now() : fail_errno(errno, "fdatasync", file_.path_);
    }
    file_.written_ = file_.size_;
    return {};
  }

  Failure no_room_now() const {
    struct statvfs about{};
    ::fstatvfs(file_.fd_.get(), &about);
    return no_room(file_.path_, Bytes{about.f_bavail * about.f_frsize});
  }

  Expected<void> write_all(std::span<const std::byte> part, std::uint64_t at) {
    while (!part.empty()) {
      const ssize_t put =
          ::pwrite(file_.fd_.get(), part.data(), part.size(), static_cast<off_t>(at));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && (errno == ENOSPC || errno == EDQUOT)) return no_room_now();
      if (put < 0) return fail_errno(errno, "write", file_.path_);
      part = part.subspan(static_cast<std::size_t>(put));
      at += static_cast<std::uint64_t>(put);
    }
    return {};
  }

  // --- what was there before ---

  Expected<void> use_existing(const struct stat& about) {
    file_.path_ = options_.path;
    if (S_ISREG(about.st_mode)) return use_regular(about);
    if (S_ISBLK(about.st_mode)) return use_block_device(about);
    if (S_ISCHR(about.st_mode)) return use_character_device(about);
    return refuse(S_ISDIR(about.st_mode) ? "it is a directory" : "it is neither file nor drive",
                  "name a file or block device; ASSAY_DIR names a directory for assay's own file");
  }

  Expected<void> use_regular(const struct stat& about) {
    auto fd = UniqueFd::open(options_.path, O_RDONLY);
    if (!fd) return Failure(fd.error());
    file_.fd_ = std::move(*fd);
    const Bytes there{static_cast<std::uint64_t>(about.st_size)};
    if (auto sized = choose_size(there); !sized) return sized;
    if (auto whole = refuse_holes(there); !whole) return whole;
    recognise();
    if (options_.for_writing) {
      if (auto writable = reopen_for_writing(about); !writable) return writable;
    }
    return describe(fmt::format("{}file {}", file_.made_by_us_ ? "own " : "", options_.path));
  }

  Expected<void> choose_size(Bytes there) {
    if (there.count == 0) return refuse("it is empty", "name a larger one");
    if (options_.size > there) {
      return refuse(fmt::format("too small: it has {}, {} are needed", format_bytes(there),
                                format_bytes(options_.size)),
                    "name a larger one, or give a smaller --size");
    }
    file_.size_ = options_.size.count == 0 ? there : options_.size;
    return {};
  }

  // SEEK_HOLE finds holes and, on ext4 and xfs, unwritten extents too: reading those never reaches
  // the drive and would look far too fast.
  Expected<void> refuse_holes(Bytes there) const {
    const off_t hole = ::lseek(file_.fd_.get(), 0, SEEK_HOLE);
    if (hole >= 0 && static_cast<std::uint64_t>(hole) < std::min(there, file_.size_).count) {
      return refuse(fmt::format("it is sparse: a hole at offset {} is never read from the drive",
                                static_cast<std::uint64_t>(hole)),
                    "name a file that is written throughout, or name none and assay makes its own");
    }
    return {};
  }

  // Ours when sectors at the start, the middle and the end carry our header and one seed.
  void recognise() {
    const std::uint64_t sectors = file_.size_.count / kSectorBytes;
    if (sectors == 0) return;
    std::optional<std::uint64_t> seed;
    for (const std::uint64_t sector : {std::uint64_t{0}, sectors / 2, sectors - 1}) {
      std::array<std::byte, kSectorBytes> bytes;
      const off_t at = static_cast<off_t>(sector * kSectorBytes);
      if (::pread(file_.fd_.get(), bytes.data(), bytes.size(), at) !=
          static_cast<ssize_t>(bytes.size())) {
        return;
      }
      const auto header = read_header(bytes);
      if (!header || header->offset != sector * kSectorBytes) return;
      if (seed && *seed != header->seed) return;
      seed = header->seed;
    }
    file_.made_by_us_ = true;
    file_.seed_ = *seed;
  }

  Expected<void> reopen_for_writing(const struct stat& about) {
    if (!file_.made_by_us_ && !options_.destroy_data) {
      return refuse("assay did not make this file, and writing would destroy its data",
                    fmt::format("pass --destroy-data {} if that is meant", options_.path));
    }
    // Root may write it all the same; whoever took the permission away meant it.
    if ((about.st_mode & 0222U) == 0) {
      return fail_errno(EACCES, kOperation, options_.path,
                        "the file is read-only; chmod u+w it if it may be written");
    }
    auto fd = UniqueFd::open(options_.path, O_RDWR);
    if (!fd) return Failure(fd.error());
    file_.fd_ = std::move(*fd);
    file_.writable_ = true;
    if (file_.seed_ == 0) file_.seed_ = std::random_device{}();
    return {};
  }

  Expected<void> use_block_device(const struct stat& about) {
    if (options_.for_writing && !options_.destroy_data) {
      return refuse("it is a block device, and writing would destroy its data",
                    fmt::format("pass --destroy-data {} if that is meant", options_.path));
    }
    // O_EXCL on a block device: refused while it, or a partition of it, is mounted or held.
    const int access = options_.for_writing ? O_RDWR | O_EXCL : O_RDONLY;
    auto fd = UniqueFd::open(options_.path, access);
    if (!fd && fd.error().sys_errno == EBUSY) {
      return fail_errno(EBUSY, kOperation, options_.path,
                        "it is mounted or held by another device; it will not be written");
    }
    if (!fd) return Failure(fd.error());
    file_.fd_ = std::move(*fd);
    file_.kind_ = FileKindUsed::block_device;
    // Nobody else has it, mounted or held: what is read twice must be the same.
    file_.idle_drive_ = options_.for_writing || UniqueFd::open(options_.path, O_RDONLY | O_EXCL);
    const off_t end = ::lseek(file_.fd_.get(), 0, SEEK_END);
    if (end < 0) return fail_errno(errno, "find the size", options_.path);
    if (auto sized = choose_size(Bytes{static_cast<std::uint64_t>(end)}); !sized) return sized;
    if (options_.for_writing) {
      if (auto blank = refuse_signatures(static_cast<std::uint64_t>(end)); !blank) return blank;
      file_.writable_ = true;
      file_.seed_ = std::random_device{}();
    }
    const std::string drive = note_drive(about.st_rdev);
    file_.description_ = fmt::format("block device {}{}", options_.path,
                                     drive.empty() ? "" : fmt::format(" ({})", drive));
    return {};
  }

  Expected<void> refuse_signatures(std::uint64_t size) const {
    const auto found = find_signature(file_.fd_.get(), size);
    if (!found) return Failure(found.error());
    if (found->empty()) return {};
    return fail(ErrorCode::busy, kOperation, options_.path, fmt::format("it carries {}", *found),
                "it will not be written; clear it first (wipefs) if it holds nothing of value");
  }

  Expected<void> use_character_device(const struct stat& about) {
    constexpr unsigned kMemoryMajor = 1, kNullMinor = 3, kZeroMinor = 5;  // devices.txt
    const bool memory = ::major(about.st_rdev) == kMemoryMajor;
    const bool zero = memory && ::minor(about.st_rdev) == kZeroMinor;
    const bool null = memory && ::minor(about.st_rdev) == kNullMinor;
    if (!(zero && !options_.for_writing) && !(null && options_.for_writing)) {
      return refuse("of character devices only /dev/zero can be read and /dev/null written",
                    "name a file or block device");
    }
    auto fd = UniqueFd::open(options_.path, options_.for_writing ? O_WRONLY : O_RDONLY);
    if (!fd) return Failure(fd.error());
    file_.fd_ = std::move(*fd);
    file_.kind_ = zero ? FileKindUsed::zero_device : FileKindUsed::null_device;
    file_.size_ = wanted_size();
    file_.writable_ = options_.for_writing;
    file_.description_ = fmt::format("character device {} (no drive)", options_.path);
    return {};
  }

  // The drive's name, and what its queue and the file ask of O_DIRECT. "": the host does not tell.
  std::string note_drive(dev_t device) {
    std::optional<DriveQueue> queue;
    if (options_.host != nullptr) queue = drive_queue(*options_.host, device);
    if (queue && queue->logical_block_bytes) {
      file_.direct_alignment_ = Bytes{*queue->logical_block_bytes};
    }
    if (const auto bytes = dio_alignment(file_.fd_)) file_.direct_alignment_ = Bytes{*bytes};
    file_.device_ = device;
    return queue ? queue->name : std::string();
  }

  Expected<void> describe(const std::string& what) {
    struct stat about{};
    if (::fstat(file_.fd_.get(), &about) != 0) return fail_errno(errno, "stat", file_.path_);
    const std::uint64_t magic = filesystem_magic(file_.fd_);
    file_.in_memory_ = magic == kTmpfsMagic || magic == kRamfsMagic;
    const std::string drive = note_drive(about.st_dev);
    file_.description_ = fmt::format("{} ({}{})", what, filesystem_name(magic),
                                     drive.empty() ? "" : fmt::format(" on {}", drive));
    return {};
  }

  TestFileOptions options_;
  TestFile file_;
};

Expected<std::string> TestFile::own_directory(const std::string& wanted) {
  if (!wanted.empty()) return usable_directory(wanted);
  const char* chosen = std::getenv("ASSAY_DIR");
  if (chosen != nullptr && *chosen != '\0') return usable_directory(chosen);
  const char* temporary = std::getenv("TMPDIR");
  for (const char* candidate : {"/var/tmp", temporary, "/tmp"}) {
    if (candidate == nullptr || *candidate == '\0') continue;
    if (auto good = usable_directory(candidate)) return good;
  }
  return fail(ErrorCode::denied, kOperation, "/var/tmp", "no directory can be written",
              "set ASSAY_DIR to a directory on the drive that is to be measured");
}

Expected<TestFile> TestFile::prepare(const TestFileOptions& options) {
  return TestFileMaker(options).make();
}

}  // namespace assay::engine
