// Which part of an inventory a document or page shows.
#pragma once

#include <optional>

#include "probes/areas.hpp"
#include "probes/storage.hpp"

namespace assay::probes {

// A plain value. Default: everything.
struct InventoryView {
  Areas areas = all_areas();
  // Shown as the one entry of "storage", in place of every mounted file system.
  std::optional<StoragePath> storage;
  bool everything() const { return areas.all() && !storage; }
};

}  // namespace assay::probes
