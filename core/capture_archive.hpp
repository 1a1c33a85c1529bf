// Captures as one file: tar, compressed with zstd.
//
// Writing is deterministic: equal trees give equal bytes (names sorted, no times, owners or modes
// of the machine). Reading trusts nothing: an archive may come from anybody.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/capture_tree.hpp"
#include "core/error.hpp"
#include "core/host.hpp"
#include "core/units.hpp"

namespace assay {

// What an archive may hold. A host with 256 CPUs takes some 20,000 members and 1 MiB.
struct ArchiveLimits {
  std::size_t members = 400'000;
  Bytes one_file{64ULL << 20};  // the longest file that a probe reads
  Bytes all_files{256ULL << 20};
  std::size_t depth = 64;  // folders above a member
};

// The archive's bytes, with the replies as the member assay-capture.json. Symlinks with absolute
// targets become relative ones to the same place. Error: io or exhausted, from the compressor.
Expected<std::string> pack_capture(const CaptureTree& tree);

// Reads an archive (zstd, bzip2, gzip, xz or plain tar) into memory; nothing of it ever becomes a
// file here. Members that all stand below one folder, as archives of other tools have it, are
// counted from there. Refused with invalid, naming the member: absolute names, "..", hard links,
// devices, FIFOs, symlinks whose target is absolute or climbs out, what stands below something that
// is no folder, a name twice, and whatever exceeds the limits. Errors: also absent and denied.
Expected<CaptureTree> unpack_capture(const std::string& archive, const ArchiveLimits& limits = {});

// A capture by its name: a directory is replayed where it stands (core/replay_host.hpp), an archive
// from memory. Errors: those of open_replay_host() and unpack_capture().
Expected<std::unique_ptr<Host>> open_capture(const std::string& path);

}  // namespace assay
