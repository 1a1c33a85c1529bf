#include "engine/nvme_drive.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/drive_queue.hpp"
#include "engine/technique_support.hpp"

namespace assay::engine {
namespace {

constexpr const char* kTakingDrive = "take the drive from the kernel";

// "0000:00:04.0": the parts of a PCI address stand where they must.
bool is_pci_address(std::string_view name) {
  return name.size() == 12 && name[4] == ':' && name[7] == ':' && name[10] == '.';
}

// Block devices of every namespace of the controller at `address`, each as it is called now.
std::vector<std::string> namespaces_of(const Host& host, const std::string& address) {
  std::vector<std::string> names;
  const std::string base = fmt::format("/sys/bus/pci/devices/{}/nvme", address);
  const auto controllers = host.list(base);
  if (!controllers) return names;
  for (const std::string& controller : *controllers) {
    const auto entries = host.list(fmt::format("{}/{}", base, controller));
    if (!entries) continue;
    for (const std::string& entry : *entries) {
      // "nvme0n1"; with multipath "nvme0c0n1" is a path to the namespace and no block device.
      const bool is_namespace = entry.starts_with(controller + "n");
      if (is_namespace) names.push_back(fmt::format("{}/{}/{}", base, controller, entry));
    }
  }
  return names;
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// A mounted or held drive refuses an exclusive opening.
Expected<void> check_free(const Host& host, const std::string& address) {
  for (const std::string& path : namespaces_of(host, address)) {
    const std::string device = "/dev/" + name_of(path);
    const auto fd = UniqueFd::open(device, O_RDONLY | O_EXCL);
    if (fd) continue;
    if (fd.error().sys_errno != EBUSY) return Failure(fd.error());
    return fail_errno(EBUSY, kTakingDrive, device,
                      "it is mounted or held by another device; unmount it first");
  }
  return {};
}

// The block device of the namespace, once the kernel has it again.
Expected<std::string> wait_for_block_device(const Host& host, const NvmePlace& place) {
  constexpr std::chrono::seconds kMost(60);
  constexpr std::chrono::milliseconds kPause(20);
  const auto begun = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begun < kMost) {
    for (const std::string& path : namespaces_of(host, place.address)) {
      const auto id = host.read_uint(path + "/nsid");
      const std::string device = "/dev/" + name_of(path);
      if (id && *id == place.namespace_id && host.status(device)) return device;
    }
    std::this_thread::sleep_for(kPause);
  }
  return fail(ErrorCode::absent, "give the drive back to the kernel", place.address,
              "its block device did not come back within a minute",
              fmt::format("echo 1 > /sys/bus/pci/devices/{}/remove, then echo 1 > "
                          "/sys/bus/pci/rescan",
                          place.address));
}

}  // namespace

Expected<NvmePlace> nvme_place(const Host& host, dev_t device) {
  const auto queue = drive_queue(host, device);
  NvmePlace place;
  if (queue && queue->name.starts_with("nvme")) {
    const auto id = host.read_uint(queue->directory + "/nsid");
    // .../0000:00:04.0/nvme/nvme0/nvme0n1
    std::string path = queue->directory;
    while (!path.empty() && !is_pci_address(name_of(path))) path.resize(path.rfind('/'));
    if (!path.empty() && id) {
      place.address = name_of(path);
      place.namespace_id = static_cast<unsigned>(*id);
      return place;
    }
  }
  return fail(ErrorCode::unsupported, "find the NVMe controller",
              queue ? queue->name : std::string(), "it is no NVMe namespace on PCI",
              "name one with --file, such as /dev/nvme1n1");
}

Availability nvme_can_be_taken(const Host& host, const Parameters& parameters) {
  const Availability here = measurable(host);
  if (!here.available) return here;
  if (parameters.path.empty()) {
    return not_available("no NVMe drive is named",
                         "name one that nothing mounts or holds with --file, such as /dev/nvme1n1");
  }
  const auto device = device_below(parameters);
  if (!device) return availability_of(Failure(device.error()));
  const auto place = nvme_place(host, *device);
  if (!place) return availability_of(Failure(place.error()));
  if (::geteuid() != 0) {
    return not_available("taking a drive from its driver needs root", "run as root");
  }
  if (const auto group = iommu_group_of(host, place->address); !group) {
    return availability_of(Failure(group.error()));
  }
  if (!host.status(fmt::format("/sys/bus/pci/drivers/{}", kVfioDriver))) {
    return not_available("vfio-pci is not loaded", "modprobe vfio-pci");
  }
  // A drive that is to be written is held by ourselves meanwhile; take() looks after letting go.
  if (parameters.operation == Operation::write) return {};
  return availability_of(check_free(host, place->address));
}

Expected<std::unique_ptr<TakenNvmeDrive>> TakenNvmeDrive::take(const Host& host, TestFile& file) {
  std::unique_ptr<TakenNvmeDrive> drive(new TakenNvmeDrive(host, file));
  if (!file.is_block_device()) {
    return fail(ErrorCode::unsupported, kTakingDrive, file.description(), "it is no drive",
                "name an NVMe drive with --file, such as /dev/nvme1n1");
  }
  auto place = nvme_place(host, file.device());
  if (!place) return Failure(place.error());
  drive->place_ = std::move(*place);
  const auto group = iommu_group_of(host, drive->place_.address);
  if (!group) return Failure(group.error());
  // A drive prepared for writing is held by ourselves until here.
  file.let_go();
  drive->file_left_ = true;
  if (auto free = check_free(host, drive->place_.address); !free) return Failure(free.error());
  auto taken = PciTakeover::take(host, drive->place_.address);
  if (!taken) return Failure(taken.error());
  drive->takeover_.emplace(std::move(*taken));
  auto device = VfioDevice::open(drive->place_.address, *group);
  if (!device) return Failure(device.error());
  drive->device_.emplace(std::move(*device));
  return drive;
}

Expected<void> TakenNvmeDrive::give_back() {
  device_.reset();
  Expected<void> given;
  if (takeover_) given = takeover_->give_back();
  takeover_.reset();
  if (!given || !file_left_) return given;
  file_left_ = false;
  const auto path = wait_for_block_device(host_, place_);
  if (!path) return Failure(path.error());
  return file_.come_back(*path);
}

TakenNvmeDrive::~TakenNvmeDrive() { static_cast<void>(give_back()); }

}  // namespace assay::engine
