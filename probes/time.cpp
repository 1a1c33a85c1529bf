#include <algorithm>
#include <array>

#include "probes/programs.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// Names as /proc/N/comm has them: 15 characters at most.
constexpr auto kDaemons =
    std::to_array<std::string_view>({"chronyd", "ntpd", "ntpsec", "openntpd", "phc2sys", "ptp4l",
                                     "systemd-timesyn", "timemaster", "ts2phc"});

std::optional<std::int64_t> whole(const Reply& reply, const char* key) {
  const auto found = reply.find(key);
  if (found == reply.end()) return std::nullopt;
  const auto value = parse_int(found->second);
  return value ? std::optional(*value) : std::nullopt;
}

}  // namespace

std::set<std::string> running_programs(Reader& reader) {
  std::set<std::string> names;
  for (const std::string& process : reader.names("/proc")) {
    if (!number_after(process, "")) continue;
    std::string name = reader.word("/proc/" + process + "/comm");
    if (!name.empty()) names.insert(std::move(name));
  }
  return names;
}

void read_time(Reader& reader, const std::set<std::string>& running, Inventory& inventory) {
  TimeSync& time = inventory.time;
  const Reply kernel = reader.ask("adjtimex");
  if (const auto synchronized = whole(kernel, "synchronized")) {
    time.synchronized = *synchronized != 0;
  }
  time.offset_ns = whole(kernel, "offset_ns");
  time.estimated_error_us = whole(kernel, "estimated_error_us");
  time.maximum_error_us = whole(kernel, "maximum_error_us");
  for (const std::string_view daemon : kDaemons) {
    if (running.contains(std::string(daemon))) time.daemons.emplace_back(daemon);
  }
  for (const std::string& name : reader.names("/sys/class/ptp")) {
    time.ptp_clocks.push_back(printable(name) + ": " +
                              reader.word("/sys/class/ptp/" + name + "/clock_name"));
  }
}

bool is_time_daemon(std::string_view program) {
  return std::find(kDaemons.begin(), kDaemons.end(), program) != kDaemons.end();
}

}  // namespace assay::probes
