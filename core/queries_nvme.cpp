#include "core/queries_nvme.hpp"

#include <endian.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <limits>

#include "core/fd.hpp"
#include "core/file_io.hpp"
#include "core/libnvme.hpp"
#include "core/queries_internal.hpp"

namespace assay::queries {
namespace {

std::string decimal(std::uint64_t value) { return fmt::format("{}", value); }

// Little-endian and 128 bits wide; what does not fit 64 bits is as good as infinite here.
std::uint64_t counter(const std::uint8_t (&bytes)[16]) {
  std::uint64_t value = 0;
  for (int i = 15; i >= 0; --i) {
    if (i >= 8 && bytes[i] != 0) return std::numeric_limits<std::uint64_t>::max();
    if (i < 8) value = value << 8 | bytes[i];
  }
  return value;
}

// A data unit is 1000 blocks of 512 bytes, whatever the format.
std::uint64_t unit_bytes(std::uint64_t units) {
  constexpr std::uint64_t kUnit = 512'000;
  const bool fits = units <= std::numeric_limits<std::uint64_t>::max() / kUnit;
  return fits ? units * kUnit : std::numeric_limits<std::uint64_t>::max();
}

// Temperatures are in kelvin; 0 means that the drive does not tell.
std::string celsius(unsigned kelvin) {
  return kelvin == 0 ? "" : fmt::format("{}", static_cast<int>(kelvin) - 273);
}

void add_word(std::string& list, const std::string& word) {
  if (!list.empty()) list += ',';
  list += word;
}

std::string power_states(const nvme_id_ctrl& controller) {
  std::string list;
  const unsigned last = std::min<unsigned>(controller.npss, 31);
  for (unsigned i = 0; i <= last; ++i) {
    const nvme_id_psd& state = controller.psd[i];
    // The unit of the power is 0.01 W, or 0.0001 W with the scale bit.
    const bool fine = (state.flags & NVME_PSD_FLAGS_MXPS) != 0;
    const unsigned power = le16toh(state.mp);
    const unsigned milliwatt = fine ? power / 10 : power * 10;
    const bool operational = (state.flags & NVME_PSD_FLAGS_NOPS) == 0;
    add_word(list, fmt::format("{}/{}/{}/{}", milliwatt, le32toh(state.enlat), le32toh(state.exlat),
                               operational ? 1 : 0));
  }
  return list;
}

// Entries that lead nowhere (no idle time) are left out.
std::string apst_table(const nvme_id_ctrl& controller, const nvme_feat_auto_pst& table) {
  std::string list;
  const unsigned last = std::min<unsigned>(controller.npss, 31);
  for (unsigned i = 0; i <= last; ++i) {
    const std::uint64_t entry = le64toh(table.apst_entry[i]);
    const std::uint64_t next = entry >> NVME_APST_ENTRY_ITPS_SHIFT & NVME_APST_ENTRY_ITPS_MASK;
    const std::uint64_t idle_ms = entry >> NVME_APST_ENTRY_ITPT_SHIFT & NVME_APST_ENTRY_ITPT_MASK;
    if (idle_ms != 0) add_word(list, fmt::format("{}>{}:{}", i, next, idle_ms));
  }
  return list;
}

// Opens /dev/NAME when it is a device of the kind that the driver makes.
Expected<UniqueFd> open_device(std::string_view name, FileKind kind) {
  const std::string path = "/dev/" + std::string(name);
  auto status = file_io::status_at(AT_FDCWD, path, path);
  if (!status) return Failure(status.error());
  if (status->kind != kind) {
    return fail(ErrorCode::invalid, "ask nvme", path, "it is not an NVMe device of this kind");
  }
  return file_io::open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, path);
}

// libnvme's calls give -1 with errno, or the drive's own status.
Expected<void> check(const LibNvme& library, int result, std::string_view what,
                     std::string_view target) {
  if (result == 0) return {};
  const std::string path = "/dev/" + std::string(target);
  if (result < 0) return fail_errno(errno, what, path);
  return fail(ErrorCode::io, what, path, library.nvme_status_to_string(result, false));
}

// What the header's inline nvme_identify_ctrl() and nvme_identify_ns() do.
int identify(const LibNvme& library, int fd, nvme_identify_cns what, std::uint32_t id, void* data) {
  nvme_identify_args arguments{};
  arguments.data = data;
  arguments.args_size = sizeof arguments;
  arguments.fd = fd;
  arguments.timeout = NVME_DEFAULT_IOCTL_TIMEOUT;
  arguments.cns = what;
  arguments.csi = NVME_CSI_NVM;
  arguments.nsid = id;
  arguments.cntid = NVME_CNTLID_NONE;
  arguments.cns_specific_id = NVME_CNSSPECID_NONE;
  arguments.uuidx = NVME_UUID_NONE;
  return library.nvme_identify(&arguments);
}

// What the header's inline nvme_get_log_smart() does, for the whole controller.
int smart_log(const LibNvme& library, int fd, nvme_smart_log& log) {
  nvme_get_log_args arguments{};
  arguments.log = &log;
  arguments.args_size = sizeof arguments;
  arguments.fd = fd;
  arguments.timeout = NVME_DEFAULT_IOCTL_TIMEOUT;
  arguments.lid = NVME_LOG_LID_SMART;
  arguments.len = sizeof log;
  arguments.nsid = NVME_NSID_ALL;
  arguments.csi = NVME_CSI_NVM;
  arguments.lsi = NVME_LOG_LSI_NONE;
  arguments.lsp = NVME_LOG_LSP_NONE;
  arguments.uuidx = NVME_UUID_NONE;
  // Pending events stay pending: whoever waits for them shall still get them.
  arguments.rae = true;
  return library.nvme_get_log_page(fd, NVME_LOG_PAGE_PDU_SIZE, &arguments);
}

NvmeFeatures features_of(const LibNvme& library, int fd, const nvme_id_ctrl& controller) {
  NvmeFeatures features;
  std::uint32_t value = 0;
  constexpr auto kNow = NVME_GET_FEATURES_SEL_CURRENT;
  if (library.nvme_get_features_power_mgmt(fd, kNow, &value) == 0) features.power_state = value;
  if ((controller.vwc & 1U) != 0 && library.nvme_get_features_volatile_wc(fd, kNow, &value) == 0) {
    features.write_cache = value;
  }
  if ((controller.apsta & 1U) != 0 &&
      library.nvme_get_features_auto_pst(fd, kNow, &features.apst_table, &value) == 0) {
    features.apst = value;
  }
  return features;
}

}  // namespace

Reply identify_reply(const nvme_id_ctrl& controller, const NvmeFeatures& features) {
  const std::uint32_t version = le32toh(controller.ver);
  // The unit is the drive's smallest memory page: 4 KiB in all that were ever made.
  const bool limited = controller.mdts > 0 && controller.mdts < 32;
  const bool has_cache = (controller.vwc & 1U) != 0;
  const auto told = [](const std::optional<std::uint32_t>& value, std::uint32_t mask) {
    return value ? decimal(*value & mask) : std::string();
  };
  return {{"version", version == 0 ? "" : fmt::format("{}.{}", version >> 16, version >> 8 & 0xff)},
          {"max_transfer_bytes", limited ? decimal(4096ULL << controller.mdts) : ""},
          {"volatile_write_cache", has_cache ? "1" : "0"},
          {"write_cache_on", has_cache ? told(features.write_cache, 1) : ""},
          {"warning_celsius", celsius(le16toh(controller.wctemp))},
          {"critical_celsius", celsius(le16toh(controller.cctemp))},
          {"namespaces_max", decimal(le32toh(controller.nn))},
          {"power_states", power_states(controller)},
          {"power_state", told(features.power_state, 0x1f)},
          {"apst", (controller.apsta & 1U) != 0 ? "1" : "0"},
          {"apst_on", told(features.apst, 1)},
          {"apst_table", features.apst ? apst_table(controller, features.apst_table) : ""}};
}

Reply smart_reply(const nvme_smart_log& log) {
  const unsigned kelvin = log.temperature[0] | unsigned{log.temperature[1]} << 8;
  return {{"critical_warning", decimal(log.critical_warning)},
          {"temperature_celsius", celsius(kelvin)},
          {"spare_percent", decimal(log.avail_spare)},
          {"spare_threshold_percent", decimal(log.spare_thresh)},
          {"used_percent", decimal(log.percent_used)},
          {"read_bytes", decimal(unit_bytes(counter(log.data_units_read)))},
          {"written_bytes", decimal(unit_bytes(counter(log.data_units_written)))},
          {"power_cycles", decimal(counter(log.power_cycles))},
          {"power_on_hours", decimal(counter(log.power_on_hours))},
          {"unsafe_shutdowns", decimal(counter(log.unsafe_shutdowns))},
          {"media_errors", decimal(counter(log.media_errors))},
          {"error_log_entries", decimal(counter(log.num_err_log_entries))},
          {"warning_minutes", decimal(le32toh(log.warning_temp_time))},
          {"critical_minutes", decimal(le32toh(log.critical_comp_time))}};
}

Reply namespace_reply(std::uint32_t id, const nvme_id_ns& space) {
  std::string formats;
  // Up to 64 formats; the field counts from 0.
  const unsigned last = std::min<unsigned>(space.nlbaf, 63);
  for (unsigned i = 0; i <= last; ++i) {
    const nvme_lbaf& format = space.lbaf[i];
    // The size is a power of two; 0 means that this format is not available.
    const std::uint64_t data = format.ds >= 9 && format.ds < 32 ? 1ULL << format.ds : 0;
    add_word(formats, fmt::format("{}/{}/{}", data, le16toh(format.ms), format.rp & 3U));
  }
  const unsigned format = (space.flbas & 0xfU) | (space.flbas >> 5 & 3U) << 4;
  return {{"id", decimal(id)},
          {"blocks", decimal(le64toh(space.nsze))},
          {"used_blocks", decimal(le64toh(space.nuse))},
          {"format", decimal(format)},
          {"formats", formats}};
}

Expected<Reply> nvme_identify(std::string_view target) {
  auto fd = open_device(target, FileKind::character);
  if (!fd) return Failure(fd.error());
  const auto library = libnvme();
  if (!library) return Failure(library.error());
  nvme_id_ctrl controller{};
  const int result =
      identify(**library, fd->get(), NVME_IDENTIFY_CNS_CTRL, NVME_NSID_NONE, &controller);
  auto asked = check(**library, result, "nvme identify", target);
  if (!asked) return Failure(asked.error());
  return identify_reply(controller, features_of(**library, fd->get(), controller));
}

Expected<Reply> nvme_smart(std::string_view target) {
  auto fd = open_device(target, FileKind::character);
  if (!fd) return Failure(fd.error());
  const auto library = libnvme();
  if (!library) return Failure(library.error());
  nvme_smart_log log{};
  const int result = smart_log(**library, fd->get(), log);
  auto asked = check(**library, result, "nvme smart", target);
  if (!asked) return Failure(asked.error());
  return smart_reply(log);
}

Expected<Reply> nvme_namespace(std::string_view target) {
  auto fd = open_device(target, FileKind::block);
  if (!fd) return Failure(fd.error());
  const auto library = libnvme();
  if (!library) return Failure(library.error());
  std::uint32_t id = 0;
  int result = (*library)->nvme_get_nsid(fd->get(), &id);
  auto asked = check(**library, result, "nvme namespace", target);
  if (!asked) return Failure(asked.error());
  nvme_id_ns space{};
  result = identify(**library, fd->get(), NVME_IDENTIFY_CNS_NS, id, &space);
  asked = check(**library, result, "nvme namespace", target);
  if (!asked) return Failure(asked.error());
  return namespace_reply(id, space);
}

}  // namespace assay::queries
