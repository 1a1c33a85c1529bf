// One piece of memory on one node: mapped, bound and faulted in before it is used. Move-only owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "core/units.hpp"
#include "engine/buffer_pool.hpp"

namespace assay::engine {

// The nodes that this process may allocate on (get_mempolicy(2)); {0} on kernels without NUMA.
CpuSet memory_nodes();
// The CPU and node that the calling thread runs on just now (getcpu(2)).
struct Place {
  unsigned cpu = 0, node = 0;
};
Place current_place();

class Slab {
 public:
  Slab() = default;
  Slab(Slab&& other) noexcept;
  Slab& operator=(Slab&& other) noexcept;
  ~Slab();

  // At least `size` bytes, of the best kind of pages from `best` on that can be had. The node is a
  // preference: when it is full the kernel takes another, and pages_on_node() tells. Error:
  // exhausted.
  static Expected<Slab> map(Bytes size, NodeId node, PoolPages best);

  std::span<std::byte> memory() const { return {data_, size_}; }
  PoolPages pages() const { return pages_; }
  // How many of its pages lie on `node`, of how many. Error: unsupported.
  Expected<std::pair<std::uint64_t, std::uint64_t>> pages_on_node(NodeId node) const;
  // Gives ownership up without unmapping: the memory stays for good.
  void leak() { data_ = nullptr; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  PoolPages pages_ = PoolPages::small;
};

}  // namespace assay::engine
