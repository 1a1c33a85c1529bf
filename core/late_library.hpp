// A shared library that is loaded when it is first needed.
//
// libarchive and libnvme bring a dozen libraries more (libxml2, ICU, libcrypto), whose loading
// takes longer than the whole of `assay probe`. Few commands use them, so the program is not linked
// with them: it looks their functions up at the first call, as systemd does with its own optional
// libraries. The types come from the libraries' headers, so that a wrong call does not compile.
//
//   #define FUNCTIONS(X) X(archive_read_new) X(archive_read_free)
//   struct Archive { FUNCTIONS(ASSAY_LATE_MEMBER) };
//   late_library(soname, package, {FUNCTIONS(ASSAY_LATE_NAME)}, addresses)
#pragma once

#include <span>
#include <string_view>

#include "core/error.hpp"

#define ASSAY_LATE_MEMBER(name) decltype(&::name) name = nullptr;
#define ASSAY_LATE_ENTRY(name) LateFunction{#name, reinterpret_cast<void**>(&table.name)},

namespace assay {

struct LateFunction {
  const char* name;
  void** address;  // where the function's address goes
};

// Loads `soname` for the life of the process and fills in every function. Errors: unsupported, when
// the library or one of its functions is missing; names the Debian package that has it.
Expected<void> load_late(const char* soname, std::string_view package,
                         std::span<const LateFunction> functions);

}  // namespace assay
