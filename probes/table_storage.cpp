#include <fmt/format.h>

#include <algorithm>

#include "probes/table_sections.hpp"

namespace assay::probes {
namespace {

std::string text_of(const std::optional<std::int64_t>& value) {
  return value ? fmt::format("{}", *value) : std::string();
}

std::string number_of(const std::optional<unsigned>& value) {
  return value ? fmt::format("{}", *value) : std::string();
}

std::string mounts_of(const Inventory& inventory, const BlockDevice& device) {
  std::vector<std::string> points;
  for (const Mount& mount : inventory.mounts) {
    if (mount.drive == device.name) points.push_back(mount.point);
  }
  return join_words(points, " ");
}

std::string layer_words(const BlockDevice& device) {
  return join_words({device.kind, device.layer == device.kind ? "" : device.layer,
                     device.array_state == "degraded" ? "degraded" : ""},
                    " ");
}

std::string format_words(const NvmeNamespace& space) {
  std::string text = format_bytes(Bytes{space.block_bytes});
  if (space.metadata_bytes && *space.metadata_bytes > 0) {
    text += fmt::format("+{}", *space.metadata_bytes);
  }
  if (space.format) text += fmt::format(" (format {} of {})", *space.format, space.formats.size());
  return text;
}

std::string apst_words(const NvmeController& nvme) {
  if (!nvme.apst_possible) {
    return nvme.latency_tolerance_us.empty() ? "" : "≤ " + nvme.latency_tolerance_us + " µs";
  }
  if (!*nvme.apst_possible) return "cannot";
  return nvme.apst_on == std::optional(true) ? "on" : "off";
}

// "0: 8.5 W; 3: 40 mW, out in 1.2 ms": the states and what leaving them costs.
std::string power_words(const NvmeController& nvme) {
  std::string text;
  for (std::size_t i = 0; i < nvme.power_states.size(); ++i) {
    const NvmePowerState& state = nvme.power_states[i];
    if (!text.empty()) text += "; ";
    text += fmt::format("{}: {} mW", i, state.max_milliwatt);
    if (state.exit.count() > 0) text += fmt::format(", out in {} µs", state.exit.count());
    if (!state.operational) text += ", idle only";
    if (nvme.power_state == i) text += " (now)";
  }
  return text;
}

void health_lines(const NvmeController& nvme, TextPage& page) {
  if (!nvme.health) {
    if (!nvme.health_error.empty()) page.fact(nvme.name, "health: " + nvme.health_error);
    return;
  }
  const NvmeHealth& health = *nvme.health;
  std::string text = fmt::format(
      "spare {} % (alarm at {} %), {} % worn, {} media errors, {} unsafe shutdowns, {} h on",
      health.spare_percent, health.spare_threshold_percent, health.used_percent,
      health.media_errors, health.unsafe_shutdowns, health.power_on_hours);
  if (health.critical_warning != 0) {
    text = fmt::format("CRITICAL WARNING 0x{:02x}: ", health.critical_warning) + text;
  }
  page.fact(nvme.name, text);
}

// Layers below one another, each indented under what it carries.
void tree_lines(const StorageNode& node, const std::string& indent, TextPage& page) {
  std::vector<std::string> words{node.name, node.what};
  if (node.size.count > 0) words.push_back(format_bytes_short(node.size));
  if (!node.detail.empty()) words.push_back(node.detail);
  page.line(indent + "└ " + join_words(words, "  "));
  for (const StorageNode& below : node.below) tree_lines(below, indent + "  ", page);
}

}  // namespace

void block_section(const Inventory& inventory, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  std::map<std::string, unsigned> unused;
  for (const BlockDevice& device : inventory.block) {
    if (!device.physical && device.size.count == 0) {
      ++unused[device.kind];
      continue;
    }
    rows.push_back({device.name, device.target, layer_words(device), device.model,
                    format_bytes_short(device.size), device.scheduler, text_of(device.nr_requests),
                    fmt::format("{}", device.queues), number_of(device.poll_queues),
                    device.write_cache, node_word(device.node), speed_words(device.link),
                    mounts_of(inventory, device)});
  }
  page.section("DRIVES");
  page.table({"NAME!", "TARGET!", "KIND", "MODEL", "SIZE>", "SCHEDULER", "REQS>", "QUEUES>",
              "POLLED>", "CACHE", "NODE>", "PCIE", "MOUNTED"},
             std::move(rows));
  std::vector<std::string> empty;
  for (const auto& [kind, count] : unused) empty.push_back(fmt::format("{} {}", count, kind));
  page.fact("empty", join_words(empty, ", "));
}

void nvme_section(const Inventory& inventory, TextPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const NvmeController& nvme : inventory.nvme) {
    const std::string heat =
        nvme.temperature_celsius ? fmt::format("{:.0f} °C", *nvme.temperature_celsius) : "";
    rows.push_back({nvme.name, nvme.model, nvme.firmware, nvme.pci_address, nvme.state,
                    fmt::format("{}", nvme.queue_count), number_of(nvme.queue_depth),
                    apst_words(nvme), heat, node_word(nvme.node), speed_words(nvme.link)});
  }
  page.section("NVME CONTROLLERS");
  page.table({"NAME", "MODEL", "FIRMWARE", "ADDRESS", "STATE", "QUEUES>", "DEPTH>", "APST", "HEAT>",
              "NODE>", "PCIE"},
             std::move(rows));
  std::vector<std::vector<std::string>> spaces;
  for (const NvmeController& nvme : inventory.nvme) {
    health_lines(nvme, page);
    page.fact(nvme.name, power_words(nvme));
    for (const NvmeNamespace& space : nvme.spaces) {
      spaces.push_back({space.name, number_of(space.id), format_bytes_short(space.size),
                        format_words(space), nvme.name});
    }
  }
  page.section("NVME NAMESPACES");
  page.table({"NAME", "ID>", "SIZE>", "BLOCKS", "CONTROLLER"}, std::move(spaces));
}

void storage_section(const std::vector<StoragePath>& paths, TextPage& page) {
  // A host of containers mounts the same drives again and again.
  constexpr std::size_t kShown = 24;
  page.section("STORAGE: from a path down to its drives");
  for (std::size_t i = 0; i < paths.size() && i < kShown; ++i) {
    const StoragePath& path = paths[i];
    std::string head = path.path;
    if (path.mount_point != path.path) head += "  on " + path.mount_point;
    page.line(join_words({head, path.type, path.note}, "  "));
    for (const StorageNode& node : path.tree) tree_lines(node, "", page);
  }
  if (paths.size() > kShown) page.line(fmt::format("and {} more", paths.size() - kShown));
}

}  // namespace assay::probes
