#include "core/queries_nvme.hpp"

#include <endian.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "core/queries.hpp"

namespace assay::queries {
namespace {

nvme_id_ctrl controller() {
  nvme_id_ctrl drive{};
  std::memcpy(drive.sn, "SECRET-SERIAL-123456", sizeof drive.sn);
  drive.ver = htole32(0x00010400);
  drive.mdts = 5;
  drive.vwc = 1;
  drive.wctemp = htole16(343);
  drive.npss = 1;
  drive.apsta = 1;
  drive.nn = htole32(16);
  drive.psd[0].mp = htole16(850);  // 0.01 W each
  drive.psd[1].mp = htole16(400);  // 0.0001 W each
  drive.psd[1].flags = NVME_PSD_FLAGS_MXPS | NVME_PSD_FLAGS_NOPS;
  drive.psd[1].enlat = htole32(5000);
  drive.psd[1].exlat = htole32(1200);
  return drive;
}

TEST(NvmeReplies, IdentifyTellsStatesAndLimitsButNoSerial) {
  NvmeFeatures features;
  features.power_state = 0x20;  // the workload hint above the state's bits
  features.write_cache = 1;
  features.apst = 1;
  features.apst_table.apst_entry[0] = htole64(1ULL << 3 | 100ULL << 8);
  const Reply reply = identify_reply(controller(), features);
  EXPECT_EQ(reply.at("version"), "1.4");
  EXPECT_EQ(reply.at("max_transfer_bytes"), "131072");
  EXPECT_EQ(reply.at("volatile_write_cache"), "1");
  EXPECT_EQ(reply.at("write_cache_on"), "1");
  EXPECT_EQ(reply.at("warning_celsius"), "70");
  EXPECT_EQ(reply.at("critical_celsius"), "");
  EXPECT_EQ(reply.at("namespaces_max"), "16");
  EXPECT_EQ(reply.at("power_states"), "8500/0/0/1,40/5000/1200/0");
  EXPECT_EQ(reply.at("power_state"), "0");
  EXPECT_EQ(reply.at("apst_table"), "0>1:100");
  for (const auto& [key, value] : reply) EXPECT_EQ(value.find("SECRET"), std::string::npos) << key;
}

TEST(NvmeReplies, WhatADriveLacksIsEmpty) {
  const Reply reply = identify_reply(nvme_id_ctrl{}, NvmeFeatures{});
  EXPECT_EQ(reply.at("version"), "");
  EXPECT_EQ(reply.at("max_transfer_bytes"), "");
  EXPECT_EQ(reply.at("volatile_write_cache"), "0");
  EXPECT_EQ(reply.at("write_cache_on"), "");
  EXPECT_EQ(reply.at("apst"), "0");
  EXPECT_EQ(reply.at("apst_table"), "");
}

TEST(NvmeReplies, ADriveThatClaimsTooMuchIsCutToTheStructure) {
  nvme_id_ctrl drive = controller();
  drive.npss = 255;
  drive.mdts = 255;
  const Reply reply = identify_reply(drive, NvmeFeatures{});
  const std::string states = reply.at("power_states");
  EXPECT_EQ(std::count(states.begin(), states.end(), ','), 31);
  EXPECT_EQ(reply.at("max_transfer_bytes"), "");
  nvme_id_ns space{};
  space.nlbaf = 255;
  const std::string formats = namespace_reply(1, space).at("formats");
  EXPECT_EQ(std::count(formats.begin(), formats.end(), ','), 63);
}

TEST(NvmeReplies, SmartCountsInBytesAndNeverOverflows) {
  nvme_smart_log log{};
  log.critical_warning = 4;
  log.temperature[0] = 314 & 0xff;
  log.temperature[1] = 314 >> 8;
  log.avail_spare = 93;
  log.spare_thresh = 10;
  log.percent_used = 104;
  log.data_units_written[0] = 2;
  std::memset(log.data_units_read, 0xff, sizeof log.data_units_read);
  log.media_errors[1] = 1;
  log.warning_temp_time = htole32(12);
  const Reply reply = smart_reply(log);
  EXPECT_EQ(reply.at("critical_warning"), "4");
  EXPECT_EQ(reply.at("temperature_celsius"), "41");
  EXPECT_EQ(reply.at("used_percent"), "104");
  EXPECT_EQ(reply.at("written_bytes"), "1024000");
  EXPECT_EQ(reply.at("read_bytes"), "18446744073709551615");
  EXPECT_EQ(reply.at("media_errors"), "256");
  EXPECT_EQ(reply.at("warning_minutes"), "12");
}

TEST(NvmeReplies, ANamespaceTellsItsFormats) {
  nvme_id_ns space{};
  space.nsze = htole64(1000);
  space.nuse = htole64(10);
  space.nlbaf = 2;
  space.flbas = 1;
  space.lbaf[0] = {0, 9, 2};
  space.lbaf[1] = {htole16(8), 12, 0};
  const Reply reply = namespace_reply(3, space);
  EXPECT_EQ(reply.at("id"), "3");
  EXPECT_EQ(reply.at("blocks"), "1000");
  EXPECT_EQ(reply.at("format"), "1");
  EXPECT_EQ(reply.at("formats"), "512/0/2,4096/8/0,0/0/0");
}

TEST(NvmeReplies, HaveTheKeysOfTheTable) {
  const auto keys = [](const Reply& reply) {
    std::string list;
    for (const auto& [key, value] : reply) list += key + ",";
    return list;
  };
  const auto named = [&](std::string_view kind) {
    Reply reply;
    std::string_view rest = find_query_kind(kind)->keys;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      reply.emplace(rest.substr(0, comma), "");
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return keys(reply);
  };
  EXPECT_EQ(keys(identify_reply({}, {})), named("nvme.identify"));
  EXPECT_EQ(keys(smart_reply({})), named("nvme.smart"));
  EXPECT_EQ(keys(namespace_reply(1, {})), named("nvme.namespace"));
}

TEST(NvmeQueries, OnlyNamesOfNvmeDevicesAreOpened) {
  for (const char* good : {"nvme0", "nvme12", "nvme0n1", "nvme12n34"}) {
    EXPECT_TRUE(is_nvme_name(good)) << good;
  }
  for (const char* bad : {"", "nvme", "nvmen1", "nvme0n", "nvme0n1p1", "sda", "nvme0/../sda",
                          "nvme0n1n2", "nvme00000000000000000000000000000000"}) {
    EXPECT_FALSE(is_nvme_name(bad)) << bad;
    EXPECT_FALSE(answer_query({"nvme.smart", bad}).has_value()) << bad;
  }
  const auto gone = answer_query({"nvme.identify", "nvme987654"});
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().code, ErrorCode::absent);
}

}  // namespace
}  // namespace assay::queries
