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
  auto profile = profiles::load_profile(name_or_path, {settings, techniques});
  // A name that is no built-in profile's is wrong usage; a file that is not there is not.
  const bool is_path = name_or_path.find('/') != std::string::npos ||
                       name_or_path.ends_with(".yaml") || name_or_path.ends_with(".yml");
  if (!profile && profile.error().code == ErrorCode::absent && !is_path) {
    profile.error().code = ErrorCode::invalid;
  }
  return profile;
}

}  // namespace assay::cli
