// Each line of the input builds one link of a hostile tree ("path>target") or one file ("path");
// every path of it is then resolved, read and listed.
#include <algorithm>

#include "core/memory_host.hpp"
#include "fuzz.hpp"

namespace assay::fuzz {
namespace {

void check_path(const MemoryHost& host, std::string_view path) {
  (void)host.read(path);
  (void)host.list(path);
  (void)host.status(path);
  const auto resolved = host.resolve(path);
  if (!resolved) return;
  require(host.resolve(*resolved).value_or("") == *resolved, "a resolved path is final");
  require(host.status(*resolved).value().kind != FileKind::symlink, "no link is left");
}

}  // namespace

void fuzz_one(std::string_view input) {
  // Enough for every shape of tree; more only makes each run slower.
  constexpr std::size_t kInputMax = 2048;
  input = input.substr(0, kInputMax);
  MemoryHost host;
  for (std::string_view rest = input; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t arrow = line.find('>');
    if (arrow == std::string_view::npos) {
      host.put(line, "content");
    } else {
      host.link(line.substr(0, arrow), line.substr(arrow + 1));
    }
  }
  for (std::string_view rest = input; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    check_path(host, line.substr(0, line.find('>')));
    check_path(host, line.substr(line.find('>') + 1));
  }
}

}  // namespace assay::fuzz
