// A drop-in of assay's own that keeps a unit of systemd from starting.
//
// Instead of `systemctl disable`, which changes links that belong to the administrator (and, with
// them, what `enable` would bring back): one file that is there, or is not. It holds whether the
// unit is enabled, disabled, masked, or installed only later, and taking it away leaves all of that
// as it was. The condition names the file itself, so it falls with it, whatever systemd has loaded.
// Source: systemd.unit(5), ConditionPathExists=.
#pragma once

#include <string>
#include <string_view>

#include "core/host.hpp"

namespace assay::tuner {

// "/etc/systemd/system/irqbalance.service.d/99-assay.conf"
std::string drop_in_path(std::string_view unit);
// Without the heading that assay's files begin with.
std::string drop_in_text(std::string_view unit);
// Whether such a drop-in stands there.
bool is_held_back(const Host& host, std::string_view unit);
// Whether systemd starts it by itself: some target of /etc wants it, and it is neither masked nor
// held back by us.
bool is_started_at_boot(const Host& host, std::string_view unit, std::string_view target);

}  // namespace assay::tuner
