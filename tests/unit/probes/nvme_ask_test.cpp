// What only the drive itself knows, and drives that do not answer.
#include <gtest/gtest.h>

#include <cerrno>

#include "machine.hpp"
#include "probes/inventory_table.hpp"

namespace assay::probes {
namespace {

const std::string kController = "/sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0/";

void put_drive(MemoryHost& host) {
  put_pci(host, "0000:01:00.0", "pci0000:00/0000:01:00.0", "10802", "nvme");
  host.link("/sys/class/nvme/nvme0", kController.substr(0, kController.size() - 1));
  host.put(kController + "model", "Fast Drive\n");
  host.put(kController + "transport", "pcie\n");
  host.put(kController + "state", "live\n");
  host.put(kController + "queue_count", "9\n");
  host.put(kController + "sqsize", "1023\n");
  host.put(kController + "nvme0n1/size", "2097152\n");
  host.put(kController + "nvme0n1/nsid", "1\n");
  host.put(kController + "nvme0n1/queue/logical_block_size", "512\n");
  host.link("/sys/block/nvme0n1", kController + "nvme0n1");
  host.link("/sys/class/nvme-subsystem/nvme-subsys0/nvme0", kController);
  host.put("/sys/class/nvme-subsystem/nvme-subsys0/iopolicy", "numa\n");
}

void put_answers(MemoryHost& host) {
  host.reply({"nvme.identify", "nvme0"}, {{"version", "1.4"},
                                          {"max_transfer_bytes", "131072"},
                                          {"volatile_write_cache", "1"},
                                          {"write_cache_on", "0"},
                                          {"warning_celsius", "70"},
                                          {"critical_celsius", ""},
                                          {"power_states", "8500/0/0/1,40/5000/1200/0,nonsense"},
                                          {"power_state", "0"},
                                          {"apst", "1"},
                                          {"apst_on", "1"},
                                          {"apst_table", "0>1:100"}});
  host.reply({"nvme.smart", "nvme0"}, {{"critical_warning", "4"},
                                       {"temperature_celsius", "41"},
                                       {"spare_percent", "93"},
                                       {"spare_threshold_percent", "10"},
                                       {"used_percent", "104"},
                                       {"media_errors", "2"},
                                       {"power_on_hours", "8760"},
                                       {"written_bytes", "512000"}});
  host.reply({"nvme.namespace", "nvme0n1"},
             {{"id", "1"}, {"format", "1"}, {"formats", "512/0/2,4096/8/0"}});
}

TEST(NvmeAsk, ReadsWhatTheDriveTells) {
  MemoryHost host;
  put_drive(host);
  put_answers(host);
  const Inventory inventory = probe(host);
  const NvmeController& nvme = inventory.nvme.at(0);
  EXPECT_EQ(nvme.queue_depth, 1024U);
  EXPECT_EQ(nvme.subsystem, "nvme-subsys0");
  EXPECT_EQ(nvme.multipath_policy, "numa");
  EXPECT_EQ(nvme.version, "1.4");
  EXPECT_EQ(nvme.max_transfer_bytes, 131072U);
  EXPECT_EQ(nvme.volatile_write_cache, true);
  EXPECT_EQ(nvme.write_cache_on, false);
  EXPECT_EQ(nvme.warning_celsius, 70);
  EXPECT_EQ(nvme.critical_celsius, std::nullopt);
  ASSERT_EQ(nvme.power_states.size(), 2U);
  EXPECT_EQ(nvme.power_states[0].max_milliwatt, 8500U);
  EXPECT_EQ(nvme.power_states[1].exit, std::chrono::microseconds(1200));
  EXPECT_FALSE(nvme.power_states[1].operational);
  EXPECT_EQ(nvme.power_state, 0U);
  EXPECT_EQ(nvme.apst_on, true);
  EXPECT_EQ(nvme.apst_table, "0>1:100");
  ASSERT_TRUE(nvme.health.has_value());
  EXPECT_EQ(nvme.health->critical_warning, 4U);
  EXPECT_EQ(nvme.health->spare_percent, 93U);
  EXPECT_EQ(nvme.health->used_percent, 104U);
  EXPECT_EQ(nvme.health->media_errors, 2U);
  EXPECT_EQ(nvme.health->power_on_hours, 8760U);
  EXPECT_EQ(nvme.health->written, Bytes{512000});
  ASSERT_EQ(nvme.spaces.size(), 1U);
  EXPECT_EQ(nvme.spaces[0].id, 1U);
  EXPECT_EQ(nvme.spaces[0].block_bytes, 512U);
  EXPECT_EQ(nvme.spaces[0].format, 1U);
  EXPECT_EQ(nvme.spaces[0].metadata_bytes, 8U);
  EXPECT_EQ(nvme.spaces[0].formats.at(1).data_bytes, 4096U);
  EXPECT_NE(to_table(inventory).find("CRITICAL WARNING 0x04"), std::string::npos);
}

TEST(NvmeAsk, ADriveThatAnswersWithErrorsIsStillListed) {
  MemoryHost host;
  put_drive(host);
  for (const char* kind : {"nvme.identify", "nvme.smart"}) {
    host.reply_error({kind, "nvme0"}, errno_error(EIO, "ioctl", "/dev/nvme0"));
  }
  host.reply_error({"nvme.namespace", "nvme0n1"}, errno_error(EIO, "ioctl", "/dev/nvme0n1"));
  for (const char* name : {"model", "queue_count", "sqsize"}) host.fail(kController + name, EIO);
  host.fail(kController + "nvme0n1/size", EIO);
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.nvme.size(), 1U);
  const NvmeController& nvme = inventory.nvme[0];
  EXPECT_EQ(nvme.model, "");
  EXPECT_EQ(nvme.health, std::nullopt);
  EXPECT_NE(nvme.health_error.find("Input/output error"), std::string::npos);
  EXPECT_NE(nvme.identity_error.find("Input/output error"), std::string::npos);
  EXPECT_EQ(inventory.block.at(0).size, Bytes{});
  EXPECT_TRUE(inventory.unreadable.empty());  // not a matter of privilege
}

TEST(NvmeAsk, ADeadOrDistantControllerIsNotAsked) {
  MemoryHost host;
  put_drive(host);
  put_answers(host);
  host.put(kController + "state", "dead\n");
  NvmeController nvme = probe(host).nvme.at(0);
  EXPECT_EQ(nvme.health, std::nullopt);
  EXPECT_EQ(nvme.health_error, "the controller is dead: it was not asked");
  host.put(kController + "state", "live\n");
  host.put(kController + "transport", "tcp\n");
  nvme = probe(host).nvme.at(0);
  EXPECT_EQ(nvme.health, std::nullopt);
  EXPECT_NE(nvme.health_error.find("tcp"), std::string::npos);
}

TEST(NvmeAsk, WhatNeedsRootIsListedAsUnreadable) {
  MemoryHost host;
  put_drive(host);
  for (const char* kind : {"nvme.identify", "nvme.smart"}) {
    host.reply_error({kind, "nvme0"}, errno_error(EACCES, "open", "/dev/nvme0"));
  }
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.unreadable.size(), 1U);
  EXPECT_TRUE(inventory.unreadable[0].starts_with("/dev/nvme0: "));
  EXPECT_FALSE(inventory.nvme[0].health_error.empty());
}

TEST(NvmeAsk, LiesDoNoHarm) {
  MemoryHost host;
  put_drive(host);
  host.reply({"nvme.identify", "nvme0"}, {{"power_states", "1/2/3,-1/0/0/1,1/2/3/4/5,///"},
                                          {"warning_celsius", "99999999999"},
                                          {"power_state", "-1"},
                                          {"apst", "maybe"}});
  host.reply({"nvme.smart", "nvme0"}, {{"spare_percent", "x"}, {"temperature_celsius", "-400"}});
  host.reply({"nvme.namespace", "nvme0n1"}, {{"format", "77"}, {"formats", "512/0/2"}});
  const NvmeController nvme = probe(host).nvme.at(0);
  EXPECT_TRUE(nvme.power_states.empty());
  EXPECT_EQ(nvme.warning_celsius, std::nullopt);
  EXPECT_EQ(nvme.apst_possible, std::nullopt);
  EXPECT_EQ(nvme.health->temperature_celsius, std::nullopt);
  EXPECT_EQ(nvme.spaces.at(0).metadata_bytes, std::nullopt);
}

}  // namespace
}  // namespace assay::probes
