#include "engine/drive_queue.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "engine/test_file.hpp"

namespace assay::engine {
namespace {

// "nvme0" of "nvme0n1"; the name itself for other drives.
std::string controller_of(const std::string& drive) {
  if (!drive.starts_with("nvme")) return drive;
  return drive.substr(0, drive.find('n', 4));
}

// The sum of the counts in one line of /proc/interrupts: " 36:   1204   0  IR-PCI-MSI  nvme0q1".
std::uint64_t counts_of(std::string_view line) {
  std::uint64_t sum = 0;
  std::size_t at = line.find(':');
  while (at < line.size()) {
    const std::size_t start = line.find_first_not_of(" :", at);
    if (start == std::string_view::npos) break;
    const std::size_t end = std::min(line.find(' ', start), line.size());
    const auto count = parse_uint(line.substr(start, end - start));
    if (!count) break;
    sum += *count;
    at = end;
  }
  return sum;
}

}  // namespace

std::optional<DriveQueue> drive_queue(const Host& host, dev_t device) {
  const auto path =
      host.resolve(fmt::format("/sys/dev/block/{}:{}", ::major(device), ::minor(device)));
  if (!path) return std::nullopt;
  DriveQueue queue;
  queue.directory = *path;
  // A partition has no queue of its own; its drive, one directory up, has.
  if (!host.status(queue.directory + "/queue")) {
    queue.directory = queue.directory.substr(0, queue.directory.rfind('/'));
  }
  if (!host.status(queue.directory + "/queue")) return std::nullopt;
  queue.name = queue.directory.substr(queue.directory.rfind('/') + 1);
  queue.polls = host.read_uint(queue.directory + "/queue/io_poll").value_or(0) == 1;
  const auto bytes = host.read_uint(queue.directory + "/queue/logical_block_size");
  if (bytes && *bytes > 0) queue.logical_block_bytes = *bytes;
  return queue;
}

Expected<dev_t> device_below(const Parameters& parameters) {
  std::string path = block_device_of(parameters.path);
  if (path.empty()) {
    const auto directory = TestFile::own_directory(parameters.directory);
    if (!directory) return Failure(directory.error());
    path = *directory;
  }
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) return fail_errno(errno, "stat", path);
  return S_ISBLK(about.st_mode) ? about.st_rdev : about.st_dev;
}

std::string generic_device_of(const std::string& drive) {
  constexpr std::string_view kPrefix = "nvme";
  if (!drive.starts_with(kPrefix)) return {};
  return "/dev/ng" + drive.substr(kPrefix.size());
}

std::string block_device_of(const std::string& path) {
  constexpr std::string_view kPrefix = "/dev/ng";
  const bool generic = path.starts_with(kPrefix) && path.size() > kPrefix.size() &&
                       path[kPrefix.size()] >= '0' && path[kPrefix.size()] <= '9';
  return generic ? "/dev/nvme" + path.substr(kPrefix.size()) : path;
}

std::uint64_t drive_interrupts(const Host& host, const std::string& drive) {
  const auto text = host.read("/proc/interrupts");
  if (!text) return 0;
  const std::string marker = " " + controller_of(drive) + "q";
  std::uint64_t sum = 0;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.find(marker) != std::string_view::npos) sum += counts_of(line);
  }
  return sum;
}

}  // namespace assay::engine
