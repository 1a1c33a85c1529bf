// A whole server in memory: two sockets with two cores of two threads each, an NVMe drive, a SCSI
// drive under LVM, a NIC with two queues, and everything that would give it away: a host name,
// addresses, serial numbers, a user's directory. Nothing of it belongs to a real host.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/memory_host.hpp"

namespace assay::fakes {

std::unique_ptr<MemoryHost> make_rack_server();

// Every word of it that identifies the host or a person: none may stand in a private capture.
std::vector<std::string_view> rack_server_secrets();

}  // namespace assay::fakes
