#include "certify/files.hpp"

#include <fmt/format.h>

namespace assay::certify {
namespace {

void skip_series_on(Expansion& expansion, std::size_t file, const Error& error) {
  for (ExpandedSeries& series : expansion.series) {
    if (series.file != file || !series.skipped.empty()) continue;
    Error reason = error;
    series.remedy = std::exchange(reason.advice, {});
    series.skipped = "no test file: " + reason.message();
  }
}

bool ends_the_run(const FileRequest& request, const Error& error) {
  return error.code == ErrorCode::interrupted || request.target == "host";
}

}  // namespace

Expected<TestFiles> TestFiles::prepare(const Host& host, Expansion& expansion,
                                       const std::function<bool(std::string_view)>& progress) {
  TestFiles files;
  for (std::size_t i = 0; i < expansion.files.size(); ++i) {
    const FileRequest& request = expansion.files[i];
    engine::TestFileOptions options;
    options.path = request.device;
    options.directory = request.directory;
    options.size = request.size;
    options.for_writing = request.for_writing;
    options.host = &host;
    options.progress = [&](Bytes done, Bytes total) {
      return progress(fmt::format("test file for {} ({}): {} of {}", request.target, request.kind,
                                  format_bytes_short(done), format_bytes_short(total)));
    };
    auto file = engine::TestFile::prepare(options);
    if (!file && ends_the_run(request, file.error())) return std::unexpected(file.error());
    if (!file) skip_series_on(expansion, i, file.error());
    files.files_.push_back(file ? std::make_unique<engine::TestFile>(std::move(*file)) : nullptr);
  }
  return files;
}

Bytes TestFiles::written() const {
  Bytes sum;
  for (const auto& file : files_) sum = sum + (file ? file->written() : Bytes{0});
  return sum;
}

}  // namespace assay::certify
