#include <array>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

struct LimitRow {
  std::string_view line;  // how /proc/self/limits begins
  std::string_view name;  // as in limits.conf(5)
};
constexpr auto kLimits = std::to_array<LimitRow>({{"Max locked memory", "memlock"},
                                                  {"Max realtime priority", "rtprio"},
                                                  {"Max realtime timeout", "rttime"},
                                                  {"Max open files", "nofile"},
                                                  {"Max processes", "nproc"},
                                                  {"Max stack size", "stack"},
                                                  {"Max nice priority", "nice"},
                                                  {"Max address space", "as"},
                                                  {"Max file size", "fsize"}});

}  // namespace

void read_limits(Reader& reader, Inventory& inventory) {
  Limits& limits = inventory.limits;
  for (const std::string& line : split(reader.table("/proc/self/limits"), "\n")) {
    for (const LimitRow& row : kLimits) {
      if (!line.starts_with(row.line)) continue;
      const auto words = split(printable(std::string_view(line).substr(row.line.size())), " ");
      if (words.size() >= 2) limits.process.push_back({std::string(row.name), words[0], words[1]});
    }
  }
  limits.aio_max_nr = reader.number("/proc/sys/fs/aio-max-nr");
  limits.aio_nr = reader.number("/proc/sys/fs/aio-nr");
  limits.nr_open = reader.number("/proc/sys/fs/nr_open");
}

}  // namespace assay::probes
