// How the probes read: absent is empty, lies are refused, and what was denied is remembered.
//
// Internal to probes. One Reader serves one probe() call; not thread-safe. Nothing here fails: a
// fact that is missing, unreadable or nonsense is an empty optional, an empty text or an empty
// list. A path that this user may not read goes into the list that probe() hands out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cpuset.hpp"
#include "core/host.hpp"

namespace assay::probes {

class Reader {
 public:
  // `host` must outlive the reader.
  explicit Reader(const Host& host) : host_(host) {}
  const Host& host() const { return host_; }

  // The content without white space around it, made printable (see printable()).
  // Absent: no such file, denied, an I/O error, or longer than a fact can be.
  std::optional<std::string> text(const std::string& path);
  // The same; "" when absent.
  std::string word(const std::string& path);
  // The whole content as it is, for files with many lines; "" when absent.
  std::string table(const std::string& path);

  // A whole decimal number; absent when the file holds anything else.
  std::optional<std::int64_t> number(const std::string& path);
  // The same, and not negative: sizes, counts, ids.
  std::optional<std::uint64_t> count(const std::string& path);
  // "0"/"1", "N"/"Y".
  std::optional<bool> flag(const std::string& path);
  // The chosen one of "always [madvise] never"; the first word when none is bracketed.
  std::string choice(const std::string& path);
  // A set from a mask file, which every kernel has, or else from a list file, which a truncated
  // mask cannot spoil. Either path may be "".
  std::optional<CpuSet> cpus(const std::string& list_path, const std::string& mask_path = {});
  // A NUMA node number; -1 ("not known") is absent.
  std::optional<NodeId> node(const std::string& path);

  // Names in a directory, in Host::list()'s order; empty when absent.
  std::vector<std::string> names(const std::string& path);
  // The same, without remembering a denial: for what only root has and nobody else misses.
  std::vector<std::string> names_quietly(const std::string& path);
  // The last component of a symlink's target, or "".
  std::string link_name(const std::string& path);
  // The path with every symlink followed, or "".
  std::string resolved(const std::string& path);
  bool exists(const std::string& path) { return host_.exists(path); }

  // Host::ask(); an empty reply for every error, of which a denial is remembered. Values are made
  // printable.
  Reply ask(std::string_view kind, std::string_view target = {});

  // The same with the reason of a failure in words: "Input/output error".
  Expected<Reply> ask_why(std::string_view kind, std::string_view target);

  // What was denied: "path: Permission denied", in reading order, each once.
  std::vector<std::string> take_unreadable();

 private:
  // Remembers a denial; other errors are a probe's ordinary answers.
  void note(const Error& error);

  const Host& host_;
  std::vector<std::string> unreadable_;
};

// Bytes that no terminal or JSON document takes (control characters, broken UTF-8) become '?',
// line ends and tabs become blanks: a fact is one line.
std::string printable(std::string_view text);
std::string_view trimmed(std::string_view text);
// The pieces between separators, empty ones left out.
std::vector<std::string> split(std::string_view text, std::string_view separators);
// Numbers of "cpu12" after "cpu": absent for anything else, or at and above CpuSet::kMaxCpus.
std::optional<unsigned> number_after(std::string_view name, std::string_view prefix);
// "sha256:..." of a serial number or address, salted with what it is, so that documents can be
// compared without giving it away. Empty for an empty or all-zero secret.
std::string hide(std::string_view what, std::string_view secret);

}  // namespace assay::probes
