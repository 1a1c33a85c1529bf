// Which parameters a technique takes, and what is left of a request without the others.
#include "engine/technique.hpp"

namespace assay::engine {

bool takes_parameter(const Technique& technique, std::string_view key) {
  std::string_view rest = technique.parameters;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    if (rest.substr(0, comma) == key) return true;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return false;
}

Parameters only_taken(const Technique& technique, const Parameters& given) {
  Parameters taken;
  taken.path = given.path;
  taken.directory = given.directory;
  for (const ParameterRow& row : parameter_rows()) {
    const std::string value = takes_parameter(technique, row.key) ? row.get(given) : "";
    // What get() writes, set() reads back.
    if (!value.empty()) static_cast<void>(row.set(taken, value));
  }
  taken.block_given = given.block_given;
  taken.depth_given = given.depth_given;
  return taken;
}

}  // namespace assay::engine
