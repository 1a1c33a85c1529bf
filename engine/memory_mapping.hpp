// Anonymous memory in pages of a chosen size, on a chosen node, and what the kernel made of it.
//
// Nothing here changes the host: huge pages that nobody reserved are not to be had, and that is an
// error. The mapping is alone in its address range (inaccessible pages stand on both sides), so
// that what the kernel tells of it (proc(5), smaps) is told of nothing else. Move-only, not
// thread-safe. Sources: mmap(2), madvise(2), mbind(2), move_pages(2),
// Documentation/admin-guide/mm/hugetlbpage.rst and transhuge.rst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/cpuset.hpp"
#include "core/error.hpp"
#include "core/host.hpp"
#include "core/units.hpp"

namespace assay::engine {

enum class PageKind : std::uint8_t {
  advised,      // huge ones are asked for (MADV_HUGEPAGE); whatever comes is right
  base,         // the host's own, 4 KiB on x86: huge ones are refused (MADV_NOHUGEPAGE)
  transparent,  // as advised, and they have to come
  huge_2m,      // of the reserved ones (MAP_HUGETLB)
  huge_1g,
};

// Of reserved huge pages; 0 for the other kinds.
Bytes huge_page_size(PageKind kind);
// The host's base page.
Bytes base_page_size();
// "4KiB pages", "transparent huge pages", "huge pages of 2MiB".
std::string page_words(PageKind kind);

struct MappingOptions {
  Bytes size;
  PageKind pages = PageKind::advised;
  std::optional<NodeId> node = {};  // all pages there; absent: where they are first touched
  bool populate = false;            // every page is there before map() returns (MAP_POPULATE)
  bool lock = false;                // and stays (mlock(2))
};

class PageMapping final {
 public:
  // Errors: exhausted (memory, huge pages, the memlock limit), denied, invalid (the node).
  static Expected<PageMapping> map(const MappingOptions& options);
  PageMapping(PageMapping&& other) noexcept;
  PageMapping& operator=(PageMapping&& other) noexcept;
  ~PageMapping();

  // Aligned to 2 MiB, or to its own page where that is larger.
  std::byte* data() const { return data_; }
  Bytes size() const { return size_; }

  // What smaps tells of it. A reserved huge page is no part of `resident`.
  struct Usage {
    Bytes kernel_page;  // the size of the mapping's pages; transparent huge ones do not count
    Bytes resident, transparent, huge, locked;
  };
  std::optional<Usage> usage(const Host& host) const;  // nothing: the kernel does not tell

  // How many of its pages lie on a node, of how many; every page is asked for.
  struct Pages {
    std::size_t on_node = 0, asked = 0;
  };
  Expected<Pages> pages_on(NodeId node) const;

 private:
  PageMapping() = default;
  Expected<void> reserve(const MappingOptions& options);
  Expected<void> place(const MappingOptions& options);
  Expected<void> place_huge(const MappingOptions& options);

  void* reserved_ = nullptr;  // with what stands on both sides
  std::size_t reserved_bytes_ = 0;
  std::byte* data_ = nullptr;
  Bytes size_;
  std::size_t page_bytes_ = 0;
};

// Whether the host has what a kind needs for `size`, from its files: transparent huge pages
// switched on, enough reserved ones free (on `node`, where one is given). Error: unsupported or
// exhausted, with what would make it run.
Expected<void> pages_obtainable(const Host& host, PageKind kind, Bytes size,
                                std::optional<NodeId> node);

}  // namespace assay::engine
