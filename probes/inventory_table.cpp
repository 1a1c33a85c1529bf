#include "probes/inventory_table.hpp"

#include <fmt/format.h>

#include "probes/table_sections.hpp"

namespace assay::probes {
namespace {

void host_section(const Inventory& inventory, TextPage& page) {
  const Environment& environment = inventory.environment;
  page.section("HOST");
  page.fact("name", inventory.host_name);
  page.fact("board", join_words({environment.board_vendor, environment.product_name}, " "));
  page.fact("firmware", environment.bios_version);
  page.fact("runs on", environment.hypervisor.empty()
                           ? "bare metal, as far as the CPU tells"
                           : "a virtual machine (" + environment.hypervisor + ")");
  page.fact("container", environment.container);
  page.fact("load", fmt::format("{:.2f} over the last minute", inventory.load_1m));
  if (!environment.hypervisor.empty()) {
    page.fact("steal", fmt::format("{:.2f} % of CPU time since boot", environment.steal_percent));
  }
}

void area_section(const Inventory& inventory, const InventoryView& view, Area area,
                  TextPage& page) {
  switch (area) {
    case Area::topology:
      return topology_section(inventory.topology, page);
    case Area::memory:
      return memory_section(inventory.memory, page);
    case Area::interrupts:
      return interrupt_section(inventory.interrupts, page);
    case Area::pci:
      // On the whole page the devices stand with what they are: interfaces, drives.
      if (!view.everything()) pci_section(inventory.pci, page);
      return;
    case Area::net:
      return network_section(inventory, page);
    case Area::block:
      return block_section(inventory, page);
    case Area::nvme:
      return nvme_section(inventory, page);
    case Area::rdma:
      return rdma_section(inventory, page);
    case Area::storage:
      return storage_section(view.storage ? std::vector{*view.storage} : mounted_storage(inventory),
                             page);
    case Area::mounts:
      if (!view.everything()) mount_section(inventory.mounts, page);
      return;
    case Area::kernel:
      return kernel_section(inventory.kernel, page);
    case Area::time:
      return time_section(inventory.time, page);
    case Area::limits:
      return limits_section(inventory.limits, page);
    case Area::environment:
      return environment_section(inventory.environment, page);
  }
}

}  // namespace

std::string join_words(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) {
    if (word.empty()) continue;
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

std::string describe(const Groups& groups) {
  std::string text;
  for (const auto& [value, cpus] : groups) {
    if (!text.empty()) text += "; ";
    text += value;
    // One value for all needs no list.
    if (groups.size() > 1) text += " on CPUs " + cpus.to_list();
  }
  return text;
}

std::string huge_page_words(const std::vector<HugePages>& sizes) {
  std::string text;
  for (const HugePages& pages : sizes) {
    if (pages.total == 0 && pages.free == 0) continue;
    text += fmt::format("{}{} x {} ({} free)", text.empty() ? "" : ", ", pages.total,
                        format_bytes(pages.size), pages.free);
  }
  return text.empty() && !sizes.empty() ? "none" : text;
}

std::string to_table(const Inventory& inventory, const InventoryView& view) {
  TextPage page;
  if (view.everything()) host_section(inventory, page);
  for (const AreaRow& row : area_rows()) {
    if (has(view.areas, row.area)) area_section(inventory, view, row.area, page);
  }
  page.section("NOT READABLE FOR THIS USER");
  for (const std::string& path : inventory.unreadable) page.line(path);
  return page.text();
}

std::string to_table(const Inventory& inventory) { return to_table(inventory, InventoryView{}); }

}  // namespace assay::probes
