// One netlink request and its answers. Internal to core: Host::ask() is the door.
#pragma once

#include <libmnl/libmnl.h>

#include <string_view>

#include "core/error.hpp"

namespace assay::queries {

// Sends a request that libmnl put together on a socket of its own, and hands every message of the
// answer to `take` with `data`. `bus` is NETLINK_ROUTE or NETLINK_GENERIC; `what` and `target` name
// the request in errors. Only reading requests are sent, which need no privilege. Thread-safe.
// Error: the kernel's own errno.
Expected<void> netlink_call(int bus, nlmsghdr* request, mnl_cb_t take, void* data,
                            std::string_view what, std::string_view target);

}  // namespace assay::queries
