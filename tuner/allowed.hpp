// What assay may change at all, whoever asks: a plan, or a journal that somebody may have forged.
//
// A kernel file, ethtool request or process must be named by the row that the change claims to be
// of; a whole file must be one of assay's own names, or named by the row; a command line must stand
// in the list. Pure, thread-safe.
#pragma once

#include <string_view>

#include "core/error.hpp"
#include "tuner/change.hpp"

namespace assay::tuner {

// Error: denied, with what is wrong; the change must then neither be made nor undone.
Expected<void> check_allowed(const Change& change);

// Whether assay creates, and may replace or remove, a file of this name: "/etc/sysctl.d/
// 90-assay.conf". The table in allowed.cpp is the whole list.
bool is_own_file(std::string_view path);

}  // namespace assay::tuner
