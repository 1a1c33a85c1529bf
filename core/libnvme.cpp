#include "core/libnvme.hpp"

namespace assay {
namespace {

LibNvme nvme_functions;

}  // namespace

Expected<const LibNvme*> libnvme() {
  static const Expected<void> loaded = [] {
    auto& table = nvme_functions;  // the name that ASSAY_LATE_ENTRY knows
    const LateFunction functions[] = {ASSAY_LIBNVME(ASSAY_LATE_ENTRY)};
    return load_late("libnvme.so.1", "libnvme1", functions);
  }();
  if (!loaded) return Failure(loaded.error());
  return &nvme_functions;
}

}  // namespace assay
