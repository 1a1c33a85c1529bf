// An NVMe namespace taken from the kernel for a while: nobody's mount or holder is in its way, its
// controller is with vfio-pci, and the test file follows. Gives everything back in the end.
// One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/pci_takeover.hpp"
#include "core/vfio_device.hpp"
#include "engine/technique.hpp"

namespace assay::engine {

// Where a namespace is, which stays true while its block device comes and goes.
struct NvmePlace {
  std::string address;  // of the controller: "0000:00:04.0"
  unsigned namespace_id = 0;
};

// Of the block device that the file is. Error: unsupported (not an NVMe drive, or a part of one, or
// behind no PCI function).
Expected<NvmePlace> nvme_place(const Host& host, dev_t device);

// Whether the drive below the parameters' file can be taken: says what is missing.
Availability nvme_can_be_taken(const Host& host, const Parameters& parameters);

class TakenNvmeDrive {
 public:
  // Errors: busy (a namespace of the controller is mounted or held), and those of PciTakeover and
  // VfioDevice. What was begun is undone then.
  static Expected<std::unique_ptr<TakenNvmeDrive>> take(const Host& host, TestFile& file);
  TakenNvmeDrive(const TakenNvmeDrive&) = delete;
  TakenNvmeDrive& operator=(const TakenNvmeDrive&) = delete;
  ~TakenNvmeDrive();

  const VfioDevice& device() const { return *device_; }
  const NvmePlace& place() const { return place_; }
  // The driver that has the controller now.
  std::string driver() const { return pci_driver_of(host_, place_.address); }
  // Closes the device, hands it back, and waits for its block device. Once; the destructor does it
  // where nobody did. Error: its driver or its block device did not come back.
  Expected<void> give_back();

 private:
  TakenNvmeDrive(const Host& host, TestFile& file) : host_(host), file_(file) {}

  const Host& host_;
  TestFile& file_;
  NvmePlace place_;
  std::optional<PciTakeover> takeover_;
  std::optional<VfioDevice> device_;
  bool file_left_ = false;
};

}  // namespace assay::engine
