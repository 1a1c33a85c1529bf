// The catalogue of techniques as a page of the handbook (docs/techniques.md).
#pragma once

#include <span>
#include <string>

#include "engine/technique.hpp"

namespace assay::engine {

// A table of all, then one section for each: what it is, what it is compared with, what is claimed
// of it, how it proves that it engaged, and the parameters that it takes. Says nothing about any
// host. Pure: the same rows give the same text.
std::string techniques_markdown(std::span<const Technique> rows);

}  // namespace assay::engine
