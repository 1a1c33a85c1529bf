#include "probes/arm_names.hpp"

#include <algorithm>
#include <array>

namespace assay::probes {
namespace {

struct Vendor {
  std::string_view implementer, name;
};
constexpr auto kVendors = std::to_array<Vendor>({{"0x41", "Arm"},
                                                 {"0x42", "Broadcom"},
                                                 {"0x43", "Cavium"},
                                                 {"0x46", "Fujitsu"},
                                                 {"0x48", "HiSilicon"},
                                                 {"0x4e", "NVIDIA"},
                                                 {"0x50", "APM"},
                                                 {"0x51", "Qualcomm"},
                                                 {"0x53", "Samsung"},
                                                 {"0x56", "Marvell"},
                                                 {"0x61", "Apple"},
                                                 {"0x6d", "Microsoft"},
                                                 {"0x70", "Phytium"},
                                                 {"0xc0", "Ampere"}});

struct Model {
  std::string_view implementer, part, name;
};
// Servers first, then what boards and laptops have.
constexpr auto kModels =
    std::to_array<Model>({{"0x41", "0xd0c", "Neoverse-N1"},  {"0x41", "0xd49", "Neoverse-N2"},
                          {"0x41", "0xd8e", "Neoverse-N3"},  {"0x41", "0xd40", "Neoverse-V1"},
                          {"0x41", "0xd4f", "Neoverse-V2"},  {"0x41", "0xd84", "Neoverse-V3"},
                          {"0x41", "0xd4a", "Neoverse-E1"},  {"0xc0", "0xac3", "Ampere-1"},
                          {"0xc0", "0xac4", "Ampere-1a"},    {"0x43", "0x0a1", "ThunderX"},
                          {"0x43", "0x0af", "ThunderX2"},    {"0x43", "0x0b8", "ThunderX3"},
                          {"0x46", "0x001", "A64FX"},        {"0x48", "0xd01", "TaiShan v110"},
                          {"0x48", "0xd02", "TaiShan v120"}, {"0x4e", "0x003", "Denver 2"},
                          {"0x4e", "0x004", "Carmel"},       {"0x50", "0x000", "X-Gene"},
                          {"0x51", "0xc00", "Falkor"},       {"0x51", "0xc01", "Saphira"},
                          {"0x41", "0xc07", "Cortex-A7"},    {"0x41", "0xc09", "Cortex-A9"},
                          {"0x41", "0xc0f", "Cortex-A15"},   {"0x41", "0xd03", "Cortex-A53"},
                          {"0x41", "0xd04", "Cortex-A35"},   {"0x41", "0xd05", "Cortex-A55"},
                          {"0x41", "0xd07", "Cortex-A57"},   {"0x41", "0xd08", "Cortex-A72"},
                          {"0x41", "0xd09", "Cortex-A73"},   {"0x41", "0xd0a", "Cortex-A75"},
                          {"0x41", "0xd0b", "Cortex-A76"},   {"0x41", "0xd0d", "Cortex-A77"},
                          {"0x41", "0xd41", "Cortex-A78"},   {"0x41", "0xd44", "Cortex-X1"},
                          {"0x41", "0xd46", "Cortex-A510"},  {"0x41", "0xd47", "Cortex-A710"},
                          {"0x41", "0xd48", "Cortex-X2"},    {"0x41", "0xd4d", "Cortex-A715"},
                          {"0x41", "0xd4e", "Cortex-X3"},    {"0x41", "0xd80", "Cortex-A520"},
                          {"0x41", "0xd81", "Cortex-A720"},  {"0x41", "0xd82", "Cortex-X4"},
                          {"0x41", "0xd85", "Cortex-X925"},  {"0x41", "0xd87", "Cortex-A725"}});

}  // namespace

std::string_view arm_vendor(std::string_view implementer) {
  const auto row = std::find_if(kVendors.begin(), kVendors.end(), [&](const Vendor& vendor) {
    return vendor.implementer == implementer;
  });
  return row == kVendors.end() ? std::string_view() : row->name;
}

std::string_view arm_model(std::string_view implementer, std::string_view part) {
  const auto row = std::find_if(kModels.begin(), kModels.end(), [&](const Model& model) {
    return model.implementer == implementer && model.part == part;
  });
  return row == kModels.end() ? std::string_view() : row->name;
}

}  // namespace assay::probes
