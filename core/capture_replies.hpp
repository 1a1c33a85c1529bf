// The file of a capture that holds the answers that are no files (see core/replay_host.hpp).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/host.hpp"

namespace assay {

// What a host answered to each query: the reply, or the error.
using CaptureReplies = std::map<Query, Expected<Reply>>;

// Reads the JSON text. Strict: the schema and version must be known, every field must have its
// type, and no query may stand there twice; unknown extra fields are ignored, so that a later
// version may add some. Error: invalid, with the place. Pure; safe on hostile input.
Expected<CaptureReplies> parse_capture_replies(std::string_view text);

// The JSON text of the replies, in order of kind and target, indented, with a trailing newline:
// equal replies give equal bytes. parse_capture_replies() reads it back; of an error all but the
// advice survives. Bytes that are no UTF-8 are replaced by U+FFFD.
std::string format_capture_replies(const CaptureReplies& replies);

}  // namespace assay
