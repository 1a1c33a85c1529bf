// The table of every technique, area by area. A new area is one include and one line here.
#include <algorithm>
#include <vector>

#include "engine/technique.hpp"
#include "engine/techniques_storage.hpp"
#if __has_include("engine/techniques_copy.hpp")
#include "engine/techniques_copy.hpp"
#endif
#if __has_include("engine/techniques_memory.hpp")
#include "engine/techniques_memory.hpp"
#endif
#if __has_include("engine/techniques_ipc.hpp")
#include "engine/techniques_ipc.hpp"
#endif
#if __has_include("engine/techniques_net.hpp")
#include "engine/techniques_net.hpp"
#endif
#if __has_include("engine/techniques_os.hpp")
#include "engine/techniques_os.hpp"
#endif

namespace assay::engine {
namespace {

std::vector<Technique> concatenate() {
  std::vector<Technique> all;
  const auto add = [&all](std::span<const Technique> rows) {
    all.insert(all.end(), rows.begin(), rows.end());
  };
  add(storage_techniques());
#if __has_include("engine/techniques_copy.hpp")
  add(copy_techniques());
#endif
#if __has_include("engine/techniques_memory.hpp")
  add(memory_techniques());
#endif
#if __has_include("engine/techniques_ipc.hpp")
  add(ipc_techniques());
#endif
#if __has_include("engine/techniques_net.hpp")
  add(net_techniques());
#endif
#if __has_include("engine/techniques_os.hpp")
  add(os_techniques());
#endif
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
