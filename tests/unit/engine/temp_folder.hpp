// A folder of a test's own on a filesystem with a drive behind it, gone with the test.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace assay::engine {

class TempFolder {
 public:
  explicit TempFolder(const std::string& below = "/var/tmp") {
    std::string name = below + "/assay-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "cannot make a folder in " << below;
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  // A file of `size` bytes that holds ordinary text.
  std::string write(const std::string& name, std::size_t size) const {
    std::ofstream out(file(name), std::ios::binary);
    const std::string line = "not made by the program under test\n";
    for (std::size_t at = 0; at < size; at += line.size()) {
      out.write(line.data(), static_cast<std::streamsize>(std::min(line.size(), size - at)));
    }
    return file(name);
  }
  bool empty() const { return std::filesystem::is_empty(path_); }

 private:
  std::string path_;
};

}  // namespace assay::engine
