// What went wrong, on what, and what to do about it.
//
// Every fallible function of assay returns Expected<T>. Exceptions do not cross a public header.
// An Error is a plain value: copyable, comparable by code, safe to hand between threads.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace assay {

// The classes of failure that a user acts on differently.
enum class ErrorCode : std::uint8_t {
  absent,       // the thing is not there (ENOENT, ENODEV, ENODATA); a probe's ordinary answer
  denied,       // it is there, this user may not (EACCES, EPERM, EROFS)
  unsupported,  // this kernel, host or build lacks it (ENOSYS, EOPNOTSUPP, ENOTTY)
  busy,         // it is in use; trying later may work (EBUSY, EAGAIN, ETXTBSY)
  invalid,      // the input is wrong: the message says where and what was expected (EINVAL)
  exhausted,    // no room, memory, descriptors or quota left (ENOSPC, ENOMEM, EMFILE, EDQUOT)
  interrupted,  // the user asked us to stop (Ctrl-C)
  io,           // everything else that the kernel or a device answered
};

// "absent", "denied", ...: stable words, used in JSON.
std::string_view to_string(ErrorCode code);
// The code that a word names, or nothing: to_string() backwards, for captures and certificates.
std::optional<ErrorCode> error_code_from_string(std::string_view word);

struct Error {
  ErrorCode code = ErrorCode::io;
  std::string operation;  // what was tried: "read", "io_uring_setup", "parse profile"
  std::string subject;    // on what: a path, a device, "file.yaml:3:7"; may be empty
  std::string cause;      // why it failed, in words: strerror's, or a parser's
  std::string advice;     // what to do next; may be empty
  int sys_errno = 0;      // the errno behind it, 0 when there is none

  // "open /dev/sda: Permission denied; run as root". One line, no trailing full stop.
  std::string message() const;
};

template <typename T>
using Expected = std::expected<T, Error>;
using Failure = std::unexpected<Error>;

// The one place where an errno becomes an ErrorCode.
ErrorCode code_from_errno(int sys_errno);

// Makes an Error from an errno; `advice` may be empty.
Error errno_error(int sys_errno, std::string_view operation, std::string_view subject = {},
                  std::string_view advice = {});

// Makes an Error that has no errno behind it.
Error make_error(ErrorCode code, std::string_view operation, std::string_view subject,
                 std::string_view cause, std::string_view advice = {});

// Shorthands for `return fail(...)` from a function that returns Expected<T>.
Failure fail_errno(int sys_errno, std::string_view operation, std::string_view subject = {},
                   std::string_view advice = {});
Failure fail(ErrorCode code, std::string_view operation, std::string_view subject,
             std::string_view cause, std::string_view advice = {});

}  // namespace assay
