// Finding what identifies a host in text: the shapes of addresses and of unique numbers.
//
// Internal to core; pure and thread-safe. Each shape is found by its form alone, whatever the text
// around it means, so it is found in a boot line, a udev rule and a path alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace assay::privacy {

enum class Shape : std::uint8_t {
  none,
  mac,    // "00:1b:21:3c:9d:f8"; six or more pairs, with ':' or '-' between them
  guid,   // "0c42:a103:0065:6f5c": a port of RDMA
  ipv4,   // "10.1.2.3"; not 0.0.0.0, 127.0.0.0/8 and masks, which name nobody
  ipv6,   // "fe80::21b:21ff:fe3c:9df8"; not "::" and "::1"
  uuid,   // "3d1219c7-c4c5-404a-aa1f-6d2a48adfda4"; also with '_' between its groups
  hex,    // 32 or more hexadecimal digits, not all alike: machine and container ids
  named,  // "enx001b213c9df8": an interface that udev named after its MAC address
};

struct Found {
  Shape shape = Shape::none;
  std::size_t length = 0;
};

// The shape that starts at `at`, where a word may start: at the text's head or after a character
// that is no letter or digit. {none, 0} for anything else.
Found find_shape(std::string_view text, std::size_t at);

bool is_alnum(char c);

}  // namespace assay::privacy
