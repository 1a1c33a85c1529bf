#include "core/libarchive.hpp"

namespace assay {
namespace {

LibArchive archive_functions;

}  // namespace

Expected<const LibArchive*> libarchive() {
  static const Expected<void> loaded = [] {
    auto& table = archive_functions;  // the name that ASSAY_LATE_ENTRY knows
    const LateFunction functions[] = {ASSAY_LIBARCHIVE(ASSAY_LATE_ENTRY)};
    return load_late("libarchive.so.13", "libarchive13", functions);
  }();
  if (!loaded) return Failure(loaded.error());
  return &archive_functions;
}

}  // namespace assay
