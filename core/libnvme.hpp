// The functions of libnvme that assay calls, loaded at the first call (core/late_library.hpp): only
// on a host that has an NVMe drive. What its header defines inline calls these; those inline
// functions must not be used, as they would need the library when the program starts.
#pragma once

#include <libnvme.h>

#include "core/late_library.hpp"

#define ASSAY_LIBNVME(X)                                                    \
  X(nvme_identify)                                                          \
  X(nvme_get_log_page)                                                      \
  X(nvme_get_nsid) X(nvme_status_to_string) X(nvme_get_features_power_mgmt) \
      X(nvme_get_features_volatile_wc) X(nvme_get_features_auto_pst)

namespace assay {

struct LibNvme {
  ASSAY_LIBNVME(ASSAY_LATE_MEMBER)
};

// The one table of the process. Safe from any thread. Errors: those of load_late().
Expected<const LibNvme*> libnvme();

}  // namespace assay
