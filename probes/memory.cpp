#include <fmt/format.h>

#include <algorithm>

#include "probes/subsystems.hpp"

namespace assay::probes {
namespace {

constexpr std::uint64_t kKibLimit = 1ULL << 50;  // a larger claim is a lie

std::uint64_t less_or_zero(std::uint64_t value) { return value < kKibLimit ? value : 0; }

// "MemTotal:       16331824 kB" and the like.
void read_meminfo(Reader& reader, Memory& memory) {
  const std::map<std::string, Bytes*, std::less<>> fields{
      {"MemTotal:", &memory.total},         {"MemFree:", &memory.free},
      {"MemAvailable:", &memory.available}, {"SwapTotal:", &memory.swap_total},
      {"SwapFree:", &memory.swap_free},     {"Hugepagesize:", &memory.default_huge_page}};
  for (const std::string& line : split(reader.table("/proc/meminfo"), "\n")) {
    const auto words = split(line, " \t");
    if (words.size() < 2) continue;
    const auto field = fields.find(words[0]);
    const auto value = parse_uint(words[1]);
    if (field != fields.end() && value) field->second->count = less_or_zero(*value) << 10;
  }
}

void read_swaps(Reader& reader, Memory& memory) {
  for (const std::string& line : split(reader.table("/proc/swaps"), "\n")) {
    const auto words = split(printable(line), " ");
    if (words.size() < 4 || words[0] == "Filename") continue;
    Swap swap;
    swap.path = words[0];
    swap.type = words[1];
    swap.size.count = less_or_zero(parse_uint(words[2]).value_or(0)) << 10;
    swap.used.count = less_or_zero(parse_uint(words[3]).value_or(0)) << 10;
    memory.swaps.push_back(std::move(swap));
  }
}

}  // namespace

std::vector<HugePages> read_huge_pages(Reader& reader, const std::string& directory) {
  std::vector<HugePages> sizes;
  for (const std::string& name : reader.names(directory)) {
    constexpr std::string_view kPrefix = "hugepages-";
    if (!name.starts_with(kPrefix) || !name.ends_with("kB")) continue;
    const auto kib =
        parse_uint(std::string_view(name).substr(kPrefix.size(), name.size() - kPrefix.size() - 2));
    if (!kib || *kib == 0 || *kib >= kKibLimit) continue;
    HugePages pages;
    pages.size.count = *kib << 10;
    const std::string base = directory + "/" + name + "/";
    pages.total = reader.count(base + "nr_hugepages").value_or(0);
    pages.free = reader.count(base + "free_hugepages").value_or(0);
    pages.surplus = reader.count(base + "surplus_hugepages").value_or(0);
    // A node's directory lacks these two.
    if (!directory.starts_with("/sys/devices/")) {
      pages.reserved = reader.count(base + "resv_hugepages").value_or(0);
      pages.overcommit = reader.count(base + "nr_overcommit_hugepages").value_or(0);
    }
    sizes.push_back(pages);
  }
  std::sort(sizes.begin(), sizes.end(),
            [](const HugePages& a, const HugePages& b) { return a.size < b.size; });
  return sizes;
}

void read_memory(Reader& reader, Inventory& inventory) {
  Memory& memory = inventory.memory;
  read_meminfo(reader, memory);
  read_swaps(reader, memory);
  const std::string thp = "/sys/kernel/mm/transparent_hugepage/";
  memory.thp_enabled = reader.choice(thp + "enabled");
  memory.thp_defrag = reader.choice(thp + "defrag");
  memory.huge_pages = read_huge_pages(reader, "/sys/kernel/mm/hugepages");
  memory.thp_shmem = reader.choice(thp + "shmem_enabled");
  memory.swappiness = reader.number("/proc/sys/vm/swappiness");
  memory.ksm_run = reader.number("/sys/kernel/mm/ksm/run");
}

}  // namespace assay::probes
