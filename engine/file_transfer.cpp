#include "engine/file_transfer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace assay::engine {
namespace {

constexpr std::string_view kTransferOperation = "transfer a file";

Expected<struct stat> regular_file(const UniqueFd& file, const std::string& path) {
  struct stat about{};
  if (::fstat(file.get(), &about) != 0) return fail_errno(errno, kTransferOperation, path);
  if (!S_ISREG(about.st_mode)) {
    return fail(ErrorCode::invalid, kTransferOperation, path, "it is no regular file");
  }
  return about;
}

Expected<void> check_target(const std::string& to, const struct stat& source, bool replace) {
  struct stat there{};
  if (::lstat(to.c_str(), &there) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno(errno, kTransferOperation, to);
  }
  if (there.st_ino == source.st_ino && there.st_dev == source.st_dev) {
    return fail(ErrorCode::invalid, kTransferOperation, to, "source and target are one file");
  }
  if (!S_ISREG(there.st_mode)) {
    return fail(ErrorCode::invalid, kTransferOperation, to,
                "something that is no file has this name");
  }
  if (replace) return {};
  return fail(ErrorCode::busy, kTransferOperation, to, "it exists",
              "give another name, or replace it");
}

// Never through a link that somebody put there.
Expected<UniqueFd> open_own(const std::string& path) {
  return UniqueFd::open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
}

Expected<void> give_name(const std::string& part, const std::string& to, bool replace) {
  const unsigned flags = replace ? 0U : RENAME_NOREPLACE;
  int renamed = ::renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, to.c_str(), flags);
  // Some filesystems cannot look and rename in one step; it was looked at before.
  if (renamed != 0 && errno == EINVAL && !replace) renamed = ::rename(part.c_str(), to.c_str());
  if (renamed != 0) return fail_errno(errno, kTransferOperation, to);
  return {};
}

}  // namespace

Expected<TransferReport> transfer_file(const Host& host, const std::string& from,
                                       const std::string& to, const TransferOptions& options) {
  if (auto good = check_transfer_options(options); !good) return std::unexpected(good.error());
  auto source = UniqueFd::open(from, O_RDONLY);
  if (!source) return std::unexpected(source.error());
  const auto about = regular_file(*source, from);
  if (!about) return std::unexpected(about.error());
  if (auto good = check_target(to, *about, options.replace); !good) {
    return std::unexpected(good.error());
  }
  const std::string part = to + ".assay-part", state_path = to + ".assay-state";
  auto state_file = open_own(state_path);
  if (!state_file) return std::unexpected(state_file.error());
  const auto identity = TransferSource::of(*source, options.chunk);
  if (!identity) return std::unexpected(identity.error());
  auto state = TransferState::open(std::move(*state_file), *identity);
  if (!state) return std::unexpected(state.error());
  auto target = open_own(part);
  if (!target) return std::unexpected(target.error());
  if (auto good = regular_file(*target, part); !good) return std::unexpected(good.error());
  // Its final size at once: a longer one is left from another source.
  if (::ftruncate(target->get(), about->st_size) != 0)
    return fail_errno(errno, kTransferOperation, part);
  auto report = transfer_chunks(host, *source, *target, *state, options);
  if (!report) return report;
  if (::fchmod(target->get(), about->st_mode & 0777) != 0) {
    return fail_errno(errno, kTransferOperation, part);
  }
  if (options.sync && ::fdatasync(target->get()) != 0) return fail_errno(errno, "fdatasync", part);
  if (auto named = give_name(part, to, options.replace); !named) {
    return std::unexpected(named.error());
  }
  ::unlink(state_path.c_str());
  return report;
}

}  // namespace assay::engine
