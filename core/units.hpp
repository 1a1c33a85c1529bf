// Quantities with their units: bytes and durations, parsed from and printed for people.
//
// Byte suffixes: none or B = bytes; K, M, G, T and KiB, MiB, GiB, TiB = powers of 1024 (the
// kernel's memparse() and fio agree on the bare letters); kB, KB, MB, GB, TB = powers of 1000.
// Durations: ns, us (or µs), ms, s, m, h. A number may have a fraction ("1.5ms") when the result is
// whole in the smallest unit. Sign, spaces inside, empty input and overflow are errors. Pure and
// thread-safe.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace assay {

using Nanoseconds = std::chrono::nanoseconds;

// A size in bytes. Not convertible to or from a plain number by accident.
struct Bytes {
  std::uint64_t count = 0;
  friend constexpr auto operator<=>(Bytes, Bytes) = default;
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return {a.count + b.count}; }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return {a.count - b.count}; }
  friend constexpr Bytes operator*(Bytes a, std::uint64_t n) { return {a.count * n}; }
  friend constexpr std::uint64_t operator/(Bytes a, Bytes b) { return a.count / b.count; }
};
constexpr Bytes operator""_B(unsigned long long n) { return {n}; }
constexpr Bytes operator""_KiB(unsigned long long n) { return {n << 10}; }
constexpr Bytes operator""_MiB(unsigned long long n) { return {n << 20}; }
constexpr Bytes operator""_GiB(unsigned long long n) { return {n << 30}; }

// "4KiB", "2M", "512" → Bytes. Error: invalid, with the text and what was expected.
Expected<Bytes> parse_bytes(std::string_view text);
// The largest binary unit that represents the size exactly: 4096 → "4KiB", 1000 → "1000B".
std::string format_bytes(Bytes size);
// For people, rounded to three digits: "23.5 GiB".
std::string format_bytes_short(Bytes size);

// "12us", "1.5ms", "2s" → nanoseconds; a bare "0" is allowed, any other number needs its unit.
Expected<Nanoseconds> parse_duration(std::string_view text);
// The largest unit that represents it exactly: 12000 ns → "12us".
std::string format_duration(Nanoseconds duration);
// For people, rounded to three digits: "12.3 µs".
std::string format_duration_short(Nanoseconds duration);
std::string format_ns_short(double nanoseconds);

// A whole decimal number that fills the text, as sysfs prints one (one trailing newline allowed).
Expected<std::int64_t> parse_int(std::string_view text);
Expected<std::uint64_t> parse_uint(std::string_view text);

}  // namespace assay
