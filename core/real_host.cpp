#include "core/real_host.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "core/fd.hpp"
#include "core/file_io.hpp"
#include "core/queries.hpp"
#include "core/run_program.hpp"

namespace assay {
namespace {

// sysfs and procfs hold no device nodes or FIFOs, so a file there may be opened unseen.
bool is_kernel_tree(std::string_view path) {
  return path.starts_with("/sys/") || path.starts_with("/proc/");
}

class RealHost final : public Host {
 public:
  explicit RealHost(UniqueFd root) : root_(std::move(root)) {}

  Expected<std::string> read(std::string_view path, Bytes limit) const override {
    // O_NONBLOCK: a trace pipe or a kernel log answers "busy" and does not hang us.
    auto fd = open_regular("read", path, O_RDONLY | O_NONBLOCK);
    if (!fd) return Failure(fd.error());
    return file_io::read_all(*fd, limit, path);
  }

  Expected<std::vector<std::string>> list(std::string_view path) const override {
    if (auto good = file_io::check_path("list", path); !good) return Failure(good.error());
    auto fd = file_io::open_at(root_.get(), below(path), O_RDONLY | O_DIRECTORY, path);
    if (!fd) return Failure(fd.error());
    return file_io::list_names(std::move(*fd), path);
  }

  Expected<std::string> read_link(std::string_view path) const override {
    if (auto good = file_io::check_path("read link", path); !good) return Failure(good.error());
    return file_io::read_link_at(root_.get(), below(path), path);
  }

  Expected<std::string> resolve(std::string_view path) const override {
    if (auto good = file_io::check_path("resolve", path); !good) return Failure(good.error());
    auto fd = file_io::open_at(root_.get(), below(path), O_PATH, path);
    if (!fd) return Failure(fd.error());
    // The kernel has just walked the path; asking it where we are beats a walk of our own.
    return file_io::read_link_at(root_.get(), fmt::format("proc/self/fd/{}", fd->get()), path);
  }

  Expected<FileStatus> status(std::string_view path) const override {
    if (auto good = file_io::check_path("stat", path); !good) return Failure(good.error());
    return file_io::status_at(root_.get(), below(path), path);
  }

  Expected<Reply> ask(const Query& query) const override { return answer_query(query); }

  Expected<void> write(std::string_view path, std::string_view content) override {
    auto fd = open_regular("write", path, O_WRONLY | O_NONBLOCK);
    if (!fd) return Failure(fd.error());
    return file_io::write_once(*fd, content, !is_kernel_tree(path), path);
  }

  Expected<void> replace_file(std::string_view path, std::string_view content,
                              std::uint32_t mode) override {
    auto at = parent("replace", path);
    if (!at) return Failure(at.error());
    return file_io::replace_at(at->directory.get(), at->name, content, mode, path);
  }

  Expected<void> remove_file(std::string_view path) override {
    auto at = parent("remove", path);
    if (!at) return Failure(at.error());
    return file_io::remove_at(at->directory.get(), at->name, path);
  }

  Expected<void> make_directory(std::string_view path, std::uint32_t mode) override {
    auto at = parent("make directory", path);
    if (!at) return Failure(at.error());
    return file_io::make_directory_at(at->directory.get(), at->name, mode, path);
  }

  Expected<void> change(const Query& request, const Reply& values) override {
    return change_by_query(request, values);
  }

  Expected<RunResult> run(const std::vector<std::string>& argv) override {
    return run_allowed_program(argv);
  }

  bool is_this_system() const override { return true; }
  std::string root() const override { return "/"; }

 private:
  struct Place {
    UniqueFd directory;
    std::string name;
  };

  // The path relative to the root's descriptor.
  static std::string below(std::string_view path) {
    const std::size_t start = path.find_first_not_of('/');
    return start == std::string_view::npos ? "." : std::string(path.substr(start));
  }

  // Opens what stat(2) says is a regular file: opening a device alone can act (a watchdog starts).
  Expected<UniqueFd> open_regular(std::string_view operation, std::string_view path,
                                  int flags) const {
    if (auto good = file_io::check_path(operation, path); !good) return Failure(good.error());
    const std::string name = below(path);
    if (!is_kernel_tree(path)) {
      struct stat raw{};
      if (::fstatat(root_.get(), name.c_str(), &raw, 0) != 0) {
        return fail_errno(errno, operation, path);
      }
      if (S_ISDIR(raw.st_mode)) return fail_errno(EISDIR, operation, path);
      if (!S_ISREG(raw.st_mode)) {
        return fail(ErrorCode::invalid, operation, path, "it is not a regular file");
      }
    }
    return file_io::open_at(root_.get(), name, flags | O_NOCTTY, path);
  }

  // The directory that holds the path's last component, and that component.
  Expected<Place> parent(std::string_view operation, std::string_view path) const {
    if (auto good = file_io::check_path(operation, path); !good) return Failure(good.error());
    const std::size_t slash = path.rfind('/');
    const std::string_view name = path.substr(slash + 1);
    if (name.empty() || name == "." || name == "..") {
      return fail(ErrorCode::invalid, operation, path, "expected a path that ends in a name");
    }
    auto fd =
        file_io::open_at(root_.get(), below(path.substr(0, slash)), O_PATH | O_DIRECTORY, path);
    if (!fd) return Failure(fd.error());
    return Place{std::move(*fd), std::string(name)};
  }

  UniqueFd root_;
};

}  // namespace

std::unique_ptr<Host> make_real_host() {
  // "/" can always be opened as a path; should that fail, every later call says so with EBADF.
  return std::make_unique<RealHost>(UniqueFd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)));
}

}  // namespace assay
