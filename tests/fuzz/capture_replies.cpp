#include "core/capture_replies.hpp"

#include "fuzz.hpp"

namespace assay::fuzz {

void fuzz_one(std::string_view input) {
  const auto replies = parse_capture_replies(input);
  if (!replies) {
    require(replies.error().code == ErrorCode::invalid, "bad input is invalid input");
    return;
  }
  const std::string text = format_capture_replies(*replies);
  const auto again = parse_capture_replies(text);
  require(again.has_value(), "printed replies read back");
  require(again->size() == replies->size(), "no reply is lost");
  require(format_capture_replies(*again) == text, "printing is stable");
}

}  // namespace assay::fuzz
