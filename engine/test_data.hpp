// The bytes that storage techniques move: incompressible sectors that say where they belong.
//
// A sector is 4 KiB: a header, then a body of pseudo-random words. The header's checksum covers the
// header and the body's hash, so a prepared body can be sent to another place by stamping 48 bytes
// anew, cheap enough for the hot path. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "core/error.hpp"

namespace assay::engine {

inline constexpr std::size_t kSectorBytes = 4096;

struct SectorHeader {
  static constexpr std::uint64_t kMagic = 0x3159534153534141ULL;  // "AASSASY1"
  std::uint64_t magic = kMagic;
  std::uint64_t seed = 0;
  std::uint64_t offset = 0;  // in the file, of this sector
  std::uint64_t generation = 0;
  std::uint64_t body_hash = 0;
  std::uint64_t checksum = 0;  // over all of the above
};
static_assert(sizeof(SectorHeader) == 48);

// One step of SplitMix64 (Steele, Lea, Flood 2014), as a mixing function.
inline std::uint64_t mix64(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

inline std::uint64_t header_checksum(const SectorHeader& header) {
  return mix64(header.magic ^ mix64(header.seed ^ mix64(header.offset)) ^
               mix64(header.generation + 0x1234567) ^ header.body_hash);
}

// Gives prepared sectors a new place: the hot path of a write. `buffer` is whole sectors.
inline void stamp(std::span<std::byte> buffer, std::uint64_t offset, std::uint64_t generation) {
  for (std::size_t at = 0; at + kSectorBytes <= buffer.size(); at += kSectorBytes) {
    SectorHeader header;
    std::memcpy(&header, buffer.data() + at, sizeof header);
    header.offset = offset + at;
    header.generation = generation;
    header.checksum = header_checksum(header);
    std::memcpy(buffer.data() + at, &header, sizeof header);
  }
}

// Writes whole sectors as they stand at `offset`; what is left of the buffer is random.
void fill_sectors(std::span<std::byte> buffer, std::uint64_t offset, std::uint64_t seed,
                  std::uint64_t generation);

// Checks whole sectors that were read at `offset`. Error: io with the first wrong sector and what
// is wrong with it.
Expected<void> verify_sectors(std::span<const std::byte> buffer, std::uint64_t offset,
                              std::uint64_t seed);

// The header of a sector whose checksums hold, wherever it belongs; nothing for foreign data.
std::optional<SectorHeader> read_header(std::span<const std::byte> sector);

}  // namespace assay::engine
