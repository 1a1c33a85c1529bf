#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "core/capture_archive.hpp"
#include "core/fd.hpp"
#include "core/libarchive.hpp"
#include "core/replay_host.hpp"

namespace assay {
namespace {

struct FreeReader {
  const LibArchive* library;
  void operator()(archive* reader) const { library->archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, FreeReader>;

Failure refuse(std::string_view member, std::string_view cause) {
  return fail(ErrorCode::invalid, "unpack", member, cause);
}

// A name's parts. Absolute names, "..", and what no host's path looks like are refused.
Expected<std::vector<std::string>> parts_of(const char* name, const ArchiveLimits& limits) {
  if (name == nullptr) return refuse("a member", "its name cannot be read");
  std::string_view rest = name;
  constexpr std::size_t kPathMax = 4096;
  if (rest.size() >= kPathMax) return refuse(rest.substr(0, 80), "its name is too long");
  if (rest.starts_with('/')) return refuse(name, "its name is absolute");
  std::vector<std::string> parts;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return refuse(name, "its name holds \"..\"");
    if (part.size() > 255) return refuse(name, "a part of its name is too long");
    parts.emplace_back(part);
  }
  if (parts.size() > limits.depth) return refuse(name, "it stands too deep");
  return parts;
}

// ".." may only lead, and no further than to the top: then no chain of links climbs out either,
// since every folder of the tree is a real one.
Expected<void> check_target(const char* name, const char* target, std::size_t depth) {
  if (target == nullptr || *target == '\0') return refuse(name, "a symlink without target");
  std::string_view rest = target;
  if (rest.starts_with('/')) return refuse(name, "a symlink with an absolute target");
  std::size_t climbs = 0;
  bool down = false;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      down = true;
    } else if (down || ++climbs > depth) {
      return refuse(name, "a symlink that leads out of the capture");
    }
  }
  return {};
}

class Unpacker {
 public:
  Unpacker(const LibArchive& library, archive* reader, const ArchiveLimits& limits)
      : library_(library), reader_(reader), limits_(limits) {}

  Expected<CaptureTree> all() {
    std::size_t members = 0;
    archive_entry* entry = nullptr;
    while (true) {
      const int next = library_.archive_read_next_header(reader_, &entry);
      if (next == ARCHIVE_EOF) return std::move(tree_);
      if (next != ARCHIVE_OK && next != ARCHIVE_WARN) return broken("archive");
      if (++members > limits_.members) {
        return refuse("archive", fmt::format("it holds more than {} members", limits_.members));
      }
      if (auto done = one(entry); !done) return Failure(done.error());
    }
  }

 private:
  Failure broken(std::string_view subject) const {
    const char* words = library_.archive_error_string(reader_);
    return refuse(subject, words == nullptr ? "it is damaged" : words);
  }

  Expected<void> one(archive_entry* entry) {
    const char* name = library_.archive_entry_pathname(entry);
    auto parts = parts_of(name, limits_);
    if (!parts) return Failure(parts.error());
    if (library_.archive_entry_hardlink(entry) != nullptr) return refuse(name, "it is a hard link");
    const auto type = library_.archive_entry_filetype(entry);
    CaptureNode node;
    if (type == AE_IFLNK) {
      const char* target = library_.archive_entry_symlink(entry);
      const std::size_t depth = parts->empty() ? 0 : parts->size() - 1;
      if (auto good = check_target(name, target, depth); !good) return good;
      node = {FileKind::symlink, target, false};
    } else if (type == AE_IFREG) {
      auto content = content_of(name, library_.archive_entry_size(entry));
      if (!content) return Failure(content.error());
      node = {FileKind::regular, *std::move(content), true};
    } else if (type != AE_IFDIR) {
      return refuse(name, "it is no file, folder or symlink");
    }
    return place(name, *parts, std::move(node));
  }

  // Every folder above must be one: a member cannot use a link that an earlier member planted.
  Expected<void> place(const char* name, const std::vector<std::string>& parts, CaptureNode node) {
    const bool folder = node.kind == FileKind::directory;
    if (parts.empty()) {
      return folder ? Expected<void>() : refuse(name, "it has the name of the top folder");
    }
    std::string path;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      path += "/" + parts[i];
      const auto [above, made] = tree_.nodes.try_emplace(path);
      if (above->second.kind != FileKind::directory) {
        return refuse(name, "it stands below something that is no folder");
      }
    }
    path += "/" + parts.back();
    const auto [at, made] = tree_.nodes.try_emplace(path, std::move(node));
    if (made || (folder && at->second.kind == FileKind::directory)) return {};
    return refuse(name, "it stands there twice");
  }

  Expected<std::string> content_of(const char* name, la_int64_t claimed) {
    const auto too_long = [&] {
      return refuse(name,
                    fmt::format("it is longer than {}, or all together are than {}",
                                format_bytes(limits_.one_file), format_bytes(limits_.all_files)));
    };
    if (claimed < 0 || static_cast<std::uint64_t>(claimed) > limits_.one_file.count) {
      return too_long();
    }
    std::string content;
    std::array<char, 16384> buffer;
    while (true) {
      const la_ssize_t got = library_.archive_read_data(reader_, buffer.data(), buffer.size());
      if (got == 0) return content;
      if (got < 0) return broken(name);
      content.append(buffer.data(), static_cast<std::size_t>(got));
      total_ += static_cast<std::uint64_t>(got);
      if (content.size() > limits_.one_file.count || total_ > limits_.all_files.count) {
        return too_long();
      }
    }
  }

  const LibArchive& library_;
  archive* reader_;
  const ArchiveLimits& limits_;
  std::uint64_t total_ = 0;
  CaptureTree tree_;
};

// Other tools put everything below one folder that is named after the host.
CaptureTree from_the_top(CaptureTree tree) {
  if (tree.nodes.empty()) return tree;
  const std::string& first = tree.nodes.begin()->first;
  const std::string top = first.substr(0, first.find('/', 1));
  if (top == "/sys" || top == "/proc" || top == "/etc") return tree;
  const auto node = tree.nodes.find(top);
  if (node == tree.nodes.end() || node->second.kind != FileKind::directory) return tree;
  for (const auto& [path, content] : tree.nodes) {
    if (path != top && !path.starts_with(top + "/")) return tree;
  }
  if (tree.nodes.size() == 1) return tree;
  CaptureTree result;
  for (auto& [path, content] : tree.nodes) {
    if (path != top) result.nodes.emplace(path.substr(top.size()), std::move(content));
  }
  return result;
}

// The member that holds the answers becomes them.
Expected<CaptureTree> with_replies(CaptureTree tree) {
  const auto file = tree.nodes.find(std::string("/") + kCaptureReplies);
  if (file == tree.nodes.end() || file->second.kind != FileKind::regular) return tree;
  auto replies = parse_capture_replies(file->second.content);
  if (!replies) return Failure(replies.error());
  tree.replies = *std::move(replies);
  return tree;
}

}  // namespace

Expected<CaptureTree> unpack_capture(const std::string& archive_path, const ArchiveLimits& limits) {
  // Opened here, so that the errno is the kernel's and a FIFO does not hang us.
  auto source = UniqueFd::open(archive_path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!source) return Failure(source.error());
  struct stat raw{};
  if (::fstat(source->get(), &raw) != 0) return fail_errno(errno, "open", archive_path);
  if (!S_ISREG(raw.st_mode)) return refuse(archive_path, "it is neither a directory nor a file");
  const auto loaded = libarchive();
  if (!loaded) return Failure(loaded.error());
  const LibArchive& library = **loaded;
  const Reader reader(library.archive_read_new(), FreeReader{&library});
  if (!reader) return fail(ErrorCode::exhausted, "unpack", archive_path, "no memory");
  library.archive_read_support_filter_zstd(reader.get());
  library.archive_read_support_filter_bzip2(reader.get());
  library.archive_read_support_filter_gzip(reader.get());
  library.archive_read_support_filter_xz(reader.get());
  library.archive_read_support_format_tar(reader.get());
  constexpr std::size_t kBlock = 65536;
  if (library.archive_read_open_fd(reader.get(), source->get(), kBlock) != ARCHIVE_OK) {
    const char* words = library.archive_error_string(reader.get());
    return refuse(archive_path, words == nullptr ? "it is no archive" : words);
  }
  auto tree = Unpacker(library, reader.get(), limits).all();
  if (tree) tree = with_replies(from_the_top(*std::move(tree)));
  if (tree) return tree;
  Error error = tree.error();
  error.subject = archive_path + ": " + error.subject;
  return Failure(std::move(error));
}

}  // namespace assay
