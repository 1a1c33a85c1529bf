// A PCI function that vfio-pci holds, opened by this process: its registers, and memory that it may
// reach (kernel: Documentation/driver-api/vfio.rst, type 1 IOMMU).
//
// Closing it resets the function and takes all its memory from it. One thread at a time; move-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace assay {

// A function's registers, mapped; unmapped by the destructor. Move-only. Offsets as its
// specification has them; every access goes to the device.
class DeviceRegisters {
 public:
  DeviceRegisters() = default;
  DeviceRegisters(void* base, std::size_t size)
      : base_(static_cast<std::byte*>(base)), size_(size) {}
  DeviceRegisters(DeviceRegisters&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), size_(other.size_) {}
  DeviceRegisters& operator=(DeviceRegisters&& other) noexcept;
  ~DeviceRegisters();

  std::size_t size() const { return size_; }
  std::uint32_t read32(std::size_t at) const { return *word(at); }
  // Two halves: not every device takes a 64-bit access.
  std::uint64_t read64(std::size_t at) const {
    return read32(at) | (static_cast<std::uint64_t>(read32(at + 4)) << 32);
  }
  void write32(std::size_t at, std::uint32_t value) const { *word(at) = value; }
  void write64(std::size_t at, std::uint64_t value) const {
    write32(at, static_cast<std::uint32_t>(value));
    write32(at + 4, static_cast<std::uint32_t>(value >> 32));
  }

 private:
  volatile std::uint32_t* word(std::size_t at) const {
    return reinterpret_cast<volatile std::uint32_t*>(base_ + at);
  }
  std::byte* base_ = nullptr;
  std::size_t size_ = 0;
};

class VfioDevice {
 public:
  // Errors: absent or denied (/dev/vfio), busy (another program has the group, or a neighbour in it
  // is with another driver), io.
  static Expected<VfioDevice> open(const std::string& address, unsigned group);

  // Its first memory region.
  Expected<DeviceRegisters> map_registers() const;
  // Lets it read and write main memory by itself.
  Expected<void> enable_bus_master() const;
  // Lets it reach `memory`, which must stay, at bus address `at`. Both page-aligned. The memory is
  // pinned. Error: exhausted (the memlock limit), io.
  Expected<void> map_memory(std::span<const std::byte> memory, std::uint64_t at) const;

 private:
  VfioDevice() = default;
  // The device goes first, then its group, then what maps memory.
  UniqueFd container_, group_, device_;
};

}  // namespace assay
