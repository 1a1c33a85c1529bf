// The test files of one certify run: made before anything is timed, gone when it ends.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "certify/expand.hpp"
#include "core/host.hpp"
#include "engine/test_file.hpp"

namespace assay::certify {

// Owns the files. Each is unlinked as soon as it is open, so nothing is left behind however the
// process ends. Not thread-safe.
class TestFiles {
 public:
  // Makes every requested file. A file that cannot be made skips the series that need it, with the
  // reason; only lack of room at the default place, lack of permission there and Ctrl-C end the
  // run. Errors: exhausted, denied, absent (of the place that the caller named), interrupted.
  // `progress` is called while files are filled; false stops.
  static Expected<TestFiles> prepare(const Host& host, Expansion& expansion,
                                     const std::function<bool(std::string_view)>& progress);

  // nullptr for a request that could not be met, or was not tried.
  engine::TestFile* file(std::size_t index) const {
    return index < files_.size() ? files_[index].get() : nullptr;
  }
  Bytes written() const;

 private:
  std::vector<std::unique_ptr<engine::TestFile>> files_;
};

}  // namespace assay::certify
