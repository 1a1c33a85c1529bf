#include <fmt/format.h>

#include <algorithm>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

// "key\t: value" of /proc/cpuinfo.
struct Line {
  std::string_view key, value;
};

std::optional<Line> parse_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return Line{trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1))};
}

std::optional<unsigned> small_number(std::string_view text) {
  const auto value = parse_uint(text);
  if (!value || *value > 0x7fffffff) return std::nullopt;
  return static_cast<unsigned>(*value);
}

// x86, Arm, POWER, s390 and RISC-V each have their own words for the same things.
void take_model(const Line& line, Topology& topology) {
  const auto set = [&](std::string& field) {
    if (field.empty()) field = printable(line.value);
  };
  if (line.key == "vendor_id" || line.key == "CPU implementer") set(topology.vendor);
  if (line.key == "model name" || line.key == "cpu" || line.key == "uarch")
    set(topology.model_name);
  if (line.key == "cpu family" || line.key == "CPU architecture") set(topology.family);
  if (line.key == "model" || line.key == "CPU part") set(topology.model);
  if (line.key == "stepping" || line.key == "CPU revision") set(topology.stepping);
  if (line.key == "microcode") set(topology.microcode);
  const bool is_flags = line.key == "flags" || line.key == "Features" || line.key == "isa";
  if (is_flags && topology.flags.empty()) {
    topology.flags = split(printable(line.value), " ");
    std::sort(topology.flags.begin(), topology.flags.end());
  }
}

// A capture made with hwloc's own tool keeps uname's answers in a file.
std::string captured_architecture(Reader& reader) {
  for (const std::string& text : split(reader.table("/proc/hwloc-nofile-info"), "\n")) {
    const auto line = parse_line(text);
    if (line && line->key == "Architecture") return printable(line->value);
  }
  return {};
}

}  // namespace

std::map<unsigned, CpuInfoPlace> read_cpu_model(Reader& reader, Topology& topology) {
  const Reply uname = reader.ask("uname");
  const auto machine = uname.find("machine");
  topology.architecture = machine != uname.end() ? machine->second : captured_architecture(reader);

  std::map<unsigned, CpuInfoPlace> places;
  std::optional<unsigned> current;
  const std::string table = reader.table("/proc/cpuinfo");
  for (std::string_view rest = table; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const auto line = parse_line(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!line) continue;
    if (line->key == "processor") {
      current = small_number(line->value);
      if (current && *current < CpuSet::kMaxCpus) places[*current];
      continue;
    }
    // The model is taken from the first CPU, and from what stands outside the CPUs' blocks.
    if (!current || places.size() <= 1) take_model(*line, topology);
    if (!current || !places.contains(*current)) continue;
    if (line->key == "physical id") places[*current].package = small_number(line->value);
    if (line->key == "core id") places[*current].core = small_number(line->value);
  }
  if (topology.model_name.empty() && !topology.model.empty()) {
    topology.model_name = fmt::format("{} part {}", topology.vendor, topology.model);
  }
  return places;
}

}  // namespace assay::probes
