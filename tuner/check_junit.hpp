// A check in the form that build servers read.
#pragma once

#include <string>

#include "tuner/check.hpp"

namespace assay::tuner {

// JUnit XML, one test case for each setting and target. A row that fails the check is a failure;
// one that could not be read is an error; what is not applicable, waived, kernel-managed or only
// advised is skipped, with the reason. Ends with a newline. Pure.
std::string render_junit(const CheckReport& report);

}  // namespace assay::tuner
