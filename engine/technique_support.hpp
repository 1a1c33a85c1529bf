// What the techniques of several areas share: availability answers and the loop's time limit.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "engine/technique.hpp"

namespace assay::engine {

inline Availability not_available(std::string reason, std::string remedy) {
  return {false, std::move(reason), std::move(remedy)};
}

// A captured tree can be read but not measured: the reason, or available.
inline Availability measurable(const Host& host) {
  if (host.is_this_system()) return {};
  return not_available("a captured host can be read but not measured", "run assay on the host");
}

// The outcome of a check that ends in an Error, as an availability: its words and its advice.
inline Availability availability_of(const Expected<void>& outcome) {
  if (outcome) return {};
  Error error = outcome.error();
  std::string advice = std::exchange(error.advice, {});
  return not_available(error.message(), std::move(advice));
}

// How long a block waits for its other side before it counts an error. Longer than any pause that a
// scheduler imposes, short enough that a dead peer is noticed within a second.
inline constexpr Nanoseconds kPeerTimeout = std::chrono::milliseconds(200);

// Tells the CPU that this is a spin loop, so that a sibling thread gets its share.
inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

}  // namespace assay::engine
