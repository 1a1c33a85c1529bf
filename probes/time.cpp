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

PtpClock read_ptp_clock(Reader& reader, const std::string& name, const std::vector<Nic>& nics) {
  const std::string path = "/sys/class/ptp/" + name;
  PtpClock clock;
  clock.name = printable(name);
  clock.clock_name = reader.word(path + "/clock_name");
  clock.pci_address = pci_address_in(reader.resolved(path));
  clock.max_adjustment_ppb = reader.number(path + "/max_adjustment");
  clock.external_channels = reader.number(path + "/n_external_timestamps");
  clock.pulse_per_second = reader.flag(path + "/pps_available");
  for (const Nic& nic : nics) {
    if (nic.ptp_clock == clock.name) clock.interfaces.push_back(nic.name);
  }
  return clock;
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
  time.frequency_ppb = whole(kernel, "frequency_ppb");
  time.tai_offset_s = whole(kernel, "tai_offset_s");
  for (const std::string_view daemon : kDaemons) {
    if (running.contains(std::string(daemon))) time.daemons.emplace_back(daemon);
  }
  for (const std::string& name : reader.names("/sys/class/ptp")) {
    PtpClock clock = read_ptp_clock(reader, name, inventory.nics);
    time.ptp_clocks.push_back(clock.name + ": " + clock.clock_name);
    time.ptp.push_back(std::move(clock));
  }
}

bool is_time_daemon(std::string_view program) {
  return std::find(kDaemons.begin(), kDaemons.end(), program) != kDaemons.end();
}

}  // namespace assay::probes
