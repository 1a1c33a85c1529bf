#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "probes/arm_names.hpp"
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

// x86, Arm, POWER, s390, ia64, LoongArch, MIPS and RISC-V each have their own words for the same
// things. The first line that has one of the words counts.
struct Words {
  std::string Topology::* field;
  std::array<std::string_view, 6> keys;
};
constexpr auto kWords = std::to_array<Words>(
    {{&Topology::vendor, {"vendor_id", "vendor", "CPU implementer", "mvendorid"}},
     {&Topology::model_name,
      {"model name", "Model Name", "cpu", "cpu model", "uarch", "Processor"}},
     {&Topology::family, {"cpu family", "family", "CPU Family", "CPU architecture"}},
     {&Topology::model, {"model", "CPU part", "machine", "marchid"}},
     {&Topology::stepping, {"stepping", "revision", "CPU Revision", "CPU revision", "mimpid"}},
     {&Topology::microcode, {"microcode"}}});

// "2596.992", "3864.000000MHz", "5208".
std::optional<std::uint64_t> parse_mhz(std::string_view text) {
  double mhz = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, mhz);
  const std::string_view rest(stop, static_cast<std::size_t>(end - stop));
  if (error != std::errc{} || (!rest.empty() && rest != "MHz")) return std::nullopt;
  if (!(mhz > 0 && mhz < 100'000)) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(mhz * 1000));
}

void take_model(const Line& line, Topology& topology) {
  if (line.key.empty() || line.value.empty()) return;
  constexpr std::array<std::string_view, 3> kClocks{"cpu MHz", "clock", "cpu MHz dynamic"};
  if (!topology.clock_khz && std::find(kClocks.begin(), kClocks.end(), line.key) != kClocks.end()) {
    topology.clock_khz = parse_mhz(line.value);
  }
  for (const Words& row : kWords) {
    std::string& field = topology.*row.field;
    const bool wanted = std::find(row.keys.begin(), row.keys.end(), line.key) != row.keys.end();
    if (wanted && field.empty()) field = printable(line.value);
  }
  constexpr std::array<std::string_view, 4> kFlags{"flags", "Features", "features", "isa"};
  const bool is_flags = std::find(kFlags.begin(), kFlags.end(), line.key) != kFlags.end();
  if (is_flags && topology.flags.empty()) {
    topology.flags = split(printable(line.value), " ,");
    std::sort(topology.flags.begin(), topology.flags.end());
  }
}

// s390 gives each CPU one line: "processor 3: version = 00, identification = 279F25, machine =
// 2817". The machine type is what IBM names the model by.
std::optional<unsigned> take_s390_line(const Line& line, Topology& topology) {
  constexpr std::string_view kMachine = "machine = ";
  const auto number = number_after(line.key, "processor ");
  const std::size_t at = line.value.find(kMachine);
  if (number && at != std::string_view::npos && topology.model.empty()) {
    topology.model = printable(line.value.substr(at + kMachine.size()));
  }
  return number;
}

// A name for people where the kernel has only numbers: Arm, s390.
void name_model(Topology& topology) {
  if (!topology.model_name.empty() || topology.model.empty()) return;
  const std::string_view vendor = arm_vendor(topology.vendor);
  const std::string_view model = arm_model(topology.vendor, topology.model);
  topology.model_name =
      fmt::format("{} {}", vendor.empty() ? std::string_view(topology.vendor) : vendor,
                  model.empty() ? "part " + topology.model : std::string(model));
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
  CpuInfoPlace* current = nullptr;  // of the CPU whose block we are in
  const std::string table = reader.table("/proc/cpuinfo");
  for (std::string_view rest = table; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const auto line = parse_line(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!line) {
      current = nullptr;  // a blank line ends a CPU's block
      continue;
    }
    if (line->key == "processor") {
      const auto number = small_number(line->value);
      current = number && *number < CpuSet::kMaxCpus ? &places[*number] : nullptr;
      continue;
    }
    if (const auto number = take_s390_line(*line, topology)) {
      places[*number];
      continue;
    }
    // The model is taken from the first CPU, and from what stands outside the CPUs' blocks.
    // POWER's "model" and "machine" there are the server's.
    const bool of_server = line->key == "model" || line->key == "machine";
    if (current != nullptr ? places.size() <= 1 : !of_server) take_model(*line, topology);
    if (current == nullptr) continue;
    if (line->key == "physical id") current->package = small_number(line->value);
    if (line->key == "core id") current->core = small_number(line->value);
  }
  name_model(topology);
  return places;
}

}  // namespace assay::probes
