#include "core/capture_replies.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace assay {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "assay.capture";
constexpr int kVersion = 1;

Failure bad(std::string_view where, std::string_view cause) {
  return fail(ErrorCode::invalid, "parse capture replies", where, cause);
}

// The member when it is a string; nullptr when it is missing or something else.
const std::string* text_member(const Json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end()) return nullptr;
  return member->get_ptr<const std::string*>();
}

Expected<Reply> parse_reply(const Json& object, const std::string& where) {
  if (!object.is_object()) return bad(where, "\"reply\" must be an object");
  Reply reply;
  for (const auto& [key, value] : object.items()) {
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr) return bad(where, fmt::format("the value of \"{}\" must be text", key));
    reply[key] = *text;
  }
  return reply;
}

Expected<Error> parse_error(const Json& entry, const std::string& where) {
  const std::string* word = text_member(entry, "error");
  if (word == nullptr) return bad(where, "expected \"reply\" or \"error\"");
  const auto code = error_code_from_string(*word);
  if (!code) return bad(where, "\"error\" is no known word, such as \"absent\"");
  Error error = make_error(*code, "ask", where, "the captured host answered so");
  if (const std::string* cause = text_member(entry, "cause")) error.cause = *cause;
  if (const std::string* tried = text_member(entry, "operation")) error.operation = *tried;
  if (const std::string* subject = text_member(entry, "subject")) error.subject = *subject;
  if (const auto number = entry.find("errno"); number != entry.end()) {
    if (!number->is_number_integer()) return bad(where, "\"errno\" must be a number");
    // No errno is larger; the check also keeps the conversion to int exact.
    const auto value = number->get<std::int64_t>();
    if (value < 0 || value > 4095) return bad(where, "\"errno\" must be between 0 and 4095");
    error.sys_errno = static_cast<int>(value);
  }
  return error;
}

Expected<void> parse_entry(const Json& entry, std::size_t index, CaptureReplies& replies) {
  const std::string place = fmt::format("replies[{}]", index);
  if (!entry.is_object()) return bad(place, "expected an object");
  const std::string* kind = text_member(entry, "kind");
  const std::string* target = text_member(entry, "target");
  if (kind == nullptr || kind->empty()) return bad(place, "\"kind\" must be text");
  if (target == nullptr) return bad(place, "\"target\" must be text");
  Query query{*kind, *target};
  const std::string where = target->empty() ? *kind : *kind + " " + *target;
  Expected<Reply> answer;
  if (const auto reply = entry.find("reply"); reply != entry.end()) {
    answer = parse_reply(*reply, where);
    if (!answer) return Failure(answer.error());
  } else {
    auto error = parse_error(entry, where);
    if (!error) return Failure(error.error());
    answer = Failure(std::move(*error));
  }
  if (!replies.emplace(std::move(query), std::move(answer)).second) {
    return bad(place, fmt::format("{} was answered before", where));
  }
  return {};
}

}  // namespace

Expected<CaptureReplies> parse_capture_replies(std::string_view text) {
  // Neither the parser nor the accessors above throw on bad input with exceptions off.
  const Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return bad("", "it is not valid JSON");
  if (!document.is_object()) return bad("", "expected an object");
  const std::string* schema = text_member(document, "schema");
  if (schema == nullptr || *schema != kSchema) {
    return bad("schema", fmt::format("expected \"{}\"", kSchema));
  }
  const auto version = document.find("version");
  if (version == document.end() || !version->is_number_integer() || *version != kVersion) {
    return bad("version", fmt::format("expected {}", kVersion));
  }
  const auto list = document.find("replies");
  if (list == document.end() || !list->is_array()) return bad("replies", "expected a list");
  CaptureReplies replies;
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (auto parsed = parse_entry((*list)[i], i, replies); !parsed) {
      return Failure(parsed.error());
    }
  }
  return replies;
}

std::string format_capture_replies(const CaptureReplies& replies) {
  Json list = Json::array();
  for (const auto& [query, answer] : replies) {
    Json entry{{"kind", query.kind}, {"target", query.target}};
    if (answer) {
      Json& reply = entry["reply"] = Json::object();
      for (const auto& [key, value] : *answer) reply[key] = value;
    } else {
      const Error& error = answer.error();
      entry["error"] = to_string(error.code);
      if (error.sys_errno != 0) entry["errno"] = error.sys_errno;
      if (!error.cause.empty()) entry["cause"] = error.cause;
      if (!error.operation.empty()) entry["operation"] = error.operation;
      if (!error.subject.empty()) entry["subject"] = error.subject;
    }
    list.push_back(std::move(entry));
  }
  const Json document{{"schema", kSchema}, {"version", kVersion}, {"replies", std::move(list)}};
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace assay
