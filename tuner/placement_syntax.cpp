// The language of the options of `assay run`.
#include <fmt/core.h>

#include <array>
#include <limits>

#include "core/units.hpp"
#include "tuner/placement.hpp"
#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

Failure bad(std::string_view option, std::string_view text, std::string_view expected) {
  return fail(ErrorCode::invalid, "run", option,
              fmt::format("\"{}\" is not understood (expected {})", text, expected));
}

constexpr std::string_view kSchedulingForms =
    "other, batch, idle, fifo:1-99, rr:1-99 or deadline:RUNTIME/DEADLINE[/PERIOD] such as "
    "deadline:100us/500us/1ms";

// sched_setattr(2): 1024 ns ≤ runtime ≤ deadline ≤ period.
Expected<Scheduling> parse_deadline(std::string_view text, std::string_view times) {
  const std::vector<std::string_view> parts = split(times, '/');
  if (parts.size() < 2 || parts.size() > 3) return bad("--sched", text, kSchedulingForms);
  std::array<Nanoseconds, 3> parsed{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto time = parse_duration(parts[i]);
    if (!time) return bad("--sched", text, kSchedulingForms);
    parsed.at(i) = *time;
  }
  if (parts.size() == 2) parsed[2] = parsed[1];
  const auto [runtime, deadline, period] = parsed;
  if (runtime < Nanoseconds(1024) || runtime > deadline || deadline > period) {
    return bad("--sched", text, "1024ns ≤ runtime ≤ deadline ≤ period");
  }
  return Scheduling{SchedulingClass::deadline, 0, runtime, deadline, period};
}

}  // namespace

Expected<Scheduling> parse_scheduling(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const bool bare = colon == std::string_view::npos;
  if (bare) {
    if (name == "other") return Scheduling{SchedulingClass::other};
    if (name == "batch") return Scheduling{SchedulingClass::batch};
    if (name == "idle") return Scheduling{SchedulingClass::idle};
    return bad("--sched", text, kSchedulingForms);
  }
  const std::string_view rest = text.substr(colon + 1);
  if (name == "deadline") return parse_deadline(text, rest);
  auto priority = parse_int(rest);
  const bool real_time = name == "fifo" || name == "rr";
  if (!real_time || !priority || *priority < 1 || *priority > 99) {
    return bad("--sched", text, kSchedulingForms);
  }
  return Scheduling{name == "fifo" ? SchedulingClass::fifo : SchedulingClass::round_robin,
                    static_cast<int>(*priority)};
}

Expected<MemoryPolicy> parse_memory_policy(std::string_view text) {
  static constexpr std::string_view kForms =
      "local, a list of nodes such as 0-1, preferred:0 or interleave:0-1";
  const std::size_t colon = text.find(':');
  std::string_view name = colon == std::string_view::npos ? "bind" : text.substr(0, colon);
  std::string_view list = colon == std::string_view::npos ? text : text.substr(colon + 1);
  auto nodes = CpuSet::parse_list(list);
  if (!nodes || nodes->empty()) return bad("--mem-node", text, kForms);
  if (name == "bind") return MemoryPolicy{MemoryPolicyKind::bind, *nodes};
  if (name == "interleave") return MemoryPolicy{MemoryPolicyKind::interleave, *nodes};
  if (name == "preferred" && nodes->count() == 1) {
    return MemoryPolicy{MemoryPolicyKind::preferred, *nodes};
  }
  return bad("--mem-node", text, kForms);
}

Expected<RaiseLimit> parse_limit(std::string_view text) {
  static constexpr std::string_view kForms =
      "memlock=64MiB, rtprio=95 or nofile=65536; memlock and nofile may be unlimited";
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return bad("--limit", text, kForms);
  const std::string_view name = text.substr(0, equals);
  const std::string_view value = text.substr(equals + 1);
  RaiseLimit limit;
  bool found = false;
  for (const LimitKind kind : {LimitKind::memlock, LimitKind::rtprio, LimitKind::nofile}) {
    if (to_string(kind) != name) continue;
    limit.kind = kind;
    found = true;
  }
  if (!found) return bad("--limit", text, kForms);
  if (value == "unlimited" && limit.kind != LimitKind::rtprio) return limit;
  if (limit.kind == LimitKind::memlock) {
    auto bytes = parse_bytes(value);
    if (!bytes) return bad("--limit", text, kForms);
    limit.value = bytes->count;
    return limit;
  }
  auto number = parse_uint(value);
  const std::uint64_t most = limit.kind == LimitKind::rtprio
                                 ? 99
                                 : std::uint64_t{std::numeric_limits<std::int32_t>::max()};
  if (!number || *number > most) return bad("--limit", text, kForms);
  limit.value = *number;
  return limit;
}

}  // namespace assay::tuner
