#include "cli/vocabulary.hpp"

#include <string_view>
#include <vector>

#include "engine/technique.hpp"
#include "profiles/loader.hpp"
#include "tuner/setting.hpp"

namespace assay::cli {

Expected<profiles::Profile> load_profile(const std::string& name_or_path) {
  const std::vector<std::string_view> settings = tuner::setting_ids();
  const std::vector<std::string_view> techniques = engine::technique_ids();
  return profiles::load_profile(name_or_path, {settings, techniques});
}

}  // namespace assay::cli
