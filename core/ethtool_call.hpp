// One SIOCETHTOOL request. Internal to core: Host::ask() and Host::change() are the doors.
#pragma once

#include <string_view>

#include "core/error.hpp"

namespace assay::queries {

// `command` is one of the structures of <linux/ethtool.h> with its `cmd` field set; the kernel
// fills the rest. `what` names the request in errors. The interface's name must have passed
// is_interface_name(). Requests that set something need CAP_NET_ADMIN. Thread-safe.
// Error: absent (no such interface), unsupported (the driver lacks it), denied.
Expected<void> ethtool_call(std::string_view interface, void* command, std::string_view what);

}  // namespace assay::queries
