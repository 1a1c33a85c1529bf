#include "probes/process.hpp"
#include "probes/subsystems.hpp"

namespace assay::probes {

void read_limits(Reader& reader, Inventory& inventory) {
  Limits& limits = inventory.limits;
  limits.process = parse_limits_table(reader.table("/proc/self/limits"));
  limits.aio_max_nr = reader.number("/proc/sys/fs/aio-max-nr");
  limits.aio_nr = reader.number("/proc/sys/fs/aio-nr");
  limits.nr_open = reader.number("/proc/sys/fs/nr_open");
}

}  // namespace assay::probes
