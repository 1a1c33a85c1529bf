// The questions that Host::ask() knows: one row each. A capture records exactly these.
#pragma once

#include <span>
#include <string_view>

#include "core/host.hpp"

namespace assay {

struct QueryKind {
  std::string_view kind;    // "ethtool.drvinfo"
  std::string_view target;  // what the target names: "", "interface", "path", "nvme"
  std::string_view keys;    // the reply's keys, comma-separated, with units in their names
  std::string_view source;  // man page or kernel document that defines it
  Expected<Reply> (*answer)(std::string_view target);  // asks this machine
  // The keys that can be set, comma-separated, and what sets them; "" and null for most kinds.
  std::string_view changeable = {};
  Expected<void> (*change)(std::string_view target, const Reply& values) = nullptr;
};

// Every row. Lives for the whole program.
std::span<const QueryKind> query_kinds();

// The row of a kind, or nullptr.
const QueryKind* find_query_kind(std::string_view kind);

// A name that the kernel could give a network interface: 1 to 15 bytes without '/', ':' or white
// space, and not "." or "..".
bool is_interface_name(std::string_view name);

// "nvme0", "nvme0n1": what the kernel calls a controller or a namespace.
bool is_nvme_name(std::string_view name);

// Asks this machine: RealHost::ask(). Error unsupported: no such kind, or the kernel or driver
// does not answer it; invalid: the target is none (an interface's name with a slash, say).
Expected<Reply> answer_query(const Query& query);

// Sets values on this machine: RealHost::change(). Errors: those of check_change(), and the
// kernel's own. Needs root (CAP_NET_ADMIN).
Expected<void> change_by_query(const Query& request, const Reply& values);

// Whether a kind and all the keys can be set, and the target is one. Error: unsupported, invalid.
Expected<void> check_change(const Query& request, const Reply& values);

// What a host without a recorded reply answers: absent for a known kind, unsupported otherwise.
Failure missing_reply(const Query& query);

}  // namespace assay
