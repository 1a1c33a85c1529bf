// Items and hosts for the tests of persistence.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/memory_host.hpp"
#include "tuner/persist.hpp"

namespace assay::tuner::testing {

// The machine of the other tests with Debian's boot loader, systemd and udev on it.
std::unique_ptr<MemoryHost> make_debian();

// A view of a host, with what it refers to.
class Viewed {
 public:
  explicit Viewed(const Host& host);
  const HostView& view() const { return view_; }

 private:
  probes::Inventory inventory_;
  Persisted persisted_;
  profiles::Roles roles_;
  HostView view_;
};

// An item of a row; without a path it gets the row's own, with the target's name in it.
PersistItem item(std::string_view id, std::string_view value, Target target = {"host", ""});
Target drive();  // the machine's NVMe drive
Target nic();    // its NIC

// One item of every way to last.
std::vector<PersistItem> all_kinds();
PersistedProfile some_profile();

// Does the changes as apply would, run() left out.
void perform_files(MemoryHost& host, const std::vector<Change>& changes);
// Every file below /etc/, with its content.
std::vector<std::pair<std::string, std::string>> etc_of(const MemoryHost& host,
                                                        const std::string& folder = "/etc");

}  // namespace assay::tuner::testing
