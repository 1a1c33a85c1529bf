// Which file is made private how: the table that docs/captures.md explains.
#include <algorithm>
#include <array>
#include <set>

#include "core/path_walk.hpp"
#include "core/privacy.hpp"
#include "core/privacy_patterns.hpp"
#include "core/privacy_texts.hpp"

namespace assay {
namespace {

using Treatment = std::string (*)(std::string_view, Pseudonyms&);

struct Rule {
  std::string_view glob;  // '*' stands for anything, slashes too
  Treatment treat;
};

// The first row that fits counts.
constexpr auto kRules = std::to_array<Rule>({
    {"/proc/cmdline", privacy::boot_line},
    {"/etc/kernel/cmdline", privacy::boot_line},
    {"/etc/default/grub*", privacy::grub},
    {"/proc/sys/kernel/hostname", privacy::host_name_file},
    {"/proc/sys/kernel/domainname", privacy::host_name_file},
    {"/etc/hostname", privacy::host_name_file},
    {"/proc/*mountinfo", privacy::mountinfo},
    {"/proc/*mounts", privacy::mounts},
    {"/proc/swaps", privacy::swaps},
    {"/proc/version", privacy::kernel_banner},
    {"/proc/cpuinfo", privacy::cpuinfo},
    // Versions, which have the form of addresses.
    {"*/firmware_rev", privacy::as_it_is},
    {"*/rev", privacy::as_it_is},
    {"*/version", privacy::as_it_is},
    {"*/bios_version", privacy::as_it_is},
    {"*/fw_ver", privacy::as_it_is},
    {"/proc/sys/kernel/osrelease", privacy::as_it_is},
    {"/proc/config.gz", privacy::as_it_is},
    {"/boot/config-*", privacy::as_it_is},
    {"/lib/modules/*", privacy::as_it_is},
    {"/usr/lib/modules/*", privacy::as_it_is},
    // Numbers that no two devices share.
    {"/sys/*/config", privacy::pci_config},
    {"*/dm/uuid", privacy::mapper_uuid},
    {"*/serial", privacy::serial_file},
    {"*_serial", privacy::serial_file},
    {"*/serial_number", privacy::serial_file},
    {"*/serial-number", privacy::serial_file},
    {"*/wwid", privacy::serial_file},
    {"*/wwn", privacy::serial_file},
    {"*/nguid", privacy::serial_file},
    {"*/eui", privacy::serial_file},
    {"*/uuid", privacy::serial_file},
    {"*_uuid", privacy::serial_file},
    {"*_asset_tag", privacy::serial_file},
    {"*/unique_id", privacy::serial_file},
    {"*nqn", privacy::serial_file},
    {"*/hostid", privacy::serial_file},
    {"/etc/machine-id", privacy::serial_file},
    {"*/boot_id", privacy::serial_file},
    {"*/vpd_pg8?", privacy::serial_page},
    // Names that somebody chose.
    {"*/dm/name", privacy::chosen_name_file},
    {"*/loop/backing_file", privacy::chosen_path_file},
    {"*/ifalias", privacy::chosen_name_file},
    {"*/label", privacy::chosen_name_file},
    {"*/node_desc", privacy::chosen_name_file},
    {"/etc/security/limits*", privacy::limits},
    {"/etc/*", privacy::config},
    {"/run/*", privacy::config},
    {"/usr/*", privacy::config},
    {"/lib/*", privacy::config},
    {"*", privacy::scrubbed},
});

bool matches(std::string_view glob, std::string_view text) {
  while (!glob.empty() && glob[0] != '*') {
    if (text.empty() || (glob[0] != '?' && glob[0] != text[0])) return false;
    glob.remove_prefix(1);
    text.remove_prefix(1);
  }
  if (glob.empty()) return text.empty();
  const std::string_view rest = glob.substr(1);
  // The table's globs hold few stars: trying every place is cheap.
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (matches(rest, text.substr(at))) return true;
  }
  return false;
}

Treatment treatment_of(std::string_view path) {
  for (const Rule& rule : kRules) {
    if (matches(rule.glob, path)) return rule.treat;
  }
  return privacy::scrubbed;
}

// --- answers that are no files ---

bool ends_with_any(std::string_view key, std::initializer_list<std::string_view> ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) { return key.ends_with(end); });
}

bool is_serial(std::string_view key) {
  return ends_with_any(key, {"serial", "uuid", "nguid", "eui64", "nqn", "wwn", "wwid", "guid"});
}

std::string private_value(const Query& query, std::string_view key, const std::string& value,
                          Pseudonyms& pseudonyms) {
  if (query.kind == "uname") {
    return key == "nodename" ? privacy::host_name_file(value, pseudonyms) : value;
  }
  if (ends_with_any(key, {"version", "firmware", "firmware_rev"})) return value;
  if (is_serial(key)) return privacy::serial_file(value, pseudonyms);
  return pseudonyms.scrub(value);
}

// The kernel's own trees name things by number; elsewhere people give the names.
std::string private_path(std::string_view path, Pseudonyms& pseudonyms) {
  constexpr auto kSystem = std::to_array<std::string_view>(
      {"/sys", "/proc", "/etc", "/usr", "/lib", "/run", "/boot", "/dev/disk"});
  const bool system = std::ranges::any_of(kSystem, [&](std::string_view top) {
    return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
  });
  return system ? pseudonyms.scrub(path) : privacy::chosen_path(path, pseudonyms);
}

bool is_failed_call(std::string_view kind) { return kind.starts_with("file."); }

std::string private_target(const Query& query, Pseudonyms& pseudonyms) {
  return query.target.starts_with('/') ? private_path(query.target, pseudonyms)
                                       : pseudonyms.scrub(query.target);
}

void add_reply(const Query& query, const Expected<Reply>& answer, Pseudonyms& pseudonyms,
               CaptureReplies& into) {
  Query asked{query.kind, private_target(query, pseudonyms)};
  if (!answer) {
    Error error = answer.error();
    error.subject = error.subject == query.target ? asked.target : pseudonyms.scrub(error.subject);
    if (!is_failed_call(query.kind)) error.cause = pseudonyms.scrub(error.cause);
    into.emplace(std::move(asked), Failure(std::move(error)));
    return;
  }
  Reply reply;
  for (const auto& [key, value] : *answer) {
    reply.emplace(key, private_value(query, key, value, pseudonyms));
  }
  into.emplace(std::move(asked), std::move(reply));
}

// --- processes ---

// "1234" of "/proc/1234/comm"; "" for a path that is no process's.
std::string_view process_of(std::string_view path) {
  constexpr std::string_view kProc = "/proc/";
  if (!path.starts_with(kProc)) return {};
  path.remove_prefix(kProc.size());
  const std::string_view number = path.substr(0, path.find('/'));
  const bool digits = !number.empty() && number.find_first_not_of("0123456789") == number.npos;
  return digits ? number : std::string_view{};
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

// Processes that stay: this one, the first one, whose control group tells of containers, and those
// whose names the probes look for.
std::set<std::string, std::less<>> kept_processes(const CaptureTree& tree,
                                                  const PrivacyOptions& options) {
  std::set<std::string, std::less<>> kept{"1"};
  for (const char* link : {"/proc/self", "/proc/thread-self"}) {
    const auto self = tree.nodes.find(link);
    if (self == tree.nodes.end()) continue;
    kept.emplace(first_line(self->second.content.substr(0, self->second.content.find('/'))));
  }
  for (const auto& [path, node] : tree.nodes) {
    if (!node.was_read || !path.ends_with("/comm")) continue;
    const std::string_view name = first_line(node.content);
    if (options.keeps_program && options.keeps_program(name)) kept.emplace(process_of(path));
  }
  return kept;
}

bool is_left_out(const std::string& path, const CaptureNode& node, const PrivacyOptions& options,
                 const std::set<std::string, std::less<>>& kept, PrivacyReport& report) {
  const std::string_view process = process_of(path);
  if (process.empty()) return false;
  if (!kept.contains(process)) {
    if (path.ends_with(process)) ++report.processes_left_out;
    return true;
  }
  const bool is_name = path.ends_with("/comm") && node.was_read;
  return is_name && !(options.keeps_program && options.keeps_program(first_line(node.content)));
}

// --- what is looked for as a word ---

bool is_word_of(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !privacy::is_alnum(text[at - 1])) &&
        (end == text.size() || !privacy::is_alnum(text[end]))) {
      return true;
    }
  }
  return false;
}

void learn_host_name(const CaptureTree& tree, Pseudonyms& pseudonyms) {
  std::string name;
  if (const auto uname = tree.replies.find(Query{"uname", ""});
      uname != tree.replies.end() && uname->second) {
    const auto node = uname->second->find("nodename");
    if (node != uname->second->end()) name = node->second;
  }
  const auto file = tree.nodes.find("/proc/sys/kernel/hostname");
  if (name.empty() && file != tree.nodes.end()) name = first_line(file->second.content);
  name.resize(std::min(name.find('.'), name.size()));
  if (name.empty()) return;
  // A host that is called as a kernel's file would have that file renamed.
  for (const auto& [path, node] : tree.nodes) {
    const bool kernels = path.starts_with("/sys/") || path.starts_with("/proc/");
    if (kernels && !path.starts_with("/sys/fs/cgroup") && is_word_of(path, name)) return;
  }
  pseudonyms.set_host_name(name);
}

void learn_serials(const CaptureTree& tree, Pseudonyms& pseudonyms) {
  for (const auto& [path, node] : tree.nodes) {
    if (!node.was_read) continue;
    const Treatment treat = treatment_of(path);
    std::string_view text = node.content;
    constexpr std::size_t kPageHeader = 4;
    if (treat == privacy::serial_page) text.remove_prefix(std::min(kPageHeader, text.size()));
    if (treat == privacy::serial_page || treat == privacy::serial_file) {
      pseudonyms.remember_serial(privacy::serial_in(text));
    }
  }
  for (const auto& [query, answer] : tree.replies) {
    if (!answer) continue;
    for (const auto& [key, value] : *answer) {
      if (is_serial(key)) pseudonyms.remember_serial(privacy::serial_in(value));
    }
  }
}

}  // namespace

CaptureTree make_private(const CaptureTree& tree, const PrivacyOptions& options,
                         Pseudonyms& pseudonyms) {
  learn_host_name(tree, pseudonyms);
  learn_serials(tree, pseudonyms);
  const auto kept = kept_processes(tree, options);
  CaptureTree result;
  for (const auto& [path, node] : tree.nodes) {
    if (is_left_out(path, node, options, kept, pseudonyms.report())) continue;
    CaptureNode made = node;
    if (node.kind == FileKind::symlink) {
      made.content = pseudonyms.scrub(node.content);
    } else if (node.was_read) {
      made.content = treatment_of(path)(node.content, pseudonyms);
    }
    result.nodes.emplace(private_path(path, pseudonyms), std::move(made));
  }
  for (const auto& [query, answer] : tree.replies) {
    const std::string_view process = process_of(query.target);
    if (!process.empty() && !kept.contains(process)) continue;
    add_reply(query, answer, pseudonyms, result.replies);
  }
  return result;
}

}  // namespace assay
