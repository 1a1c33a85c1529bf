// The journal's form on the disk. Strict both ways: a key that is not known is an error, for a
// journal that is not understood whole must not be undone in part.
#include <fmt/core.h>

#include <array>
#include <functional>
#include <nlohmann/json.hpp>

#include "tuner/allowed.hpp"
#include "tuner/journal.hpp"

namespace assay::tuner {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "assay.journal";
constexpr int kVersion = 1;

// Texts of a Change and their keys; an empty text is left out.
struct TextField {
  const char* key;
  std::string Change::* member;
};
constexpr std::array kTexts = std::to_array<TextField>({
    {"setting", &Change::setting_id},
    {"target", &Change::target},
    {"local", &Change::local},
    {"path", &Change::path},
    {"before", &Change::before},
    {"after", &Change::after},
    {"read_path", &Change::read_path},
    {"undo_path", &Change::undo_path},
    {"undo_value", &Change::undo_value},
    {"follows", &Change::follows},
});

Json to_json(const Change& change) {
  Json json{{"kind", to_string(change.kind)}};
  for (const TextField& field : kTexts) {
    if (!(change.*field.member).empty()) json[field.key] = change.*field.member;
  }
  if (change.form != ValueForm::text) json["form"] = to_string(change.form);
  if (change.restore_only) json["restore_only"] = true;
  if (change.kind == ChangeKind::replace_file || change.kind == ChangeKind::remove_file) {
    json["absent_before"] = change.absent_before;
    if (change.folder_absent_before) json["folder_absent_before"] = true;
    json["mode_before"] = change.mode_before;
    json["mode_after"] = change.mode_after;
  }
  if (change.kind == ChangeKind::run) {
    json["argv"] = change.argv;
    json["undo_argv"] = change.undo_argv;
  }
  return json;
}

// Collects the first mistake; everything after it is not looked at.
class Reader {
 public:
  explicit Reader(std::string_view path) : path_(path) {}

  void wrong(std::string_view where, std::string_view cause) {
    if (!error_)
      error_ = make_error(ErrorCode::invalid, "read journal", path_,
                          fmt::format("{}: {}", where, cause));
  }
  const std::optional<Error>& error() const { return error_; }

  std::string text(const Json& value, std::string_view where) {
    if (value.is_string()) return value.get<std::string>();
    wrong(where, "expected a text");
    return {};
  }
  bool flag(const Json& value, std::string_view where) {
    if (value.is_boolean()) return value.get<bool>();
    wrong(where, "expected true or false");
    return false;
  }
  std::uint32_t mode(const Json& value, std::string_view where) {
    constexpr std::uint64_t kModeMax = 07777;
    if (value.is_number_unsigned() && value.get<std::uint64_t>() <= kModeMax) {
      return value.get<std::uint32_t>();
    }
    wrong(where, "expected permission bits");
    return 0;
  }
  std::vector<std::string> words(const Json& value, std::string_view where) {
    std::vector<std::string> all;
    if (!value.is_array()) wrong(where, "expected a list");
    if (value.is_array()) {
      for (const Json& word : value) all.push_back(text(word, where));
    }
    return all;
  }
  Change change(const Json& json, std::string_view where);

 private:
  void field(Change& change, const std::string& key, const Json& value, std::string_view where);

  std::string path_;
  std::optional<Error> error_;
};

void Reader::field(Change& change, const std::string& key, const Json& value,
                   std::string_view where) {
  for (const TextField& known : kTexts) {
    if (key != known.key) continue;
    change.*known.member = text(value, where);
    return;
  }
  if (key == "kind") {
    const auto kind = change_kind_from_string(text(value, where));
    if (!kind) wrong(where, "no such kind of change");
    change.kind = kind.value_or(ChangeKind::write_file);
  } else if (key == "form") {
    const auto form = value_form_from_string(text(value, where));
    if (!form) wrong(where, "no such form of a value");
    change.form = form.value_or(ValueForm::text);
  } else if (key == "restore_only") {
    change.restore_only = flag(value, where);
  } else if (key == "absent_before") {
    change.absent_before = flag(value, where);
  } else if (key == "folder_absent_before") {
    change.folder_absent_before = flag(value, where);
  } else if (key == "mode_before") {
    change.mode_before = mode(value, where);
  } else if (key == "mode_after") {
    change.mode_after = mode(value, where);
  } else if (key == "argv") {
    change.argv = words(value, where);
  } else if (key == "undo_argv") {
    change.undo_argv = words(value, where);
  } else {
    wrong(where, fmt::format("\"{}\" is not known", key));
  }
}

Change Reader::change(const Json& json, std::string_view where) {
  Change change;
  if (!json.is_object() || !json.contains("kind") || !json.contains("setting")) {
    wrong(where, "expected a change with its kind and setting");
    return change;
  }
  for (const auto& [key, value] : json.items()) field(change, key, value, where);
  return change;
}

std::optional<JournalState> state_from(std::string_view word) {
  for (JournalState state :
       {JournalState::planned, JournalState::applied, JournalState::rolled_back}) {
    if (to_string(state) == word) return state;
  }
  return std::nullopt;
}

void read_header(const Json& document, Reader& reader, Journal& journal) {
  const std::array<std::pair<const char*, std::string*>, 6> texts{
      {{"id", &journal.id},
       {"created", &journal.created},
       {"boot_id", &journal.boot_id},
       {"tool", &journal.tool},
       {"profile", &journal.profile},
       {"profile_digest", &journal.profile_digest}}};
  for (const auto& [key, into] : texts) {
    if (document.contains(key)) {
      *into = reader.text(document[key], key);
    } else {
      reader.wrong(key, "is missing");
    }
  }
  const auto state = state_from(reader.text(document.value("state", Json()), "state"));
  if (!state) reader.wrong("state", "expected planned, applied or rolled-back");
  journal.state = state.value_or(JournalState::planned);
  journal.undo_begun = reader.flag(document.value("undo_begun", Json()), "undo_begun");
  journal.reapplied = reader.flag(document.value("reapplied", Json(false)), "reapplied");
}

}  // namespace

std::string journal_text(const Journal& journal) {
  Json changes = Json::array();
  for (const Change& change : journal.changes) changes.push_back(to_json(change));
  Json document{{"schema", kSchema},
                {"version", kVersion},
                {"id", journal.id},
                {"state", to_string(journal.state)},
                {"undo_begun", journal.undo_begun},
                {"created", journal.created},
                {"boot_id", journal.boot_id},
                {"tool", journal.tool},
                {"profile", journal.profile},
                {"profile_digest", journal.profile_digest}};
  if (journal.reapplied) document["reapplied"] = true;
  document["changes"] = std::move(changes);
  // Kernel files may hold any byte; what is no UTF-8 would make the dump throw.
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Expected<Journal> parse_journal(std::string_view text, std::string_view path) {
  const Json document = Json::parse(text, nullptr, false);
  Reader reader(path);
  if (!document.is_object() || document.value("schema", Json()) != Json(kSchema)) {
    return fail(ErrorCode::invalid, "read journal", path, "this is no journal");
  }
  if (document.value("version", Json()) != Json(kVersion)) {
    return fail(ErrorCode::invalid, "read journal", path, "it was written by another version",
                "use the assay that wrote it");
  }
  Journal journal;
  read_header(document, reader, journal);
  const auto changes = document.find("changes");
  if (changes == document.end() || !changes->is_array()) {
    reader.wrong("changes", "expected a list");
  } else {
    for (std::size_t i = 0; i < changes->size() && !reader.error(); ++i) {
      journal.changes.push_back(reader.change((*changes)[i], fmt::format("changes[{}]", i)));
    }
  }
  if (reader.error()) return Failure(*reader.error());
  for (const Change& change : journal.changes) {
    if (auto good = check_allowed(change); !good) return Failure(good.error());
  }
  return journal;
}

}  // namespace assay::tuner
