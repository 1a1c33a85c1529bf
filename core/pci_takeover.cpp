#include "core/pci_takeover.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace assay {
namespace {

constexpr const char* kOperation = "take a PCI function from its driver";

std::string device_path(const std::string& address) { return "/sys/bus/pci/devices/" + address; }

// What brings a function to another driver, as files and what is written to them. Prepared before
// a fork: afterwards only calls are allowed that are safe in a signal handler.
struct Step {
  std::string path, text;
};
using Steps = std::array<Step, 3>;

Steps steps_to(const std::string& address, const std::string& from, const std::string& to) {
  return {Step{device_path(address) + "/driver_override", to + "\n"},
          Step{fmt::format("/sys/bus/pci/drivers/{}/unbind", from), address},
          Step{"/sys/bus/pci/drivers_probe", address}};
}

// 0 or an errno.
int write_once(const Step& step) {
  const int fd = ::open(step.path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const ssize_t put = ::write(fd, step.text.data(), step.text.size());
  const int failed = put < 0 ? errno : 0;
  ::close(fd);
  return failed;
}

// The life of the waiting process. It shares nothing with its parent but the end of the pipe.
[[noreturn]] void keep_watch(int end, const Steps& back) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) ::signal(signal, SIG_IGN);
  ::setsid();
  if (end > 0) ::close_range(0, static_cast<unsigned>(end) - 1, 0);
  ::close_range(static_cast<unsigned>(end) + 1, ~0U, 0);
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(end, &byte, 1);
  } while (got < 0 && errno == EINTR);
  // A byte: it was given back. The end of the pipe: nobody is left to do it.
  if (got == 0) {
    for (const Step& step : back) static_cast<void>(write_once(step));
  }
  ::_exit(0);
}

}  // namespace

std::string pci_driver_of(const Host& host, const std::string& address) {
  const auto link = host.read_link(device_path(address) + "/driver");
  return link ? link->substr(link->rfind('/') + 1) : std::string();
}

Expected<unsigned> iommu_group_of(const Host& host, const std::string& address) {
  const auto link = host.read_link(device_path(address) + "/iommu_group");
  if (!link) {
    return fail(ErrorCode::absent, "find the IOMMU group", address, "it is in none",
                "switch the IOMMU on in the firmware and with intel_iommu=on (or amd_iommu) on the "
                "boot line");
  }
  const auto number = parse_uint(link->substr(link->rfind('/') + 1));
  if (!number) return Failure(number.error());
  return static_cast<unsigned>(*number);
}

Expected<PciTakeover> PciTakeover::take(const Host& host, const std::string& address) {
  const std::string vfio(kVfioDriver);
  if (!host.status("/sys/bus/pci/drivers/" + vfio)) {
    return fail(ErrorCode::absent, kOperation, address, "vfio-pci is not loaded",
                "modprobe vfio-pci");
  }
  PciTakeover taken;
  taken.address_ = address;
  taken.driver_ = pci_driver_of(host, address);
  if (taken.driver_.empty()) {
    return fail(ErrorCode::absent, kOperation, address, "no driver has it to begin with",
                "echo it to /sys/bus/pci/drivers_probe first");
  }
  const Steps there = steps_to(address, taken.driver_, vfio);
  const Steps back = steps_to(address, vfio, "");
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  const pid_t keeper = ::fork();
  if (keeper == 0) {
    ::close(ends[1]);
    keep_watch(ends[0], back);
  }
  ::close(ends[0]);
  taken.keeper_ = UniqueFd(ends[1]);
  if (keeper < 0) return fail_errno(errno, "fork");
  taken.keeper_id_ = keeper;
  taken.host_ = &host;
  for (const Step& step : there) {
    // From here on the destructor undoes what was done.
    if (const int failed = write_once(step); failed != 0) {
      return fail_errno(failed, kOperation, step.path);
    }
  }
  if (pci_driver_of(host, address) != vfio) {
    return fail(ErrorCode::io, kOperation, address, "vfio-pci did not take it",
                "see what dmesg says of vfio-pci");
  }
  return taken;
}

Expected<void> PciTakeover::give_back() {
  if (host_ == nullptr || !keeper_) return {};
  // The override is cleared first: the function then goes to whom it went at the boot.
  int failed = 0;
  const std::string now = pci_driver_of(*host_, address_);
  for (const Step& step : steps_to(address_, std::string(kVfioDriver), "")) {
    const bool unbind = step.path.ends_with("/unbind");
    if (unbind && now != kVfioDriver) continue;  // it was refused half way
    if (const int wrong = write_once(step); wrong != 0 && failed == 0) failed = wrong;
  }
  const char byte = 1;
  static_cast<void>(::write(keeper_.get(), &byte, 1));
  keeper_.reset();
  while (::waitpid(keeper_id_, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (pci_driver_of(*host_, address_) == driver_) return {};
  const std::string advice =
      fmt::format("echo {} > /sys/bus/pci/drivers/{}/bind", address_, driver_);
  if (failed != 0) {
    return fail_errno(failed, "give a PCI function back to its driver", address_, advice);
  }
  return fail(ErrorCode::io, "give a PCI function back to its driver", address_,
              fmt::format("{} did not take it", driver_), advice);
}

PciTakeover::~PciTakeover() { static_cast<void>(give_back()); }

}  // namespace assay
