// What the words of core/queries.cpp's nvme rows are made of: pure functions over the drive's own
// structures (NVM Express specifications), apart from the ioctls so that they can be tested without
// a drive. Internal to core; thread-safe. No serial number or other identity is taken over.
#pragma once

#include <libnvme.h>

#include <cstdint>
#include <optional>

#include "core/host.hpp"

namespace assay::queries {

// The features' current values; absent where the drive did not answer.
struct NvmeFeatures {
  std::optional<std::uint32_t> power_state, write_cache, apst;
  nvme_feat_auto_pst apst_table{};
};

// Reply of "nvme.identify".
Reply identify_reply(const nvme_id_ctrl& controller, const NvmeFeatures& features);
// Reply of "nvme.smart". Counters of 128 bits that do not fit 64 stay at the largest number.
Reply smart_reply(const nvme_smart_log& log);
// Reply of "nvme.namespace".
Reply namespace_reply(std::uint32_t id, const nvme_id_ns& space);

}  // namespace assay::queries
