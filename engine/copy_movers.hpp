// How a chunk gets from a file into a socket or another file: the read-and-write loop, and the
// calls that move it inside the kernel. Internal to the engine.
//
// A mover is used by one thread. What the kernel refuses goes through the loop instead and is
// counted apart: a program that falls back without a word looks just the same from outside.
#pragma once

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/fd.hpp"

namespace assay::engine {

// What one move of a chunk did.
struct Moved {
  std::uint64_t bytes = 0;
  unsigned calls = 0, shorts = 0;
  int error = 0;  // 0: all of it was handed over
};

// Where a chunk comes from and goes to. In a file it goes to the offset that it came from.
struct CopyEnds {
  int in = -1, out = -1;
  bool to_file = false;  // else a socket
};

// pread into a buffer and write from it, as often as it takes.
class ReadWriteMover final {
 public:
  ReadWriteMover(const CopyEnds& ends, std::size_t buffer) : ends_(ends), buffer_(buffer) {}

  Moved move(std::uint64_t offset, std::size_t size) {
    Moved moved;
    while (moved.bytes < size) {
      const std::size_t part = std::min(buffer_.size(), size - moved.bytes);
      const auto at = static_cast<off_t>(offset + moved.bytes);
      const ssize_t got = ::pread(ends_.in, buffer_.data(), part, at);
      ++moved.calls;
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return stopped(moved, got == 0 ? EIO : errno);
      if (static_cast<std::size_t>(got) < part) ++moved.shorts;
      if (!put_all(static_cast<std::size_t>(got), at, moved)) return stopped(moved, errno);
      moved.bytes += static_cast<std::size_t>(got);
    }
    bytes_ += moved.bytes;
    return moved;
  }

  std::uint64_t bytes() const { return bytes_; }
  std::size_t buffer_size() const { return buffer_.size(); }

 private:
  static Moved stopped(Moved moved, int error) {
    moved.error = error;
    return moved;
  }
  bool put_all(std::size_t size, off_t at, Moved& moved) {
    for (std::size_t done = 0; done < size;) {
      const ssize_t gone =
          ends_.to_file ? ::pwrite(ends_.out, buffer_.data() + done, size - done,
                                   at + static_cast<off_t>(done))
                        : ::send(ends_.out, buffer_.data() + done, size - done, MSG_NOSIGNAL);
      ++moved.calls;
      if (gone < 0 && errno == EINTR) continue;
      if (gone <= 0) return false;
      done += static_cast<std::size_t>(gone);
      if (done < size) ++moved.shorts;
    }
    return true;
  }

  CopyEnds ends_;
  std::vector<std::byte> buffer_;
  std::uint64_t bytes_ = 0;
};

// A chunk inside the kernel. `Call` has
//   static constexpr std::string_view kName;
//   ssize_t operator()(const CopyEnds&, std::uint64_t offset, std::size_t size, Moved&)
// which moves some of it and counts its system calls, or answers -1 and sets errno.
template <typename Call>
class KernelMover final {
 public:
  KernelMover(const CopyEnds& ends, std::size_t fallback_buffer, bool refuse, Call call = {})
      : ends_(ends), refuse_(refuse), call_(std::move(call)), fallback_(ends, fallback_buffer) {}

  Moved move(std::uint64_t offset, std::size_t size) {
    Moved moved;
    while (moved.bytes < size) {
      const ssize_t gone = some(offset + moved.bytes, size - moved.bytes, moved);
      if (gone < 0 && errno == EINTR) continue;
      if (gone < 0 && refused(errno)) {
        bytes_ += moved.bytes;
        Moved rest = fallback_.move(offset + moved.bytes, size - moved.bytes);
        rest.bytes += moved.bytes;
        rest.calls += moved.calls;
        return rest;
      }
      if (gone <= 0) {
        moved.error = gone == 0 ? EIO : errno;
        break;
      }
      moved.bytes += static_cast<std::size_t>(gone);
      if (moved.bytes < size) ++moved.shorts;
    }
    bytes_ += moved.bytes;
    return moved;
  }

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t fallback_bytes() const { return fallback_.bytes(); }
  static constexpr std::string_view name() { return Call::kName; }

 private:
  // Files or kernels that cannot, as opposed to a transfer that failed.
  static bool refused(int error) {
    return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EXDEV;
  }
  ssize_t some(std::uint64_t offset, std::size_t size, Moved& moved) {
    if (!refuse_) return call_(ends_, offset, size, moved);
    ++moved.calls;
    errno = EINVAL;
    return -1;
  }

  CopyEnds ends_;
  bool refuse_;
  Call call_;
  ReadWriteMover fallback_;
  std::uint64_t bytes_ = 0;
};

// sendfile(2). A file as target has its position set first: the call knows no offset there.
struct SendfileCall {
  static constexpr std::string_view kName = "sendfile";
  ssize_t operator()(const CopyEnds& ends, std::uint64_t offset, std::size_t size, Moved& moved) {
    off_t at = static_cast<off_t>(offset);
    if (ends.to_file) {
      ++moved.calls;
      if (::lseek(ends.out, at, SEEK_SET) < 0) return -1;
    }
    ++moved.calls;
    return ::sendfile(ends.out, ends.in, &at, size);
  }
};

// splice(2): file to pipe, pipe to target. The pipe holds references to pages, not bytes.
class SpliceCall final {
 public:
  static constexpr std::string_view kName = "splice";
  // Both ends of one pipe.
  SpliceCall(UniqueFd read_end, UniqueFd write_end)
      : pipe_out_(std::move(read_end)), pipe_in_(std::move(write_end)) {}

  ssize_t operator()(const CopyEnds& ends, std::uint64_t offset, std::size_t size, Moved& moved) {
    off64_t from = static_cast<off64_t>(offset), to = from;
    ++moved.calls;
    const ssize_t in = ::splice(ends.in, &from, pipe_in_.get(), nullptr, size, SPLICE_F_MOVE);
    if (in <= 0) return in;
    for (ssize_t out = 0; out < in;) {
      // More of this chunk follows: TCP need not send a half-filled segment.
      const bool more = static_cast<std::size_t>(in) < size;
      ++moved.calls;
      const ssize_t gone =
          ::splice(pipe_out_.get(), nullptr, ends.out, ends.to_file ? &to : nullptr,
                   static_cast<std::size_t>(in - out), SPLICE_F_MOVE | (more ? SPLICE_F_MORE : 0U));
      if (gone < 0 && errno == EINTR) continue;
      // What is left in the pipe cannot be taken back: no fallback from here.
      if (gone <= 0) {
        if (gone == 0 || errno == EINVAL) errno = EIO;
        return -1;
      }
      out += gone;
    }
    return in;
  }

 private:
  UniqueFd pipe_out_, pipe_in_;
};

// copy_file_range(2): between files; the filesystem may share the blocks instead of copying them.
struct CopyFileRangeCall {
  static constexpr std::string_view kName = "copy_file_range";
  ssize_t operator()(const CopyEnds& ends, std::uint64_t offset, std::size_t size, Moved& moved) {
    off64_t from = static_cast<off64_t>(offset), to = from;
    ++moved.calls;
    return ::copy_file_range(ends.in, &from, ends.out, &to, size, 0U);
  }
};

}  // namespace assay::engine
