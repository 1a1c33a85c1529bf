// The ethtool questions whose answers have no fixed size: features and the RSS table. Both ask
// first how large the answer is, and check that the device did not change in between.
#include <fmt/format.h>
#include <linux/ethtool.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/ethtool_call.hpp"
#include "core/queries_internal.hpp"

namespace assay::queries {
namespace {

// A larger answer than any kernel gives; a limit for what is allocated on its word.
constexpr std::uint32_t kFeaturesMax = 1024;
constexpr std::uint32_t kTableMax = 65536;

// Zeroed memory for one of the kernel's structures with `tail` bytes behind it.
template <typename Header>
class Room {
 public:
  explicit Room(std::size_t tail_bytes)
      : words_((sizeof(Header) + tail_bytes + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t)) {}
  Header* get() { return reinterpret_cast<Header*>(words_.data()); }
  Header* operator->() { return get(); }

 private:
  std::vector<std::uint64_t> words_;  // aligned for any of them
};

struct Feature {
  std::string name;  // the kernel's: "rx-gro"
  bool active = false;
  bool requested = false;
  bool fixed = false;
};

// What each of ethtool's short names stands for. A device without the names lacks the feature.
struct ShortName {
  std::string_view name;
  std::array<std::string_view, 4> features;  // one that is on is enough
};
constexpr std::array<ShortName, 8> kShortNames{{
    {"gro", {"rx-gro"}},
    {"lro", {"rx-lro"}},
    {"tso",
     {"tx-tcp-segmentation", "tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation",
      "tx-tcp6-segmentation"}},
    {"gso", {"tx-generic-segmentation"}},
    {"ntuple", {"rx-ntuple-filter"}},
    {"rxhash", {"rx-hashing"}},
    {"rx_checksum", {"rx-checksum"}},
    {"tx_checksum",
     {"tx-checksum-ipv4", "tx-checksum-ip-generic", "tx-checksum-ipv6", "tx-checksum-sctp"}},
}};

Expected<std::uint32_t> feature_count(std::string_view target) {
  Room<::ethtool_sset_info> sizes(sizeof(std::uint32_t));
  sizes->cmd = ETHTOOL_GSSET_INFO;
  sizes->sset_mask = 1ULL << ETH_SS_FEATURES;
  if (auto asked = ethtool_call(target, sizes.get(), "ethtool features"); !asked) {
    return Failure(asked.error());
  }
  const std::uint32_t count = sizes->sset_mask == 0 ? 0 : sizes->data[0];
  if (count == 0 || count > kFeaturesMax) {
    return fail(ErrorCode::unsupported, "ethtool features", target,
                "the driver does not name its features");
  }
  return count;
}

Expected<std::vector<Feature>> read_features(std::string_view target) {
  const auto count = feature_count(target);
  if (!count) return Failure(count.error());
  Room<::ethtool_gstrings> names(std::size_t{*count} * ETH_GSTRING_LEN);
  names->cmd = ETHTOOL_GSTRINGS;
  names->string_set = ETH_SS_FEATURES;
  names->len = *count;
  if (auto asked = ethtool_call(target, names.get(), "ethtool features"); !asked) {
    return Failure(asked.error());
  }
  const std::uint32_t blocks = (*count + 31) / 32;
  Room<::ethtool_gfeatures> state(blocks * sizeof(::ethtool_get_features_block));
  state->cmd = ETHTOOL_GFEATURES;
  state->size = blocks;
  if (auto asked = ethtool_call(target, state.get(), "ethtool features"); !asked) {
    return Failure(asked.error());
  }
  std::vector<Feature> features;
  const std::uint32_t known = std::min({*count, names->len, state->size * 32});
  for (std::size_t i = 0; i < known; ++i) {
    const auto* text = reinterpret_cast<const char*>(names->data) + i * ETH_GSTRING_LEN;
    const ::ethtool_get_features_block& block = state->features[i / 32];
    const std::uint32_t bit = 1U << (i % 32);
    const bool changeable = (block.available & bit) != 0 && (block.never_changed & bit) == 0;
    features.push_back({std::string(text, ::strnlen(text, ETH_GSTRING_LEN)),
                        (block.active & bit) != 0, (block.requested & bit) != 0, !changeable});
  }
  return features;
}

}  // namespace

Expected<Reply> ethtool_features(std::string_view target) {
  const auto features = read_features(target);
  if (!features) return Failure(features.error());
  Reply reply;
  std::string fixed;
  for (const ShortName& row : kShortNames) {
    bool active = false;
    bool changeable = false;
    for (const Feature& feature : *features) {
      if (feature.name.empty() ||
          std::find(row.features.begin(), row.features.end(), feature.name) == row.features.end()) {
        continue;
      }
      active = active || feature.active;
      changeable = changeable || !feature.fixed;
    }
    reply[std::string(row.name)] = active ? "on" : "off";
    if (changeable) continue;
    if (!fixed.empty()) fixed += ',';
    fixed += row.name;
  }
  reply["fixed"] = fixed;
  return reply;
}

Expected<Reply> ethtool_requested(std::string_view target) {
  const auto features = read_features(target);
  if (!features) return Failure(features.error());
  std::string on;
  std::string off;
  for (const Feature& feature : *features) {
    if (feature.fixed || feature.name.empty()) continue;
    std::string& names = feature.requested ? on : off;
    if (!names.empty()) names += ',';
    names += feature.name;
  }
  return Reply{{"on", on}, {"off", off}};
}

Expected<void> set_requested(std::string_view target, const Reply& values) {
  const auto features = read_features(target);
  if (!features) return Failure(features.error());
  const std::size_t blocks = (features->size() + 31) / 32;
  Room<::ethtool_sfeatures> command(blocks * sizeof(::ethtool_set_features_block));
  command->cmd = ETHTOOL_SFEATURES;
  command->size = static_cast<std::uint32_t>(blocks);
  for (const auto& [state, names] : values) {
    for (std::size_t at = 0; at < names.size();) {
      const std::size_t comma = std::min(names.find(',', at), names.size());
      const std::string_view name = std::string_view(names).substr(at, comma - at);
      at = comma + 1;
      const auto found = std::ranges::find(*features, name, &Feature::name);
      if (found == features->end() || found->fixed) {
        return fail(ErrorCode::unsupported, "set ethtool features", target,
                    fmt::format("the driver does not let \"{}\" change", name));
      }
      const auto bit = static_cast<std::size_t>(found - features->begin());
      command->features[bit / 32].valid |= 1U << (bit % 32);
      if (state == "on") command->features[bit / 32].requested |= 1U << (bit % 32);
    }
  }
  // A positive answer says that other features changed too, or that a wish must wait for another
  // one: the read-back tells.
  return ethtool_call(target, command.get(), "set ethtool features");
}

Expected<Reply> ethtool_rxfh(std::string_view target) {
  ::ethtool_rxfh sizes{};
  sizes.cmd = ETHTOOL_GRSSH;
  if (auto asked = ethtool_call(target, &sizes, "ethtool rxfh"); !asked) {
    return Failure(asked.error());
  }
  if (sizes.indir_size == 0 || sizes.indir_size > kTableMax || sizes.key_size > kTableMax) {
    return fail(ErrorCode::unsupported, "ethtool rxfh", target, "the device has no RSS table");
  }
  Room<::ethtool_rxfh> room(sizes.indir_size * sizeof(std::uint32_t) + sizes.key_size);
  room->cmd = ETHTOOL_GRSSH;
  room->indir_size = sizes.indir_size;
  room->key_size = sizes.key_size;
  if (auto asked = ethtool_call(target, room.get(), "ethtool rxfh"); !asked) {
    return Failure(asked.error());
  }
  std::vector<std::uint32_t> queues(room->rss_config, room->rss_config + sizes.indir_size);
  const std::string table = fmt::format("{}", fmt::join(queues, ","));
  std::sort(queues.begin(), queues.end());
  const auto last = std::unique(queues.begin(), queues.end());
  // The table as it is, and the number of different queues in it. The key is left out: it is the
  // host's own business, and a certificate is public.
  return Reply{{"indirection_size", fmt::format("{}", sizes.indir_size)},
               {"queues", fmt::format("{}", last - queues.begin())},
               {"indirection", table}};
}

Expected<void> set_rxfh(std::string_view target, const Reply& values) {
  const auto now = ethtool_rxfh(target);
  if (!now) return Failure(now.error());
  std::vector<std::uint32_t> queues;
  const auto wanted = values.find("indirection");
  const std::string_view text = wanted == values.end() ? std::string_view() : wanted->second;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const auto queue = parse_uint(text.substr(at, comma - at));
    at = comma + 1;
    if (!queue || *queue > kTableMax) {
      return fail(ErrorCode::invalid, "set ethtool rxfh", target, "expected queues as a list");
    }
    queues.push_back(static_cast<std::uint32_t>(*queue));
  }
  if (fmt::format("{}", queues.size()) != now->at("indirection_size")) {
    return fail(ErrorCode::invalid, "set ethtool rxfh", target,
                fmt::format("expected {} entries", now->at("indirection_size")));
  }
  Room<::ethtool_rxfh> room(queues.size() * sizeof(std::uint32_t));
  room->cmd = ETHTOOL_SRSSH;
  room->indir_size = static_cast<std::uint32_t>(queues.size());
  std::ranges::copy(queues, room->rss_config);
  return ethtool_call(target, room.get(), "set ethtool rxfh");
}

}  // namespace assay::queries
