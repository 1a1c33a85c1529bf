// A small own test file on a drive, and every storage technique by its maker.
#pragma once

#include "engine/storage_rows.hpp"
#include "engine/test_file.hpp"
#include "technique_fixture.hpp"
#include "temp_folder.hpp"

namespace assay::engine {

class StorageTest : public TechniqueTest {
 protected:
  StorageTest() {
    context_.cpus = one_cpu();
    TestFileOptions options;
    options.directory = folder_.path();
    options.size = 4_MiB;
    use(options);
  }

  void use(const TestFileOptions& options) {
    auto prepared = TestFile::prepare(options);
    if (!prepared) {
      ADD_FAILURE() << prepared.error().message();
      return;
    }
    file_ = std::move(*prepared);
    context_.file = &file_;
    parameters_.size = file_.size();
  }

  // Whether the folder's filesystem does O_DIRECT; a test that needs it skips otherwise.
  bool has_direct() const { return file_.open(false, true).has_value(); }

  TempFolder folder_;
  TestFile file_;
};

}  // namespace assay::engine
