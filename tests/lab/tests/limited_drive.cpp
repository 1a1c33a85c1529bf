#include "tests/lab/tests/limited_drive.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/lab/tests/lab_guest.hpp"

namespace lab {
namespace {

constexpr const char* kTop = "/sys/fs/cgroup/";
constexpr const char* kGroup = "/sys/fs/cgroup/limited/";

bool put(const std::string& path, const std::string& text) {
  std::ofstream out(path);
  out << text << std::flush;
  return static_cast<bool>(out);
}

}  // namespace

LimitedDrive::LimitedDrive() : device_(first_line("/sys/block/nvme0n1/dev")) {
  std::error_code failed;
  std::filesystem::create_directory(kGroup, failed);
  ready_ = put(std::string(kTop) + "cgroup.subtree_control", "+io") &&
           put(std::string(kGroup) + "cgroup.procs", std::to_string(::getpid()));
}

bool LimitedDrive::limit(const std::string& what) const {
  return put(std::string(kGroup) + "io.max", device_ + " " + what);
}

}  // namespace lab
