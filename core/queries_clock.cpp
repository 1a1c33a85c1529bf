#include <fmt/format.h>
#include <sys/timex.h>

#include <cerrno>
#include <cstdint>

#include "core/queries_internal.hpp"

namespace assay::queries {

Expected<Reply> adjtimex(std::string_view) {
  timex answer{};  // modes 0: nothing is changed, so no privilege is needed
  if (::adjtimex(&answer) < 0) return fail_errno(errno, "adjtimex");
  // The kernel's offset is in nanoseconds only after a daemon asked for that.
  const bool in_ns = (answer.status & STA_NANO) != 0;
  const std::int64_t offset_ns = std::int64_t{answer.offset} * (in_ns ? 1 : 1000);
  // Frequency: parts per million with 16 bits behind the point.
  const std::int64_t frequency_ppb = std::int64_t{answer.freq} * 1000 / 65536;
  return Reply{{"synchronized", (answer.status & STA_UNSYNC) == 0 ? "1" : "0"},
               {"offset_ns", fmt::format("{}", offset_ns)},
               {"frequency_ppb", fmt::format("{}", frequency_ppb)},
               {"maximum_error_us", fmt::format("{}", answer.maxerror)},
               {"estimated_error_us", fmt::format("{}", answer.esterror)},
               {"tai_offset_s", fmt::format("{}", answer.tai)}};
}

}  // namespace assay::queries
