// The two ends of a byte stream that copy techniques send a file into.
#pragma once

#include <string_view>

#include "core/fd.hpp"

namespace assay::engine {

struct StreamPair {
  UniqueFd near, far;  // written to, drained from
};

// "unix" (or ""): an AF_UNIX stream pair. "tcp": a TCP connection over 127.0.0.1, without Nagle's
// delay and without TIME_WAIT behind it. Neither end blocks longer than kPeerTimeout. Errors:
// invalid (another word), absent (the loopback interface is down), exhausted.
Expected<StreamPair> open_stream_pair(std::string_view kind);

}  // namespace assay::engine
