// The words that settings of the boot line become.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>

#include "core/units.hpp"
#include "tuner/persist_files.hpp"
#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

// How a row's value is written; "{}" stands for it. In the order in which the words are written:
// the numbers of huge pages belong to the size before them.
struct BootWord {
  std::string_view id, form;
};
constexpr std::array kWords{
    // "managed_irq" keeps drivers' own interrupts away too; "domain" is what isolcpus= alone means.
    BootWord{"boot.isolcpus", "isolcpus=managed_irq,domain,{}"},
    BootWord{"boot.nohz-full", "nohz_full={}"},
    BootWord{"boot.rcu-nocbs", "rcu_nocbs={}"},
    BootWord{"boot.irqaffinity", "irqaffinity={}"},
    BootWord{"boot.skew-tick", "skew_tick={}"},
    BootWord{"boot.nosoftlockup", "nosoftlockup"},
    BootWord{"boot.nmi-watchdog", "nmi_watchdog={}"},
    BootWord{"boot.tsc", "tsc={}"},
    BootWord{"boot.transparent-hugepage", "transparent_hugepage={}"},
    BootWord{"boot.iommu", "iommu={}"},
    BootWord{"time.clocksource", "clocksource={}"},
    BootWord{"boot.default-hugepagesz", "default_hugepagesz={}"},
    BootWord{"boot.hugepages", "hugepages={}"},
};
constexpr std::string_view kGigantic = "memory.hugepages-1g";

// The number of the node in "node3".
std::string_view node_of(const Target& target) {
  const std::string_view name = target.name;
  return name.starts_with("node") ? name.substr(4) : std::string_view{};
}

bool is_short_number(std::string_view text) {
  return !text.empty() && text.size() <= 9 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Pages of a node each: "hugepages=0:4,1:4" (since Linux 5.16).
Expected<std::string> gigantic_words(std::span<const PersistItem> items) {
  std::map<unsigned long, std::string> by_node;
  for (const PersistItem& item : items) {
    if (item.setting->id != kGigantic) continue;
    const std::string_view node = node_of(item.target);
    if (!is_short_number(node)) return not_plain(item, "node", item.target.name);
    if (!is_short_number(item.value)) return not_plain(item, "number of pages", item.value);
    by_node[std::stoul(std::string(node))] = item.value;
  }
  std::string pages;
  for (const auto& [node, count] : by_node) {
    pages += fmt::format("{}{}:{}", pages.empty() ? "" : ",", node, count);
  }
  return pages.empty() ? pages : "hugepagesz=1G hugepages=" + pages;
}

std::string page_size(Bytes size) {
  return size.count % (1ULL << 30) == 0
             ? fmt::format("{}G", size.count >> 30)
             : fmt::format("{}M", std::max<std::uint64_t>(1, size.count >> 20));
}

// A number of huge pages is of the size named before it, wherever on the line that was.
std::string with_size(const HostView& view, std::string word) {
  const Bytes size = view.inventory.memory.default_huge_page;
  if (size.count == 0) return word;
  return fmt::format("hugepagesz={} {}", page_size(size), word);
}

// "" for a value that means that the word is not there.
Expected<std::string> word_of(const HostView& view, const BootWord& row, const PersistItem& item) {
  if (!is_plain(item.value, false)) return not_plain(item, "value", item.value);
  if (item.setting->kind == ValueKind::flag) {
    const bool on = item.value == "yes" || item.value == "1" || item.value == "on";
    return on ? std::string(row.form) : std::string();
  }
  if (item.value == "none" && item.setting->kind == ValueKind::cpu_list) return std::string();
  std::string word(row.form);
  if (const std::size_t at = word.find("{}"); at != std::string::npos) {
    // A size as the kernel writes it: "2MiB" is 2M.
    const auto size = item.setting->kind == ValueKind::bytes ? parse_bytes(item.value)
                                                             : Expected<Bytes>(Bytes{0});
    word.replace(at, 2, size && size->count != 0 ? page_size(*size) : item.value);
  }
  return row.id == "boot.hugepages" ? with_size(view, std::move(word)) : word;
}

}  // namespace

Expected<std::string> boot_words(const HostView& view, std::span<const PersistItem> items) {
  std::string text;
  for (const PersistItem& item : items) {
    if (item.setting->lasting != Lasting::boot_line || item.setting->id == kGigantic) continue;
    if (std::ranges::find(kWords, item.setting->id, &BootWord::id) == kWords.end()) {
      return fail(ErrorCode::invalid, "persist", item.setting->id,
                  "it has no word on the boot line");
    }
  }
  for (const BootWord& row : kWords) {
    std::string found;
    for (const PersistItem& item : items) {
      if (item.setting->id != row.id) continue;
      auto word = word_of(view, row, item);
      if (!word) return word;
      if (!found.empty() && found != *word) {
        return fail(ErrorCode::invalid, "persist", row.id,
                    fmt::format("the boot line would have both {} and {}", found, *word));
      }
      found = *std::move(word);
    }
    if (!found.empty()) text += (text.empty() ? "" : " ") + found;
  }
  auto gigantic = gigantic_words(items);
  if (!gigantic) return gigantic;
  if (!gigantic->empty()) text += (text.empty() ? "" : " ") + *gigantic;
  return text;
}

}  // namespace assay::tuner
