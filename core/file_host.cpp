#include "core/file_host.hpp"

#include <fcntl.h>

#include <string>

#include "core/fd.hpp"
#include "core/file_io.hpp"

namespace assay {
namespace {

class FileHost final : public Host {
 public:
  Expected<std::string> read(std::string_view path, Bytes limit) const override {
    if (auto good = file_io::check_path("read", path); !good) return Failure(good.error());
    const auto what = file_io::status_at(AT_FDCWD, std::string(path), path);
    if (!what) return Failure(what.error());
    if (what->kind != FileKind::regular && what->kind != FileKind::symlink) {
      return fail(ErrorCode::invalid, "read", path, "not a regular file");
    }
    auto fd = file_io::open_at(AT_FDCWD, std::string(path), O_RDONLY | O_NONBLOCK, path);
    if (!fd) return Failure(fd.error());
    return file_io::read_all(*fd, limit, path);
  }

  Expected<std::vector<std::string>> list(std::string_view path) const override {
    if (auto good = file_io::check_path("list", path); !good) return Failure(good.error());
    auto fd = file_io::open_at(AT_FDCWD, std::string(path), O_RDONLY | O_DIRECTORY, path);
    if (!fd) return Failure(fd.error());
    return file_io::list_names(std::move(*fd), path);
  }

  Expected<std::string> read_link(std::string_view path) const override {
    if (auto good = file_io::check_path("read link", path); !good) return Failure(good.error());
    return file_io::read_link_at(AT_FDCWD, std::string(path), path);
  }

  Expected<std::string> resolve(std::string_view path) const override {
    if (auto good = file_io::check_path("resolve", path); !good) return Failure(good.error());
    auto fd = file_io::open_at(AT_FDCWD, std::string(path), O_PATH, path);
    if (!fd) return Failure(fd.error());
    return file_io::read_link_at(AT_FDCWD, "/proc/self/fd/" + std::to_string(fd->get()), path);
  }

  Expected<FileStatus> status(std::string_view path) const override {
    if (auto good = file_io::check_path("stat", path); !good) return Failure(good.error());
    return file_io::status_at(AT_FDCWD, std::string(path), path);
  }

  Expected<Reply> ask(const Query& query) const override { return files_only(query.kind); }
  Expected<void> write(std::string_view path, std::string_view) override {
    return files_only(path);
  }
  Expected<void> replace_file(std::string_view path, std::string_view, std::uint32_t) override {
    return files_only(path);
  }
  Expected<void> remove_file(std::string_view path) override { return files_only(path); }
  Expected<void> make_directory(std::string_view path, std::uint32_t) override {
    return files_only(path);
  }
  Expected<void> change(const Query& request, const Reply&) override {
    return files_only(request.kind);
  }
  Expected<RunResult> run(const std::vector<std::string>& argv) override {
    return files_only(argv.empty() ? std::string_view() : std::string_view(argv.front()));
  }
  bool is_this_system() const override { return true; }
  std::string root() const override { return "/"; }

 private:
  static Failure files_only(std::string_view subject) {
    return fail(ErrorCode::unsupported, "ask this host", subject,
                "this program reads the host's files only");
  }
};

}  // namespace

std::unique_ptr<Host> make_file_host() { return std::make_unique<FileHost>(); }

}  // namespace assay
