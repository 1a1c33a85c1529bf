// The file that storage and copy techniques work on: incompressible, checksummed, made by assay.
//
// Every 4 KiB sector starts with a header (magic, seed, its own offset, generation, checksums), so
// that any read can be checked and a file can be told to be ours. A file of our own making is
// unlinked as soon as it is open (O_TMPFILE where the filesystem has it): nothing is left behind,
// however the process ends. What assay did not make is opened read-only, and written only with
// `destroy_data`; a block device then also has to be free of mounts, holders and signatures.
// /dev/zero (reads) and /dev/null (writes) are allowed: they show the engine with no device behind.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "core/host.hpp"
#include "core/units.hpp"
#include "engine/test_data.hpp"

namespace assay::engine {

struct TestFileOptions {
  std::string path;       // an existing file or device to use; empty: make one in `directory`
  std::string directory;  // where to make one; empty: ASSAY_DIR, else /var/tmp, else the temporary
                          // directory
  Bytes size{64ULL << 20};  // to make, or to use of what `path` names; 0: all of it
  bool for_writing = false;
  bool destroy_data = false;   // `path` may be written though assay did not make it
  bool keep = false;           // make a file at `path` when there is none, and leave it there
  const Host* host = nullptr;  // to name the drive and read its block size; may be absent
  std::function<bool(Bytes done, Bytes total)> progress;  // false: stop (Ctrl-C)
};

enum class FileKindUsed : std::uint8_t { regular, block_device, zero_device, null_device };

class TestFile {
 public:
  // Opens or makes it. Errors: absent, denied, exhausted (names the room needed and there),
  // interrupted, invalid (too small, a sparse file, a file or block device that assay did not make
  // given for writing: says --destroy-data), busy (a block device that is mounted or held).
  static Expected<TestFile> prepare(const TestFileOptions& options);

  // Where a file of assay's own is made: `wanted` if it is given, else ASSAY_DIR, else /var/tmp,
  // else the temporary directory. Error: denied or absent, when it cannot be written.
  static Expected<std::string> own_directory(const std::string& wanted);

  // A fresh open file description, with O_DIRECT when asked. Error: unsupported (tmpfs, say).
  Expected<UniqueFd> open(bool for_writing, bool direct) const;

  Bytes size() const { return size_; }
  bool made_by_us() const { return made_by_us_; }
  bool is_block_device() const { return kind_ == FileKindUsed::block_device; }
  // No page cache and no data of its own: /dev/zero or /dev/null.
  bool is_character_device() const {
    return kind_ == FileKindUsed::zero_device || kind_ == FileKindUsed::null_device;
  }
  FileKindUsed kind() const { return kind_; }
  // A drive that nobody had mounted or held when it was opened.
  bool is_idle_drive() const { return idle_drive_; }
  bool writable() const { return writable_; }
  // Of the block device that it is or lies on; 0 for a character device.
  dev_t device() const { return device_; }
  // Of offsets and memory for O_DIRECT: statx(2) STATX_DIOALIGN, else the queue's logical block
  // size, else 4096.
  Bytes direct_alignment() const { return direct_alignment_; }
  // What was named or made; of a file without a name, the directory that it lies in.
  const std::string& path() const { return path_; }
  // "own file in /var/tmp (ext4 on vda)"
  const std::string& description() const { return description_; }
  std::uint64_t seed() const { return seed_; }
  Bytes written() const { return written_; }  // by prepare()

  // For whoever takes the drive from the kernel for a while: closes it, and opens it again as
  // the block device `path`, which may have got another name. Errors: those of open(2); invalid,
  // when it has become smaller.
  void let_go() { fd_.reset(); }
  Expected<void> come_back(const std::string& path);

  // Whether every sector still carries its checksums: true for a file made by assay until writes
  // smaller than a sector went into it.
  bool checksummed() const { return made_by_us_ && !torn_; }
  void note_partial_writes() { torn_ = true; }

  // Fills one sector-aligned buffer as it stands at `offset` in generation `generation`.
  static void fill(std::span<std::byte> buffer, std::uint64_t offset, std::uint64_t seed,
                   std::uint32_t generation);
  // Checks a buffer of whole sectors that was read at `offset`. Error: io with the first wrong one.
  static Expected<void> verify(std::span<const std::byte> buffer, std::uint64_t offset,
                               std::uint64_t seed);

  // Page cache of [0, size): how many pages are in, make them in, put them out. (cachestat(2) or
  // mincore(2); posix_fadvise(2) after fdatasync.) warm and evict verify what they did. Errors:
  // exhausted (does not fit in memory), busy (something keeps pages in), io.
  Expected<std::uint64_t> cached_pages() const;
  std::uint64_t total_pages() const;
  Expected<void> warm() const;
  Expected<void> evict() const;
  // Keeps the pages in the cache until the mapping goes (mlock(2)). An empty mapping when the
  // memlock limit forbids it, for a file without pages, or for one so large (over 1 GiB) that the
  // rest of the host might miss the memory.
  Mapping lock_pages() const;

 private:
  friend class TestFileMaker;
  Expected<void> read_all() const;

  UniqueFd fd_;
  std::string path_, description_;
  Bytes size_, direct_alignment_{4096}, written_;
  FileKindUsed kind_ = FileKindUsed::regular;
  bool made_by_us_ = false, writable_ = false, in_memory_ = false, torn_ = false;
  bool idle_drive_ = false;
  std::uint64_t seed_ = 0;
  dev_t device_ = 0;
};

}  // namespace assay::engine
