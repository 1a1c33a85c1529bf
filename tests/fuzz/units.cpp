#include "core/units.hpp"

#include "fuzz.hpp"

namespace assay::fuzz {

void fuzz_one(std::string_view input) {
  if (const auto size = parse_bytes(input)) {
    require(parse_bytes(format_bytes(*size)).value() == *size, "a printed size reads back");
    require(!format_bytes_short(*size).empty(), "a size has a short form");
  }
  if (const auto duration = parse_duration(input)) {
    require(duration->count() >= 0, "a duration has no sign");
    require(parse_duration(format_duration(*duration)).value() == *duration,
            "a printed duration reads back");
    require(!format_duration_short(*duration).empty(), "a duration has a short form");
  }
  const auto number = parse_int(input);
  const auto natural = parse_uint(input);
  if (number && *number >= 0 && input[0] != '-') {
    require(natural && *natural == static_cast<std::uint64_t>(*number), "the numbers agree");
  }
}

}  // namespace assay::fuzz
