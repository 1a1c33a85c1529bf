#include "engine/memory_mapping.hpp"

#include <fmt/format.h>
#include <numaif.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <utility>
#include <vector>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // Linux 5.14
#endif

namespace assay::engine {
namespace {

constexpr std::size_t kHugePage = 2ULL << 20;
constexpr Bytes kSmapsMax{64ULL << 20};
constexpr int kHugeShift = 26;  // MAP_HUGE_SHIFT: the size's logarithm stands above it

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// The two addresses of a mapping in smaps' "start-end perms ..." line; false for other lines, which
// change nothing, though some begin with hexadecimal digits ("AnonHugePages:").
bool mapping_line(std::string_view line, std::uintptr_t& start, std::uintptr_t& end) {
  const char* const last = line.data() + line.size();
  std::uintptr_t from = 0, to = 0;
  const auto first = std::from_chars(line.data(), last, from, 16);
  if (first.ec != std::errc() || first.ptr == last || *first.ptr != '-') return false;
  if (std::from_chars(first.ptr + 1, last, to, 16).ec != std::errc()) return false;
  start = from;
  end = to;
  return true;
}

// "Locked:     64 kB" → 65536; nothing for another key.
std::optional<Bytes> value_of(std::string_view line, std::string_view key) {
  if (!line.starts_with(key)) return std::nullopt;
  const std::size_t digit = line.find_first_of("0123456789", key.size());
  std::uint64_t kib = 0;
  if (digit == std::string_view::npos) return std::nullopt;
  std::from_chars(line.data() + digit, line.data() + line.size(), kib);
  return Bytes{kib << 10};
}

void add_line(PageMapping::Usage& usage, std::string_view line) {
  const auto add = [line](Bytes& sum, std::string_view key) {
    if (const auto value = value_of(line, key)) sum.count += value->count;
  };
  add(usage.resident, "Rss:");
  add(usage.transparent, "AnonHugePages:");
  add(usage.huge, "Private_Hugetlb:");
  add(usage.locked, "Locked:");
  if (const auto page = value_of(line, "KernelPageSize:")) usage.kernel_page = *page;
}

// Keeps transparent huge pages out of this process while a mapping is populated: the advice that
// refuses them can be given only to a mapping that is there, and by then MAP_POPULATE is over.
class WithoutTransparentPages final {
 public:
  explicit WithoutTransparentPages(bool wanted)
      : changed_(wanted && ::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0 &&
                 ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0) {}
  WithoutTransparentPages(const WithoutTransparentPages&) = delete;
  WithoutTransparentPages& operator=(const WithoutTransparentPages&) = delete;
  ~WithoutTransparentPages() {
    if (changed_) ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
  }

 private:
  bool changed_;
};

Expected<void> bind_pages(void* data, std::size_t bytes, NodeId node) {
  constexpr unsigned kWordBits = 8 * sizeof(unsigned long);
  std::vector<unsigned long> nodes(node.value / kWordBits + 1);
  nodes.back() = 1UL << (node.value % kWordBits);
  // The kernel reads one bit less than it is told of.
  const unsigned long bits = nodes.size() * kWordBits + 1;
  if (::mbind(data, bytes, MPOL_BIND, nodes.data(), bits, 0) != 0) {
    return fail_errno(errno, "bind memory to node", std::to_string(node.value),
                      "the node must have memory that this process's cgroup may use");
  }
  return {};
}

std::string reservation_path(Bytes page, std::optional<NodeId> node) {
  const std::string folder = fmt::format("hugepages/hugepages-{}kB", page.count >> 10);
  return node ? fmt::format("/sys/devices/system/node/node{}/{}", node->value, folder)
              : "/sys/kernel/mm/" + folder;
}

std::string reserve_advice(PageKind kind, std::uint64_t pages, std::optional<NodeId> node) {
  const bool small = kind == PageKind::huge_2m;
  return fmt::format(
      "reserve them: echo {} > {}/nr_hugepages, or {} in a profile and `assay tune`{}", pages,
      reservation_path(huge_page_size(kind), node),
      small ? "memory.hugepages-2m" : "memory.hugepages-1g",
      small ? "" : "; memory that is in use may be too scattered: then at boot");
}

Expected<void> reserved_pages_free(const Host& host, PageKind kind, Bytes size,
                                   std::optional<NodeId> node) {
  const Bytes page = huge_page_size(kind);
  const std::uint64_t needed = rounded_up(size.count, page.count) / page.count;
  const std::string folder = reservation_path(page, node);
  const auto count = [&](std::string_view file) {
    return host.read_uint(fmt::format("{}/{}", folder, file)).value_or(0);
  };
  if (!host.exists(folder)) {
    return fail(ErrorCode::unsupported, "map huge pages", format_bytes(page),
                "this kernel has none of this size",
                kind == PageKind::huge_1g ? "a CPU with the flag pdpe1gb has" : "");
  }
  // Those that others were promised are no longer free; some may be added on demand.
  std::uint64_t free = count("free_hugepages");
  const std::uint64_t promised = node ? 0 : count("resv_hugepages");
  free -= std::min(free, promised);
  const std::uint64_t surplus = node ? 0 : count("surplus_hugepages");
  const std::uint64_t overcommit = node ? 0 : count("nr_overcommit_hugepages");
  if (overcommit > surplus) free += overcommit - surplus;
  if (free >= needed) return {};
  return fail(ErrorCode::exhausted, "map huge pages", format_bytes(page),
              fmt::format("{} are needed, {} of {} reserved{} are free", needed, free,
                          count("nr_hugepages"),
                          node ? fmt::format(" on node {}", node->value) : std::string()),
              reserve_advice(kind, needed, node));
}

}  // namespace

Bytes huge_page_size(PageKind kind) {
  if (kind == PageKind::huge_2m) return Bytes{kHugePage};
  if (kind == PageKind::huge_1g) return Bytes{1ULL << 30};
  return Bytes{0};
}

Bytes base_page_size() { return Bytes{static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))}; }

std::string page_words(PageKind kind) {
  switch (kind) {
    case PageKind::base:
      return fmt::format("pages of {}", format_bytes(base_page_size()));
    case PageKind::huge_2m:
    case PageKind::huge_1g:
      return fmt::format("huge pages of {}", format_bytes(huge_page_size(kind)));
    default:
      return "transparent huge pages";
  }
}

Expected<void> pages_obtainable(const Host& host, PageKind kind, Bytes size,
                                std::optional<NodeId> node) {
  if (huge_page_size(kind).count != 0) return reserved_pages_free(host, kind, size, node);
  if (kind != PageKind::transparent) return {};
  const std::string path = "/sys/kernel/mm/transparent_hugepage/enabled";
  const auto words = host.read_trimmed(path);
  if (!words) {
    return fail(ErrorCode::unsupported, "map transparent huge pages", path,
                "this kernel has none (CONFIG_TRANSPARENT_HUGEPAGE)", "use memory.huge-2m");
  }
  if (words->find("[never]") == std::string::npos) return {};
  return fail(ErrorCode::unsupported, "map transparent huge pages", path, "they are switched off",
              "echo madvise > " + path + ", or memory.thp-enabled in a profile and `assay tune`");
}

PageMapping::PageMapping(PageMapping&& other) noexcept
    : reserved_(std::exchange(other.reserved_, nullptr)),
      reserved_bytes_(other.reserved_bytes_),
      data_(std::exchange(other.data_, nullptr)),
      size_(other.size_),
      page_bytes_(other.page_bytes_) {}

PageMapping& PageMapping::operator=(PageMapping&& other) noexcept {
  std::swap(reserved_, other.reserved_);
  std::swap(reserved_bytes_, other.reserved_bytes_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(page_bytes_, other.page_bytes_);
  return *this;
}

PageMapping::~PageMapping() {
  // Unmapping gives locks up too.
  if (reserved_ != nullptr) ::munmap(reserved_, reserved_bytes_);
}

Expected<PageMapping> PageMapping::map(const MappingOptions& options) {
  PageMapping mapping;
  mapping.size_ = options.size;
  if (auto room = mapping.reserve(options); !room) return Failure(room.error());
  const bool huge = huge_page_size(options.pages).count != 0;
  auto placed = huge ? mapping.place_huge(options) : mapping.place(options);
  if (!placed) return Failure(placed.error());
  // Not mlock(2): AddressSanitizer makes that one do nothing.
  if (options.lock && ::mlock2(mapping.data_, options.size.count, 0) != 0) {
    return fail_errno(errno, "lock memory", format_bytes(options.size),
                      "raise the memlock limit (ulimit -l, LimitMEMLOCK=), or run as root");
  }
  return mapping;
}

Expected<void> PageMapping::reserve(const MappingOptions& options) {
  const std::size_t huge = huge_page_size(options.pages).count;
  const std::size_t alignment = std::max(kHugePage, huge);
  page_bytes_ = huge != 0 ? huge : base_page_size().count;
  // A page of nothing before and behind: no neighbour is ever merged with it.
  reserved_bytes_ = rounded_up(options.size.count, alignment) + 2 * alignment;
  void* const room = ::mmap(nullptr, reserved_bytes_, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return fail_errno(errno, "map memory", format_bytes(options.size));
  reserved_ = room;
  const auto address = reinterpret_cast<std::uintptr_t>(room);
  data_ = static_cast<std::byte*>(room) + (alignment - address % alignment);
  return {};
}

Expected<void> PageMapping::place(const MappingOptions& options) {
  const bool refuse = options.pages == PageKind::base;
  // A whole huge page even for a small buffer, so that address translation is no part of what a
  // cache costs. A host that has none to give refuses; usage() tells what came of it.
  const std::size_t bytes = rounded_up(
      refuse ? options.size.count : std::max(options.size.count, kHugePage), page_bytes_);
  {
    const WithoutTransparentPages guard(refuse && options.populate);
    const int populate = options.populate ? MAP_POPULATE : 0;
    if (::mmap(data_, bytes, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | populate, -1, 0) == MAP_FAILED) {
      return fail_errno(errno, "map memory", format_bytes(options.size), "free memory");
    }
  }
  ::madvise(data_, bytes, refuse ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
  if (!options.node) return {};
  return bind_pages(data_, bytes, *options.node);
}

Expected<void> PageMapping::place_huge(const MappingOptions& options) {
  const std::size_t bytes = rounded_up(options.size.count, page_bytes_);
  const int size_bits = (static_cast<int>(std::bit_width(page_bytes_)) - 1) << kHugeShift;
  const std::string page = format_bytes(Bytes{page_bytes_});
  const std::uint64_t pages = bytes / page_bytes_;
  // The kernel promises the pages here (no MAP_NORESERVE), so that no touch finds none left.
  if (::mmap(data_, bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB | size_bits, -1,
             0) == MAP_FAILED) {
    return fail_errno(errno, "map huge pages", page,
                      reserve_advice(options.pages, pages, std::nullopt));
  }
  if (options.node) {
    if (auto bound = bind_pages(data_, bytes, *options.node); !bound) return bound;
  }
  // The promise is not of a node and not of a cgroup's limit; a touch would end in SIGBUS, this
  // call in an error. Kernels before 5.14 know it not, and have to be trusted.
  if (::madvise(data_, bytes, MADV_POPULATE_WRITE) != 0 && errno != EINVAL) {
    return fail(ErrorCode::exhausted, "touch huge pages", page,
                fmt::format("the kernel gave fewer than {}{}", pages,
                            options.node ? fmt::format(" on node {}", options.node->value) : ""),
                reserve_advice(options.pages, pages, options.node) +
                    "; a cgroup's hugetlb limit may stand in the way too");
  }
  return {};
}

std::optional<PageMapping::Usage> PageMapping::usage(const Host& host) const {
  const auto smaps = host.read("/proc/self/smaps", kSmapsMax);
  if (!smaps) return std::nullopt;
  const auto first = reinterpret_cast<std::uintptr_t>(data_);
  const std::uintptr_t last = first + size_.count;
  std::uintptr_t start = 0, end = 0;
  Usage usage;
  bool found = false;
  std::string_view rest = *smaps;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    // Advice and policies split a mapping: every part that overlaps counts.
    if (mapping_line(line, start, end) || end <= first || start >= last) continue;
    add_line(usage, line);
    found = true;
  }
  if (!found) return std::nullopt;
  return usage;
}

Expected<PageMapping::Pages> PageMapping::pages_on(NodeId node) const {
  std::vector<void*> pages;
  for (std::size_t at = 0; at < size_.count; at += page_bytes_) pages.push_back(data_ + at);
  std::vector<int> status(pages.size(), -1);
  if (::move_pages(0, pages.size(), pages.data(), nullptr, status.data(), 0) != 0) {
    return fail_errno(errno, "ask where pages lie (move_pages)");
  }
  const auto wanted = static_cast<int>(node.value);
  return Pages{static_cast<std::size_t>(std::ranges::count(status, wanted)), pages.size()};
}

}  // namespace assay::engine
