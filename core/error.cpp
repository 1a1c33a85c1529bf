#include "core/error.hpp"

#include <cerrno>
#include <system_error>

namespace assay {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::absent:
      return "absent";
    case ErrorCode::denied:
      return "denied";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::busy:
      return "busy";
    case ErrorCode::invalid:
      return "invalid";
    case ErrorCode::exhausted:
      return "exhausted";
    case ErrorCode::interrupted:
      return "interrupted";
    case ErrorCode::io:
      return "io";
  }
  return "io";
}

std::optional<ErrorCode> error_code_from_string(std::string_view word) {
  for (const ErrorCode code :
       {ErrorCode::absent, ErrorCode::denied, ErrorCode::unsupported, ErrorCode::busy,
        ErrorCode::invalid, ErrorCode::exhausted, ErrorCode::interrupted, ErrorCode::io}) {
    if (to_string(code) == word) return code;
  }
  return std::nullopt;
}

std::string Error::message() const {
  std::string text = operation;
  if (!subject.empty()) {
    if (!text.empty()) text += ' ';
    text += subject;
  }
  if (!cause.empty()) {
    if (!text.empty()) text += ": ";
    text += cause;
  }
  if (!advice.empty()) {
    if (!text.empty()) text += "; ";
    text += advice;
  }
  return text;
}

ErrorCode code_from_errno(int sys_errno) {
  switch (sys_errno) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ESRCH:
    case ENODATA:  // a sysfs sensor or limit that has nothing to say
    case ENOMEDIUM:
    case ENOTDIR:  // a component of the path is a file: the thing below it is not there
      return ErrorCode::absent;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::denied;
    case ENOSYS:
    case EOPNOTSUPP:
    case ENOTTY:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ENOPROTOOPT:
      return ErrorCode::unsupported;
    case EBUSY:
    case EAGAIN:
    case ETXTBSY:
    case EADDRINUSE:
    case EDEADLK:
      return ErrorCode::busy;
    case EINVAL:
    case ERANGE:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EDOM:
    case EBADF:
    case EFAULT:
    case EEXIST:
    case E2BIG:
    case EOVERFLOW:
      return ErrorCode::invalid;
    case ENOSPC:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EDQUOT:
    case ENOBUFS:
    case EFBIG:
      return ErrorCode::exhausted;
    case EINTR:
    case ECANCELED:
      return ErrorCode::interrupted;
    default:
      return ErrorCode::io;
  }
}

Error errno_error(int sys_errno, std::string_view operation, std::string_view subject,
                  std::string_view advice) {
  // generic_category() is thread-safe where strerror() need not be.
  return Error{code_from_errno(sys_errno), std::string(operation),
               std::string(subject),       std::generic_category().message(sys_errno),
               std::string(advice),        sys_errno};
}

Error make_error(ErrorCode code, std::string_view operation, std::string_view subject,
                 std::string_view cause, std::string_view advice) {
  return Error{
      code, std::string(operation), std::string(subject), std::string(cause), std::string(advice),
      0};
}

Failure fail_errno(int sys_errno, std::string_view operation, std::string_view subject,
                   std::string_view advice) {
  return Failure(errno_error(sys_errno, operation, subject, advice));
}

Failure fail(ErrorCode code, std::string_view operation, std::string_view subject,
             std::string_view cause, std::string_view advice) {
  return Failure(make_error(code, operation, subject, cause, advice));
}

}  // namespace assay
