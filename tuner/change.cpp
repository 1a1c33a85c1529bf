#include "tuner/change.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/cpuset.hpp"
#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

constexpr std::array<std::string_view, 5> kKinds{"write-file", "replace-file", "remove-file",
                                                 "ethtool", "run"};
constexpr std::array<std::string_view, 4> kForms{"text", "chosen", "mask", "list"};

// Features are asked for as two lists of names, and kept here as one name=state each.
constexpr std::string_view kFeatures = "ethtool.requested";

template <typename Enum, std::size_t N>
std::optional<Enum> from_word(const std::array<std::string_view, N>& words, std::string_view word) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<Enum>(found - words.begin());
}

std::string with_local(std::string_view path, std::string_view local) {
  std::string full(path);
  if (const std::size_t at = full.find("{}"); at != std::string::npos) full.replace(at, 2, local);
  return full;
}

Expected<std::string> in_form(ValueForm form, std::string_view text, std::string_view path) {
  if (form == ValueForm::chosen) return std::string(chosen_word(text));
  text = trimmed(text);
  if (form == ValueForm::text) return std::string(text);
  const auto cpus = form == ValueForm::mask ? CpuSet::parse_mask(text) : CpuSet::parse_list(text);
  if (!cpus) return fail(ErrorCode::invalid, "read", path, cpus.error().message());
  return form == ValueForm::mask ? cpus->to_mask() : cpus->to_list();
}

Expected<std::optional<std::string>> read_whole(const Host& host, const Change& change) {
  auto text = host.read(path_of(change));
  if (text) return std::optional(*std::move(text));
  if (text.error().code == ErrorCode::absent) return std::optional<std::string>();
  return Failure(text.error());
}

// The keys that the change speaks of, as the driver answers them now.
Expected<std::optional<std::string>> read_ethtool(const Host& host, const Change& change) {
  const auto keys = parse_pairs(change.before);
  if (!keys) return Failure(keys.error());
  const auto answer = host.ask({change.path, change.local});
  if (!answer) return Failure(answer.error());
  Reply now;
  if (change.path == kFeatures) {
    for (const auto& [state, names] : *answer) {
      for (std::string_view name : split(names, ',')) {
        if (keys->contains(name)) now.emplace(name, state);
      }
    }
  } else {
    for (const auto& [key, value] : *answer) {
      if (keys->contains(key)) now.emplace(key, value);
    }
  }
  // A request that answers nothing of it any more, as a thread that has ended.
  if (now.empty()) return fail(ErrorCode::absent, "read", subject_of(change), "it is gone");
  return std::optional(show_pairs(now));
}

Expected<void> set_ethtool(Host& host, const Change& change, std::string_view pairs) {
  auto values = parse_pairs(pairs);
  if (!values) return Failure(values.error());
  if (change.path == kFeatures) {
    Reply lists;
    for (const auto& [name, state] : *values) {
      std::string& list = lists[state];
      list += (list.empty() ? "" : ",") + name;
    }
    *values = std::move(lists);
  }
  return host.change({change.path, change.local}, *values);
}

// By name, as ps(1) shows it: no service manager needs to be asked, or to be there.
Expected<std::optional<std::string>> read_process(const Host& host, std::string_view name) {
  const auto processes = host.list("/proc");
  if (!processes) return Failure(processes.error());
  for (const std::string& process : *processes) {
    if (process.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto own = host.read_trimmed(fmt::format("/proc/{}/comm", process));
    if (own && *own == name) return std::optional<std::string>("running");
  }
  return std::optional<std::string>("stopped");
}

Expected<void> run_line(Host& host, const std::vector<std::string>& argv) {
  const auto ran = host.run(argv);
  if (!ran) return Failure(ran.error());
  if (ran->exit_code == 0) return {};
  const auto lines = lines_of(trimmed(ran->output));
  return fail(ErrorCode::io, "run", fmt::format("{}", fmt::join(argv, " ")),
              fmt::format("it ended with {}: {}", ran->exit_code, lines.back()));
}

// The folder of one of our files may be missing on a small system.
Expected<void> replace(Host& host, const Change& change, std::string_view content,
                       std::uint32_t mode) {
  const std::string path = path_of(change);
  const std::string folder = path.substr(0, path.rfind('/'));
  if (!host.exists(folder)) {
    if (auto made = host.make_directory(folder, 0755); !made) return made;
  }
  return host.replace_file(path, content, mode);
}

}  // namespace

std::string_view to_string(ChangeKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }
std::string_view to_string(ValueForm form) { return kForms[static_cast<std::size_t>(form)]; }

std::optional<ChangeKind> change_kind_from_string(std::string_view word) {
  return from_word<ChangeKind>(kKinds, word);
}

std::optional<ValueForm> value_form_from_string(std::string_view word) {
  return from_word<ValueForm>(kForms, word);
}

std::string path_of(const Change& change) { return with_local(change.path, change.local); }

std::string subject_of(const Change& change) {
  if (change.kind == ChangeKind::ethtool) return fmt::format("{} of {}", change.path, change.local);
  if (change.kind == ChangeKind::run) return fmt::format("{}", fmt::join(change.argv, " "));
  return path_of(change);
}

Expected<std::optional<std::string>> read_now(const Host& host, const Change& change) {
  switch (change.kind) {
    case ChangeKind::replace_file:
    case ChangeKind::remove_file:
      return read_whole(host, change);
    case ChangeKind::ethtool:
      return read_ethtool(host, change);
    case ChangeKind::run:
      if (change.path.empty()) return std::optional(change.before);
      return read_process(host, change.path);
    case ChangeKind::write_file:
      break;
  }
  const std::string path =
      with_local(change.read_path.empty() ? change.path : change.read_path, change.local);
  const auto text = host.read(path);
  if (!text) return Failure(text.error());
  auto value = in_form(change.form, *text, path);
  if (!value) return Failure(value.error());
  return std::optional(*std::move(value));
}

bool is_before(const Change& change, const std::optional<std::string>& now) {
  return now ? !change.absent_before && *now == change.before : change.absent_before;
}

bool is_after(const Change& change, const std::optional<std::string>& now) {
  if (change.kind == ChangeKind::remove_file) return !now;
  return now && *now == change.after;
}

Expected<void> perform(Host& host, const Change& change) {
  switch (change.kind) {
    case ChangeKind::write_file:
      return host.write(path_of(change), change.after);
    case ChangeKind::replace_file:
      return replace(host, change, change.after, change.mode_after);
    case ChangeKind::remove_file:
      return host.remove_file(path_of(change));
    case ChangeKind::ethtool:
      return set_ethtool(host, change, change.after);
    case ChangeKind::run:
      return run_line(host, change.argv);
  }
  return {};
}

Expected<void> undo(Host& host, const Change& change) {
  switch (change.kind) {
    case ChangeKind::write_file:
      if (change.undo_path.empty()) return host.write(path_of(change), change.before);
      return host.write(with_local(change.undo_path, change.local), change.undo_value);
    case ChangeKind::replace_file:
    case ChangeKind::remove_file:
      if (change.absent_before) return host.remove_file(path_of(change));
      return replace(host, change, change.before, change.mode_before);
    case ChangeKind::ethtool:
      return set_ethtool(host, change, change.before);
    case ChangeKind::run:
      return run_line(host, change.undo_argv);
  }
  return {};
}

void remove_made_folder(Host& host, const Change& change) {
  if (!change.folder_absent_before) return;
  const std::string path = path_of(change);
  const std::string folder = path.substr(0, path.rfind('/'));
  const auto names = host.list(folder);
  // A folder that is left over harms nobody, and the next undo takes it.
  if (names && names->empty()) (void)host.remove_file(folder);
}

Expected<Reply> parse_pairs(std::string_view text) {
  Reply values;
  for (std::string_view pair : words_of(text)) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string_view::npos) {
      return fail(ErrorCode::invalid, "read", pair, "expected key=value");
    }
    values.insert_or_assign(std::string(pair.substr(0, equals)),
                            std::string(pair.substr(equals + 1)));
  }
  return values;
}

std::string show_pairs(const Reply& values) {
  std::string text;
  for (const auto& [key, value] : values) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
  }
  return text;
}

}  // namespace assay::tuner
