#include <fcntl.h>
#include <fmt/format.h>
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "core/cpuset.hpp"
#include "core/fd.hpp"
#include "core/file_io.hpp"
#include "core/queries_internal.hpp"

namespace assay::queries {
namespace {

// The sysctl is the usual reason for a refusal, so the message says what it is set to.
std::string refusal_advice(int sys_errno) {
  if (sys_errno == ENOMEM) {
    return "the memlock limit is too low (ulimit -l); raise it, or run as root";
  }
  if (sys_errno == ENOSYS) return "this kernel was built without io_uring";
  if (sys_errno != EPERM && sys_errno != EACCES) return {};
  auto fd = UniqueFd::open("/proc/sys/kernel/io_uring_disabled", O_RDONLY);
  if (fd) {
    auto text = file_io::read_all(*fd, Bytes{64}, "/proc/sys/kernel/io_uring_disabled");
    auto value = text ? parse_uint(*text) : Expected<std::uint64_t>(0);
    if (value && *value != 0) {
      return fmt::format("kernel.io_uring_disabled is {}; set it to 0 or run `assay tune`", *value);
    }
  }
  return "a seccomp filter (of a container, say) may forbid it";
}

}  // namespace

Expected<Reply> io_uring_probe(std::string_view) {
  io_uring_params parameters{};
  // One entry: the smallest ring there is, never used.
  UniqueFd ring(static_cast<int>(::syscall(SYS_io_uring_setup, 1, &parameters)));
  if (!ring) {
    const int reason = errno;
    return fail_errno(reason, "io_uring_setup", "", refusal_advice(reason));
  }
  // struct io_uring_probe ends in an array without a length: give it room for every opcode.
  constexpr unsigned kOpsMax = 256;
  constexpr std::size_t kSize = sizeof(::io_uring_probe) + kOpsMax * sizeof(::io_uring_probe_op);
  alignas(::io_uring_probe) std::array<std::byte, kSize> room{};
  auto* probe = reinterpret_cast<::io_uring_probe*>(room.data());
  if (::syscall(SYS_io_uring_register, ring.get(), IORING_REGISTER_PROBE, probe, kOpsMax) < 0) {
    return fail_errno(errno, "io_uring_register probe", "",
                      "kernels before 5.6 do not list their operations");
  }
  CpuSet supported;  // a set of numbers in the same notation
  for (unsigned i = 0; i < probe->ops_len; ++i) {
    if ((probe->ops[i].flags & IO_URING_OP_SUPPORTED) != 0) supported.add(probe->ops[i].op);
  }
  return Reply{{"ops", supported.to_list()},
               {"features", fmt::format("0x{:x}", parameters.features)}};
}

}  // namespace assay::queries
