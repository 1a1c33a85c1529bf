// The table of every technique, area by area. A new area is one include and one line here.
#include <algorithm>
#include <vector>

#include "engine/technique.hpp"
#include "engine/techniques_copy.hpp"
#include "engine/techniques_depth.hpp"
#include "engine/techniques_ipc.hpp"
#include "engine/techniques_memory.hpp"
#include "engine/techniques_net.hpp"
#include "engine/techniques_os.hpp"
#include "engine/techniques_pool.hpp"
#include "engine/techniques_storage.hpp"

namespace assay::engine {
namespace {

std::vector<Technique> concatenate() {
  std::vector<Technique> all;
  const auto add = [&all](std::span<const Technique> rows) {
    all.insert(all.end(), rows.begin(), rows.end());
  };
  add(storage_techniques());
  add(depth_techniques());
  add(copy_techniques());
  add(memory_techniques());
  add(pool_techniques());
  add(ipc_techniques());
  add(net_techniques());
  add(os_techniques());
  return all;
}

}  // namespace

std::span<const Technique> techniques() {
  static const std::vector<Technique> rows = concatenate();
  return rows;
}

const Technique* find_technique(std::string_view id) {
  const auto rows = techniques();
  const auto found = std::ranges::find(rows, id, &Technique::id);
  return found == rows.end() ? nullptr : &*found;
}

std::vector<std::string_view> technique_ids() {
  std::vector<std::string_view> ids;
  for (const Technique& row : techniques()) ids.push_back(row.id);
  return ids;
}

}  // namespace assay::engine
