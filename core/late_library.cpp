#include "core/late_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

namespace assay {

Expected<void> load_late(const char* soname, std::string_view package,
                         std::span<const LateFunction> functions) {
  // Never closed: the addresses are used until the process ends.
  void* const library = ::dlopen(soname, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(
        ErrorCode::unsupported, "load", soname,
        fmt::format("the library is missing: install the package {} ({})", package, ::dlerror()));
  }
  for (const LateFunction& function : functions) {
    *function.address = ::dlsym(library, function.name);
    if (*function.address == nullptr) {
      return fail(ErrorCode::unsupported, "load", soname,
                  fmt::format("it has no {}: install a newer {}", function.name, package));
    }
  }
  return {};
}

}  // namespace assay
