#include <fmt/format.h>

#include <string_view>

#include "core/capture_archive.hpp"
#include "core/libarchive.hpp"
#include "core/path_walk.hpp"
#include "core/replay_host.hpp"

namespace assay {
namespace {

struct FreeWriter {
  const LibArchive* library;
  void operator()(archive* writer) const { library->archive_write_free(writer); }
};
struct FreeEntry {
  const LibArchive* library;
  void operator()(archive_entry* entry) const { library->archive_entry_free(entry); }
};
using Entry = std::unique_ptr<archive_entry, FreeEntry>;

Failure archive_failure(const LibArchive& library, archive* writer) {
  const char* words = library.archive_error_string(writer);
  return fail(ErrorCode::io, "pack", "capture", words == nullptr ? "libarchive failed" : words);
}

la_ssize_t append(archive*, void* bytes, const void* data, size_t size) {
  static_cast<std::string*>(bytes)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

// From the folder of `path` to an absolute target, or to a relative one that climbs too high or
// turns back on its way: what unpack_capture() would refuse.
std::string relative_target(const std::string& path, const std::string& target) {
  std::vector<std::string> at;
  for (const auto part : path_walk::components(path)) at.emplace_back(part);
  if (!at.empty()) at.pop_back();
  const std::size_t depth = at.size();
  if (target.starts_with('/')) at.clear();
  for (const auto part : path_walk::components(target)) {
    if (part != "..") {
      at.emplace_back(part);
    } else if (!at.empty()) {
      at.pop_back();
    }
  }
  std::string result;
  for (std::size_t i = 0; i < depth; ++i) result += "../";
  const std::string absolute = path_walk::join(at);
  result += absolute.substr(1);
  return result.empty() ? "." : result;
}

bool is_plain_target(const std::string& target) {
  if (target.empty() || target.starts_with('/')) return false;
  bool down = false;
  for (const auto part : path_walk::components(target)) {
    if (part == ".." && down) return false;
    down = down || part != "..";
  }
  return true;
}

std::string target_of(const std::string& path, const std::string& target) {
  const auto parts = path_walk::components(target);
  std::size_t climbs = 0;
  while (climbs < parts.size() && parts[climbs] == "..") ++climbs;
  const bool inside = climbs < path_walk::components(path).size();
  return is_plain_target(target) && inside ? target : relative_target(path, target);
}

Expected<void> add(const LibArchive& library, archive* writer, const std::string& path,
                   const CaptureNode& node) {
  const Entry entry(library.archive_entry_new(), FreeEntry{&library});
  if (!entry) return fail(ErrorCode::exhausted, "pack", path, "no memory");
  // Names go in as the bytes they are: a kernel's names have no encoding.
  library.archive_entry_set_pathname(entry.get(), path.c_str() + 1);
  library.archive_entry_set_mtime(entry.get(), 0, 0);
  if (node.kind == FileKind::directory) {
    library.archive_entry_set_mode(entry.get(), AE_IFDIR | 0755U);
  } else if (node.kind == FileKind::symlink) {
    library.archive_entry_set_mode(entry.get(), AE_IFLNK | 0777U);
    library.archive_entry_set_symlink(entry.get(), target_of(path, node.content).c_str());
  } else {
    library.archive_entry_set_mode(entry.get(), AE_IFREG | 0644U);
    library.archive_entry_set_size(entry.get(), static_cast<la_int64_t>(node.content.size()));
  }
  if (library.archive_write_header(writer, entry.get()) != ARCHIVE_OK)
    return archive_failure(library, writer);
  if (node.kind != FileKind::regular || node.content.empty()) return {};
  const la_ssize_t written =
      library.archive_write_data(writer, node.content.data(), node.content.size());
  if (written != static_cast<la_ssize_t>(node.content.size()))
    return archive_failure(library, writer);
  return {};
}

}  // namespace

Expected<std::string> pack_capture(const CaptureTree& tree) {
  const auto loaded = libarchive();
  if (!loaded) return Failure(loaded.error());
  const LibArchive& library = **loaded;
  std::string bytes;
  const std::unique_ptr<archive, FreeWriter> writer(library.archive_write_new(),
                                                    FreeWriter{&library});
  if (!writer) return fail(ErrorCode::exhausted, "pack", "capture", "no memory");
  archive* const raw = writer.get();
  // GNU's tar keeps names as bytes, where pax would ask the locale about them.
  if (library.archive_write_set_format_gnutar(raw) != ARCHIVE_OK ||
      library.archive_write_add_filter_zstd(raw) != ARCHIVE_OK ||
      library.archive_write_set_filter_option(raw, "zstd", "compression-level", "19") !=
          ARCHIVE_OK ||
      library.archive_write_set_bytes_per_block(raw, 0) != ARCHIVE_OK ||
      library.archive_write_open(raw, &bytes, nullptr, append, nullptr) != ARCHIVE_OK) {
    return archive_failure(library, raw);
  }
  const CaptureNode replies{FileKind::regular, format_capture_replies(tree.replies), true};
  if (auto added = add(library, raw, std::string("/") + kCaptureReplies, replies); !added) {
    return Failure(added.error());
  }
  for (const auto& [path, node] : tree.nodes) {
    if (path == "/") continue;
    if (auto added = add(library, raw, path, node); !added) return Failure(added.error());
  }
  if (library.archive_write_close(raw) != ARCHIVE_OK) return archive_failure(library, raw);
  return bytes;
}

}  // namespace assay
