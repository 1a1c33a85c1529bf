#include "persist_fixture.hpp"

#include <gtest/gtest.h>

#include "fake_machine.hpp"
#include "probes/probe.hpp"
#include "tuner/readers.hpp"

namespace assay::tuner::testing {

std::unique_ptr<MemoryHost> make_debian() {
  auto host = tuner::testing::make_machine();
  host->put("/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
  host->put("/usr/sbin/update-grub", "");
  host->put("/usr/lib/systemd/systemd", "");
  host->directory("/run/systemd/system");
  host->put("/run/udev/control", "");
  for (const char* folder : {"/etc/network/if-up.d", "/etc/udev/rules.d", "/etc/security"}) {
    host->directory(folder);
  }
  return host;
}

Viewed::Viewed(const Host& host)
    // Only what persistence looks at: a property makes hundreds of views.
    : inventory_(probes::probe(host, {.areas = *probes::parse_areas(
                                          {"environment", "limits", "memory", "interrupts"})})),
      persisted_(read_persisted(host)),
      view_{host, inventory_, persisted_, roles_} {}

PersistItem item(std::string_view id, std::string_view value, Target target) {
  const Setting* setting = find_setting(id);
  if (setting == nullptr) {
    ADD_FAILURE() << "no row " << id;
    return {};
  }
  return {setting, target, path_of(*setting, target), std::string(value)};
}

Target drive() { return {"pci-0000:01:00.0/ns1", "nvme0n1"}; }
Target nic() { return {"pci-0000:03:00.0/0", "eth0"}; }

std::vector<PersistItem> all_kinds() {
  return {item("cpu.governor", "performance", {"cpu0", "0"}),
          item("memory.swappiness", "0"),
          item("memory.stat-interval", "10"),
          item("memory.hugepages-1g", "4", {"node0", "0"}),
          item("memory.hugepages-1g", "2", {"node1", "1"}),
          item("net.napi-defer-hard-irqs", "2", nic()),
          item("block.scheduler", "none", drive()),
          item("block.nr-requests", "256", drive()),
          item("block.apst", "0", {"pci-0000:01:00.0", "nvme0"}),
          item("block.nvme-poll-queues", "4"),
          item("irq.irqbalance", "stopped"),
          item("boot.isolcpus", "2-3"),
          item("boot.nohz-full", "2-3"),
          item("boot.nosoftlockup", "yes"),
          item("boot.hugepages", "512"),
          item("limits.memlock", "unlimited"),
          item("limits.rtprio", "95"),
          item("limits.nofile", "65536")};
}

PersistedProfile some_profile() {
  return {.name = "low-latency", .yaml = "schema: assay.profile\nversion: 1\nname: low-latency\n"};
}

void perform_files(MemoryHost& host, const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    if (change.kind == ChangeKind::run) continue;
    const auto done = perform(host, change);
    EXPECT_TRUE(done) << change.path << ": " << done.error().message();
  }
}

std::vector<std::pair<std::string, std::string>> etc_of(const MemoryHost& host,
                                                        const std::string& folder) {
  std::vector<std::pair<std::string, std::string>> files;
  const auto names = host.list(folder);
  if (!names) return files;
  for (const std::string& name : *names) {
    const std::string path = folder + "/" + name;
    const auto status = host.status(path);
    if (!status) continue;
    if (status->kind == FileKind::directory) {
      for (auto& below : etc_of(host, path)) files.push_back(std::move(below));
    } else if (status->kind == FileKind::regular) {
      files.emplace_back(path, host.read(path).value_or(""));
    }
  }
  return files;
}

}  // namespace assay::tuner::testing
