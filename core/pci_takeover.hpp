// Takes a PCI function from its driver and hands it to vfio-pci for a while, so that a program may
// drive it itself; gives it back whatever happens.
//
// While it is taken, a small process of our own waits for our end. Where this process is killed or
// crashes, that one hands the function back to its driver; Ctrl-C does not reach it. One owner, one
// thread at a time; move-only. Linux only, this machine only, needs root.
#pragma once

#include <string>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "core/host.hpp"

namespace assay {

inline constexpr std::string_view kVfioDriver = "vfio-pci";

// The driver that a function is bound to now: "nvme"; "" for none.
std::string pci_driver_of(const Host& host, const std::string& address);
// The number of its IOMMU group. Error: absent, no IOMMU is switched on.
Expected<unsigned> iommu_group_of(const Host& host, const std::string& address);

class PciTakeover {
 public:
  // `address` as "0000:00:04.0". Errors: absent (vfio-pci is not loaded, no such function), denied,
  // io (the kernel refused; the function is with its driver again then).
  static Expected<PciTakeover> take(const Host& host, const std::string& address);

  PciTakeover(PciTakeover&& other) noexcept = default;
  PciTakeover& operator=(PciTakeover&&) = delete;
  ~PciTakeover();

  // Hands it back; every descriptor of vfio must be closed. Error: io, another driver or none has
  // it afterwards. May be called once; the destructor does it where nobody did.
  Expected<void> give_back();

 private:
  PciTakeover() = default;
  std::string address_, driver_;
  UniqueFd keeper_;  // its end tells the waiting process
  int keeper_id_ = 0;
  const Host* host_ = nullptr;
};

}  // namespace assay
