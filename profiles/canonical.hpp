// The one text that two profiles share when they ask for the same thing.
#pragma once

#include <string>

#include "profiles/profile.hpp"

namespace assay::profiles {

// Everything in the merged profile that changes what is checked, measured or excused, one line
// each, in a fixed order and with durations in ns and sizes in bytes. Left out: description, the
// names it was merged from, locations; so comments, layout and the order of keys in the files do
// not matter. The format is versioned by its first line. Pure, thread-safe.
std::string canonical_text(const Profile& profile);

// sha256 of canonical_text: Profile::digest.
std::string digest_of(const Profile& profile);

}  // namespace assay::profiles
