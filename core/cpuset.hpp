// Sets of CPUs (or NUMA nodes) of any width, in the kernel's two notations.
//
// List form "0-3,8,16-31:2/4" as in Documentation/core-api/printk-formats and
// Documentation/admin-guide/kernel-parameters ("cpu lists": N-M:used/group); mask form
// "ff,ffffffff" as in /proc/irq/N/smp_affinity (32-bit groups, most significant first).
// A regular value: equal when the same CPUs are in it, however wide. Not thread-safe to mutate.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace assay {

// Kernel CPU and NUMA node numbers: two types, so that one cannot be passed for the other.
struct CpuId {
  unsigned value = 0;
  friend constexpr auto operator<=>(CpuId, CpuId) = default;
};
struct NodeId {
  unsigned value = 0;
  friend constexpr auto operator<=>(NodeId, NodeId) = default;
};

class CpuSet {
 public:
  // Numbers at or above this are refused: no kernel has them, and a lying tree must not eat memory.
  static constexpr unsigned kMaxCpus = 65536;

  CpuSet() = default;
  // Numbers at or above kMaxCpus are ignored, here and below.
  CpuSet(std::initializer_list<unsigned> cpus);
  static CpuSet range(unsigned first, unsigned last);  // inclusive
  static CpuSet of(CpuId cpu) { return CpuSet{cpu.value}; }

  // "" and "\n" are the empty set. One trailing newline is allowed, other white space is not. A
  // mask may start with "0x"; without commas it may have any number of digits. Error: invalid, with
  // the offending part.
  static Expected<CpuSet> parse_list(std::string_view text);
  static Expected<CpuSet> parse_mask(std::string_view text);

  // "0-3,8"; the empty set is "".
  std::string to_list() const;
  // As the kernel prints it, at least `width` bits wide (0: as wide as needed, at least one group).
  std::string to_mask(unsigned width = 0) const;

  bool contains(unsigned cpu) const;
  bool empty() const;
  unsigned count() const;
  // The smallest and the largest member; nothing when the set is empty.
  std::optional<unsigned> first() const;
  std::optional<unsigned> last() const;
  // The smallest member greater than `cpu`, if any.
  std::optional<unsigned> next(unsigned cpu) const;
  // Every member, in ascending order.
  std::vector<unsigned> to_vector() const;

  // A number ≥ kMaxCpus is ignored by add().
  void add(unsigned cpu);
  void remove(unsigned cpu);

  // Both are cheap next to parsing: one pass over the words.
  bool intersects(const CpuSet& other) const;
  bool is_subset_of(const CpuSet& other) const;

  // Union, intersection and difference.
  friend CpuSet operator|(const CpuSet& a, const CpuSet& b);
  friend CpuSet operator&(const CpuSet& a, const CpuSet& b);
  friend CpuSet operator-(const CpuSet& a, const CpuSet& b);
  friend bool operator==(const CpuSet& a, const CpuSet& b) = default;

 private:
  // 32 CPUs from `base`, a multiple of 32, on; false when one of them is too large.
  bool add_group(unsigned base, std::uint32_t bits);
  void trim();  // no zero words at the end: makes the defaulted == compare by meaning
  std::vector<std::uint64_t> words_;  // bit b of word w is CPU 64 * w + b
};

}  // namespace assay
