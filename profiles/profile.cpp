#include "profiles/profile.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace assay::profiles {

std::string Location::to_string() const { return fmt::format("{}:{}:{}", file, line, column); }

const WantedSetting* Profile::setting(std::string_view id) const {
  const auto found = std::find_if(settings.begin(), settings.end(),
                                  [&](const WantedSetting& wanted) { return wanted.id == id; });
  return found == settings.end() ? nullptr : &*found;
}

const Waiver* Profile::waiver(std::string_view id) const {
  const auto found = std::find_if(waivers.begin(), waivers.end(),
                                  [&](const Waiver& waiver) { return waiver.setting == id; });
  return found == waivers.end() ? nullptr : &*found;
}

}  // namespace assay::profiles
