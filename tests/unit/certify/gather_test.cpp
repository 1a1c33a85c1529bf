#include "certify/gather.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "assay_test_paths.hpp"
#include "core/capture_archive.hpp"
#include "probes/inventory_json.hpp"
#include "probes/probe.hpp"
#include "profiles/loader.hpp"
#include "tests/fakes/document_differences.hpp"
#include "tests/fakes/rack_server.hpp"
#include "tuner/check.hpp"
#include "tuner/explain.hpp"

namespace assay::certify {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// A capture of the host, written and opened again.
class Captured {
 public:
  explicit Captured(const Host& host, const GatherOptions& options = {}) {
    std::string pattern = (fs::temp_directory_path() / "assay-gather-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return;
    directory_ = pattern;
    auto gathered = gather(host, options);
    if (!gathered) return;
    gathered_ = *std::move(gathered);
    const auto bytes = pack_capture(gathered_.tree);
    if (!bytes) return;
    const std::string path = directory_ / "capture.tar.zst";
    std::ofstream(path, std::ios::binary) << *bytes;
    auto opened = open_capture(path);
    if (opened) host_ = *std::move(opened);
  }
  ~Captured() { fs::remove_all(directory_); }
  const Host& host() const { return *host_; }
  bool good() const { return host_ != nullptr; }
  const Gathered& gathered() const { return gathered_; }

 private:
  fs::path directory_;
  Gathered gathered_;
  std::unique_ptr<Host> host_;
};

Json probed(const Host& host) { return probes::to_json(probes::probe(host)); }
Json explained(const Host& host) {
  return tuner::to_json(tuner::explain_all(host, probes::probe(host)));
}
Json checked(const Host& host, const char* name) {
  const auto profile = profiles::load_profile(name, {});
  if (!profile) return profile.error().message();
  const auto report = tuner::check(host, probes::probe(host), *profile, {});
  return report ? tuner::to_json(*report) : Json(report.error().message());
}

TEST(Gather, WithIdentityTheCaptureSaysTheSame) {
  const auto server = fakes::make_rack_server();
  const Captured captured(*server, {.with_identity = true});
  ASSERT_TRUE(captured.good());
  EXPECT_EQ(fakes::differences(probed(*server), probed(captured.host())), std::set<std::string>());
  EXPECT_EQ(fakes::differences(explained(*server), explained(captured.host())),
            std::set<std::string>());
  for (const profiles::BuiltIn& profile : profiles::built_in_profiles()) {
    EXPECT_EQ(fakes::differences(checked(*server, profile.name.data()),
                                 checked(captured.host(), profile.name.data())),
              std::set<std::string>())
        << profile.name;
  }
}

// docs/captures.md has this table.
TEST(Gather, WithoutIdentityOnlyTheNamedFieldsDiffer) {
  const auto server = fakes::make_rack_server();
  const Captured captured(*server);
  ASSERT_TRUE(captured.good());
  const std::set<std::string> allowed{"host.name",
                                      "environment.machine_id_hash",
                                      "environment.cgroup",
                                      "kernel.boot_id",
                                      "kernel.command_line",
                                      "interrupts.irqs.*.actions.*",
                                      "interrupts.irqs.*.target",
                                      "net.*.name",
                                      "net.*.address_hash",
                                      "block.*.serial_hash",
                                      "block.*.target",
                                      "nvme.*.serial_hash",
                                      "mounts.*.point",
                                      "mounts.*.source",
                                      "mounts.*.options",
                                      "memory.swaps.*.path",
                                      "block.*.mapped_name",
                                      "environment.provenance.*.key",
                                      "environment.provenance.*.value",
                                      "interrupts.irqs.*.serves.*",
                                      "storage.*.drives.*",
                                      "storage.*.mount_point",
                                      "storage.*.path",
                                      "storage.*.source",
                                      "storage.*.tree.*.detail",
                                      "digests.identity",
                                      "digests.configuration",
                                      "digests.state"};
  for (const std::string& path : fakes::differences(probed(*server), probed(captured.host()))) {
    EXPECT_TRUE(allowed.contains(path)) << path;
  }
}

TEST(Gather, WithoutIdentityTheChecksSayTheSame) {
  const auto server = fakes::make_rack_server();
  const Captured captured(*server);
  ASSERT_TRUE(captured.good());
  for (const profiles::BuiltIn& profile : profiles::built_in_profiles()) {
    const Json here = checked(*server, profile.name.data());
    const Json there = checked(captured.host(), profile.name.data());
    ASSERT_TRUE(here.contains("settings")) << here;
    for (const std::string& path : fakes::differences(here, there)) {
      // Targets that are named after a serial number or an address.
      EXPECT_TRUE(path == "settings.*.target" || path == "settings.*.local") << path;
    }
  }
}

TEST(Gather, NothingPrivateStandsAnywhere) {
  const auto server = fakes::make_rack_server();
  const auto gathered = gather(*server, {});
  ASSERT_TRUE(gathered.has_value());
  std::string everything = format_capture_replies(gathered->tree.replies);
  for (const auto& [path, node] : gathered->tree.nodes) {
    everything += path + "\n" + node.content + "\n";
  }
  for (const std::string_view secret : fakes::rack_server_secrets()) {
    const std::size_t at = everything.find(secret);
    EXPECT_EQ(at, std::string::npos)
        << secret << " in: " << everything.substr(at > 60 ? at - 60 : 0, 150);
  }
}

// The test above would pass as well if nothing were recorded.
TEST(Gather, WithIdentityTheSecretsAreThere) {
  const auto server = fakes::make_rack_server();
  const auto gathered = gather(*server, {.with_identity = true});
  ASSERT_TRUE(gathered.has_value());
  std::string everything = format_capture_replies(gathered->tree.replies);
  for (const auto& [path, node] : gathered->tree.nodes) {
    everything += path + "\n" + node.content + "\n";
  }
  for (const char* secret : {"nyc4-rack12", "alice", "hunter2", "00:1b:21", "S6CKNT0W", "3d1219c7",
                             "0fb3f5cc", "ZC1A9X7Q", "10.20.30."}) {
    EXPECT_NE(everything.find(secret), std::string::npos) << secret;
  }
}

TEST(Gather, ADriveKeepsOneStandInWhereverItIsNamed) {
  const auto server = fakes::make_rack_server();
  const Captured captured(*server);
  ASSERT_TRUE(captured.good());
  const probes::Inventory inventory = probes::probe(captured.host());
  ASSERT_EQ(inventory.nvme.size(), 1U);
  ASSERT_FALSE(inventory.block.empty());
  EXPECT_EQ(inventory.nvme[0].model, "Example NVMe 1T");
  EXPECT_EQ(inventory.nvme[0].firmware, "1.2.3.4") << "a version is no address";
  // The volume is still what is mounted on "/".
  const auto root = std::ranges::find(inventory.mounts, "/", &probes::Mount::point);
  ASSERT_NE(root, inventory.mounts.end());
  EXPECT_EQ(root->block_device, "dm-0");
  // And the interrupts still belong to the interface.
  const auto nic = std::ranges::find(inventory.nics, "physical", &probes::Nic::kind);
  ASSERT_NE(nic, inventory.nics.end());
  EXPECT_EQ(nic->irqs, (std::vector<std::string>{"40", "41"}));
  EXPECT_TRUE(nic->name.starts_with("enx02")) << nic->name;
}

TEST(Gather, TwoCapturesCannotBeJoined) {
  const auto server = fakes::make_rack_server();
  const auto one = gather(*server, {});
  const auto other = gather(*server, {});
  EXPECT_NE(one->tree.nodes.at("/etc/machine-id").content,
            other->tree.nodes.at("/etc/machine-id").content);
}

TEST(Gather, SaysWhatItCouldNotRead) {
  const auto server = fakes::make_rack_server();
  const auto gathered = gather(*server, {});
  ASSERT_EQ(gathered->unreadable.size(), 1U);
  EXPECT_NE(gathered->unreadable[0].find("/sys/kernel/debug/sched/preempt"), std::string::npos);
  const auto document = to_json(*gathered, "x.tar.zst", 10, "sha256:00");
  EXPECT_EQ(document["unreadable"].size(), 1U);
  EXPECT_GT(document["files_read"].get<std::size_t>(), 100U);
  EXPECT_GT(document["replaced"]["mac"].get<std::size_t>(), 0U);
  EXPECT_EQ(document["processes_left_out"], 1);
}

TEST(Gather, StopsWhenAsked) {
  const auto server = fakes::make_rack_server();
  const std::atomic<bool> stop{true};
  const auto gathered = gather(*server, {.stop = &stop});
  ASSERT_FALSE(gathered.has_value());
  EXPECT_EQ(gathered.error().code, ErrorCode::interrupted);
}

// The capture that the golden tests read. ASSAY_UPDATE_GOLDEN=1 makes it anew, after probes have
// learned to read more.
TEST(Gather, TheKeptCaptureIsOfThisServer) {
  const auto server = fakes::make_rack_server();
  const std::string kept = ASSAY_SOURCE_DIR "/tests/captures/8x86-2s2n-nic-nvme-scsi.tar.zst";
  if (std::getenv("ASSAY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(kept, std::ios::binary) << pack_capture(gather(*server, {})->tree).value();
  }
  const auto host = open_capture(kept);
  ASSERT_TRUE(host.has_value()) << host.error().message();
  const probes::Inventory inventory = probes::probe(**host);
  const probes::Inventory fresh = probes::probe(*server);
  EXPECT_EQ(inventory.topology.counts.cpus, fresh.topology.counts.cpus);
  EXPECT_EQ(inventory.interrupts.irqs.size(), fresh.interrupts.irqs.size());
  EXPECT_EQ(inventory.nics.size(), fresh.nics.size());
  EXPECT_EQ(inventory.block.size(), fresh.block.size());
  EXPECT_EQ(inventory.unreadable, fresh.unreadable) << "denied there is denied here";
  EXPECT_NE(inventory.host_name, fresh.host_name);
}

TEST(Gather, ACaptureOfACaptureSaysTheSame) {
  const auto server = fakes::make_rack_server();
  const Captured first(*server);
  ASSERT_TRUE(first.good());
  const Captured second(first.host(), {.with_identity = true});
  ASSERT_TRUE(second.good());
  EXPECT_EQ(fakes::differences(probed(first.host()), probed(second.host())),
            std::set<std::string>());
}

}  // namespace
}  // namespace assay::certify
