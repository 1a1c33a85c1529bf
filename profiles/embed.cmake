# Writes OUTPUT, a C++ source that holds the profiles NAMES (separated by commas) from FOLDER, so
# that the program needs no files beside itself.
string(REPLACE "," ";" names "${NAMES}")
set(rows "")
foreach(name IN LISTS names)
  file(READ "${FOLDER}/${name}.yaml" yaml)
  string(FIND "${yaml}" ")assay_yaml\"" clash)
  if(NOT clash EQUAL -1)
    message(FATAL_ERROR "${name}.yaml contains the end mark of its C++ literal")
  endif()
  string(APPEND rows "    BuiltIn{\"${name}\", R\"assay_yaml(${yaml})assay_yaml\"},\n")
endforeach()
file(WRITE "${OUTPUT}.new" "// Generated from profiles/*.yaml by profiles/embed.cmake.
#include <array>

#include \"profiles/loader.hpp\"

namespace assay::profiles {
namespace {

constexpr std::array kProfiles = {
${rows}};

}  // namespace

std::span<const BuiltIn> built_in_profiles() { return kProfiles; }

}  // namespace assay::profiles
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
