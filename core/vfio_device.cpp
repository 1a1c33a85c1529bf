#include "core/vfio_device.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace assay {
namespace {

constexpr const char* kOperation = "open a VFIO device";

Expected<vfio_region_info> region_of(const UniqueFd& device, unsigned index) {
  vfio_region_info info{};
  info.argsz = sizeof info;
  info.index = index;
  if (::ioctl(device.get(), VFIO_DEVICE_GET_REGION_INFO, &info) != 0) {
    return fail_errno(errno, "ask a VFIO region");
  }
  return info;
}

}  // namespace

DeviceRegisters& DeviceRegisters::operator=(DeviceRegisters&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  return *this;
}

DeviceRegisters::~DeviceRegisters() {
  if (base_ != nullptr) ::munmap(base_, size_);
}

Expected<VfioDevice> VfioDevice::open(const std::string& address, unsigned group) {
  VfioDevice device;
  auto container = UniqueFd::open("/dev/vfio/vfio", O_RDWR);
  if (!container) return Failure(container.error());
  device.container_ = std::move(*container);
  if (::ioctl(device.container_.get(), VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1) {
    return fail(ErrorCode::absent, kOperation, address, "vfio_iommu_type1 is not loaded",
                "modprobe vfio_iommu_type1");
  }
  auto group_fd = UniqueFd::open(fmt::format("/dev/vfio/{}", group), O_RDWR);
  if (!group_fd) return Failure(group_fd.error());
  device.group_ = std::move(*group_fd);
  vfio_group_status status{};
  status.argsz = sizeof status;
  if (::ioctl(device.group_.get(), VFIO_GROUP_GET_STATUS, &status) != 0) {
    return fail_errno(errno, kOperation, address);
  }
  if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0) {
    return fail(ErrorCode::busy, kOperation, address,
                fmt::format("IOMMU group {} has other functions with drivers of their own", group),
                "choose a drive that is alone in its group");
  }
  const int container_number = device.container_.get();
  if (::ioctl(device.group_.get(), VFIO_GROUP_SET_CONTAINER, &container_number) != 0 ||
      ::ioctl(device.container_.get(), VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0) {
    return fail_errno(errno, kOperation, address);
  }
  device.device_ =
      UniqueFd(::ioctl(device.group_.get(), VFIO_GROUP_GET_DEVICE_FD, address.c_str()));
  if (!device.device_) return fail_errno(errno, kOperation, address);
  return device;
}

Expected<DeviceRegisters> VfioDevice::map_registers() const {
  const auto region = region_of(device_, VFIO_PCI_BAR0_REGION_INDEX);
  if (!region) return Failure(region.error());
  void* const base = ::mmap(nullptr, region->size, PROT_READ | PROT_WRITE, MAP_SHARED,
                            device_.get(), static_cast<off_t>(region->offset));
  if (base == MAP_FAILED) return fail_errno(errno, "map the registers of a device");
  return DeviceRegisters(base, region->size);
}

Expected<void> VfioDevice::enable_bus_master() const {
  const auto region = region_of(device_, VFIO_PCI_CONFIG_REGION_INDEX);
  if (!region) return Failure(region.error());
  const auto at = static_cast<off_t>(region->offset + PCI_COMMAND);
  std::uint16_t command = 0;
  if (::pread(device_.get(), &command, sizeof command, at) != sizeof command) {
    return fail_errno(errno, "read PCI configuration");
  }
  command = static_cast<std::uint16_t>(command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
  if (::pwrite(device_.get(), &command, sizeof command, at) != sizeof command) {
    return fail_errno(errno, "write PCI configuration");
  }
  return {};
}

Expected<void> VfioDevice::map_memory(std::span<const std::byte> memory, std::uint64_t at) const {
  vfio_iommu_type1_dma_map request{};
  request.argsz = sizeof request;
  request.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
  request.vaddr = reinterpret_cast<std::uintptr_t>(memory.data());
  request.iova = at;
  constexpr std::uint64_t kPage = 4096;
  request.size = (memory.size() + kPage - 1) / kPage * kPage;
  if (::ioctl(container_.get(), VFIO_IOMMU_MAP_DMA, &request) == 0) return {};
  return fail_errno(errno, "map memory for a device", "",
                    errno == ENOMEM ? "raise the memlock limit (ulimit -l)" : "");
}

}  // namespace assay
