#include "engine/test_data.hpp"

#include <fmt/format.h>

#include <array>

#include "engine/test_file.hpp"

namespace assay::engine {
namespace {

constexpr std::size_t kBodyWords = (kSectorBytes - sizeof(SectorHeader)) / sizeof(std::uint64_t);

// Four lanes, so that the multiplications overlap: a sector costs a few hundred nanoseconds.
std::uint64_t body_hash(const std::byte* body) {
  std::array<std::uint64_t, 4> lanes{1, 2, 3, 4};
  for (std::size_t i = 0; i < kBodyWords; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, body + i * sizeof word, sizeof word);
    std::uint64_t& lane = lanes[i % 4];
    lane = (lane ^ word) * 0x9fb21c651e98df25ULL;
    lane ^= lane >> 29;
  }
  return mix64(lanes[0] + mix64(lanes[1] + mix64(lanes[2] + mix64(lanes[3]))));
}

void fill_words(std::byte* out, std::size_t bytes, std::uint64_t key) {
  for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = mix64(key + at);
    std::memcpy(out + at, &word, std::min(sizeof word, bytes - at));
  }
}

}  // namespace

void fill_sectors(std::span<std::byte> buffer, std::uint64_t offset, std::uint64_t seed,
                  std::uint64_t generation) {
  std::size_t at = 0;
  for (; at + kSectorBytes <= buffer.size(); at += kSectorBytes) {
    std::byte* sector = buffer.data() + at;
    std::byte* body = sector + sizeof(SectorHeader);
    fill_words(body, kSectorBytes - sizeof(SectorHeader),
               mix64(seed ^ mix64(offset + at) ^ mix64(generation)));
    SectorHeader header;
    header.seed = seed;
    header.offset = offset + at;
    header.generation = generation;
    header.body_hash = body_hash(body);
    header.checksum = header_checksum(header);
    std::memcpy(sector, &header, sizeof header);
  }
  fill_words(buffer.data() + at, buffer.size() - at, mix64(seed ^ (offset + at)));
}

std::optional<SectorHeader> read_header(std::span<const std::byte> sector) {
  if (sector.size() < kSectorBytes) return std::nullopt;
  SectorHeader header;
  std::memcpy(&header, sector.data(), sizeof header);
  if (header.magic != SectorHeader::kMagic) return std::nullopt;
  if (header.checksum != header_checksum(header)) return std::nullopt;
  if (header.body_hash != body_hash(sector.data() + sizeof header)) return std::nullopt;
  return header;
}

Expected<void> verify_sectors(std::span<const std::byte> buffer, std::uint64_t offset,
                              std::uint64_t seed) {
  for (std::size_t at = 0; at + kSectorBytes <= buffer.size(); at += kSectorBytes) {
    const auto wrong = [&](std::string_view what) {
      return fail(ErrorCode::io, "verify data", fmt::format("offset {}", offset + at), what,
                  "the drive, its driver or the memory returned wrong data");
    };
    const auto header = read_header(buffer.subspan(at, kSectorBytes));
    if (!header) return wrong("the checksum does not match");
    if (header->seed != seed) return wrong("the data belongs to another file");
    if (header->offset != offset + at) {
      return wrong(fmt::format("the data belongs at offset {}", header->offset));
    }
  }
  return {};
}

void TestFile::fill(std::span<std::byte> buffer, std::uint64_t offset, std::uint64_t seed,
                    std::uint32_t generation) {
  fill_sectors(buffer, offset, seed, generation);
}

Expected<void> TestFile::verify(std::span<const std::byte> buffer, std::uint64_t offset,
                                std::uint64_t seed) {
  return verify_sectors(buffer, offset, seed);
}

}  // namespace assay::engine
