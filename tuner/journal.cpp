#include "tuner/journal.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "tuner/text.hpp"

namespace assay::tuner {
namespace {

constexpr std::string_view kSuffix = ".json";
constexpr std::uint32_t kOthers = 077;

bool is_id(std::string_view id) {
  constexpr std::size_t kLengthMax = 64;
  return !id.empty() && id.size() <= kLengthMax && std::ranges::all_of(id, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
  });
}

// Root's, and nobody else's: what stands there is undone with root's rights.
Expected<void> check_owner(const FileStatus& status, FileKind kind, std::string_view path) {
  if (status.kind != kind) {
    return fail(ErrorCode::denied, "use journal", path, "it is a link or another kind of file",
                "look at it, and remove it");
  }
  if (status.uid != 0 || (status.mode & kOthers) != 0) {
    return fail(ErrorCode::denied, "use journal", path,
                fmt::format("owner {} and mode {:o}: others could have written it", status.uid,
                            status.mode),
                "look at what it holds; `chown root` and `chmod go=` let it be used");
  }
  return {};
}

}  // namespace

std::string_view to_string(JournalState state) {
  switch (state) {
    case JournalState::planned:
      return "planned";
    case JournalState::applied:
      return "applied";
    case JournalState::rolled_back:
      return "rolled-back";
  }
  return "planned";
}

JournalFolder::JournalFolder(Host& host, std::string path) : host_(host), path_(std::move(path)) {}

std::string JournalFolder::file_of(std::string_view id) const {
  return fmt::format("{}/{}{}", path_, id, kSuffix);
}

Expected<void> JournalFolder::check_folder() const {
  const auto status = host_.status(path_);
  if (!status) return Failure(status.error());
  return check_owner(*status, FileKind::directory, path_);
}

Expected<void> JournalFolder::prepare() {
  for (std::size_t slash = path_.find('/', 1); slash != std::string::npos;
       slash = path_.find('/', slash + 1)) {
    const std::string above = path_.substr(0, slash);
    if (host_.exists(above)) continue;
    if (auto made = host_.make_directory(above, 0755); !made) return made;
  }
  if (!host_.exists(path_)) {
    if (auto made = host_.make_directory(path_, 0700); !made) return made;
  }
  return check_folder();
}

Expected<void> JournalFolder::save(const Journal& journal) {
  return host_.replace_file(file_of(journal.id), journal_text(journal), 0600);
}

Expected<Journal> JournalFolder::load(std::string_view id) const {
  if (!is_id(id)) {
    return fail(ErrorCode::invalid, "use journal", id, "that is no journal's id",
                "`assay rollback --list` shows them");
  }
  if (auto good = check_folder(); !good) return Failure(good.error());
  const std::string path = file_of(id);
  const auto status = host_.status(path);
  if (!status) {
    if (status.error().code != ErrorCode::absent) return Failure(status.error());
    return fail(ErrorCode::absent, "use journal", path, "there is none",
                "`assay rollback --list` shows them");
  }
  if (auto good = check_owner(*status, FileKind::regular, path); !good) {
    return Failure(good.error());
  }
  const auto text = host_.read(path, kSizeMax);
  if (!text) return Failure(text.error());
  auto journal = parse_journal(*text, path);
  if (journal && journal->id != id) {
    return fail(ErrorCode::invalid, "use journal", path,
                fmt::format("it says that its id is \"{}\"", journal->id));
  }
  return journal;
}

Expected<std::vector<JournalEntry>> JournalFolder::list() const {
  std::vector<JournalEntry> entries;
  const auto names = host_.list(path_);
  if (!names) {
    if (names.error().code == ErrorCode::absent) return entries;
    return Failure(names.error());
  }
  for (const std::string& name : *names) {
    if (!name.ends_with(kSuffix) || name.starts_with('.')) continue;
    std::string id = name.substr(0, name.size() - kSuffix.size());
    auto journal = load(id);
    entries.push_back({std::move(id), std::move(journal)});
  }
  // Ids begin with the time; "-10" comes after "-9" by length.
  std::ranges::sort(entries, [](const JournalEntry& a, const JournalEntry& b) {
    constexpr std::size_t kTime = 16;
    const auto time = a.id.substr(0, kTime) <=> b.id.substr(0, kTime);
    if (time != 0) return time < 0;
    return a.id.size() != b.id.size() ? a.id.size() < b.id.size() : a.id < b.id;
  });
  return entries;
}

Expected<Journal> JournalFolder::newest() const {
  auto entries = list();
  if (!entries) return Failure(entries.error());
  for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
    // One that cannot be used may be the very one that is meant: guessing would undo another.
    if (!entry->journal) return std::move(entry->journal);
    if (entry->journal->state != JournalState::rolled_back) return std::move(entry->journal);
  }
  return fail(ErrorCode::absent, "roll back", path_, "no transaction is left to undo");
}

Expected<std::vector<Journal>> JournalFolder::to_undo(std::string_view id) const {
  auto first = id.empty() ? newest() : load(id);
  if (!first) return Failure(first.error());
  auto entries = list();
  if (!entries) return Failure(entries.error());
  std::vector<Journal> journals;
  for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
    if (!entry->journal) continue;  // without an id newest() has refused; with one, somebody chose
    Journal& journal = *entry->journal;
    const bool named = !id.empty() && journal.id == id;
    if (journal.state == JournalState::rolled_back && !named) continue;
    if (!journal.reapplied && !id.empty() && !named) {
      journals.clear();  // these belong to another transaction
      continue;
    }
    const bool last = named || (id.empty() && !journal.reapplied);
    journals.push_back(std::move(journal));
    if (last) break;
  }
  return journals;
}

Expected<void> JournalFolder::forget_earlier_boots(std::string_view boot_id) {
  const auto lasts = [](const Change& change) {
    return change.kind != ChangeKind::write_file && change.kind != ChangeKind::ethtool;
  };
  auto entries = list();
  if (!entries) return Failure(entries.error());
  for (const JournalEntry& entry : *entries) {
    if (!entry.journal || !entry.journal->reapplied || entry.journal->boot_id == boot_id) continue;
    if (std::ranges::any_of(entry.journal->changes, lasts)) continue;
    if (auto gone = host_.remove_file(file_of(entry.id)); !gone) return gone;
  }
  return {};
}

std::string JournalFolder::free_id(std::string_view time) const {
  std::string id(time);
  for (unsigned n = 2; host_.status(file_of(id)).has_value(); ++n) {
    id = fmt::format("{}-{}", time, n);
  }
  return id;
}

}  // namespace assay::tuner
