#include "core/privacy.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "core/privacy_patterns.hpp"

namespace assay {
namespace {

using privacy::Shape;

// Names that installers give, and words that kernel files use: as a word in text they mean nothing.
constexpr auto kCommonNames = std::to_array<std::string_view>(
    {"archlinux", "build",  "buildd",  "centos", "client", "cloud",  "debian", "default",
     "docker",    "fedora", "guest",   "host",   "kernel", "linux",  "local",  "localhost",
     "machine",   "master", "network", "node",   "none",   "rescue", "rocky",  "root",
     "server",    "system", "test",    "ubuntu", "virtual"});

constexpr std::size_t kShortName = 4;  // below it a name is more likely a word than a name

constexpr const char* kind_of(Shape shape) {
  switch (shape) {
    case Shape::mac:
    case Shape::named:
      return "mac";
    case Shape::guid:
      return "guid";
    case Shape::ipv4:
    case Shape::ipv6:
      return "ip";
    case Shape::uuid:
      return "uuid";
    default:
      return "id";
  }
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return result;
}

// The digits of `hex` put in place of the hexadecimal digits of `form`.
std::string in_form(std::string_view form, std::string_view hex) {
  std::string result(form);
  std::size_t next = 0;
  for (char& c : result) {
    if (privacy::is_alnum(c)) c = hex[next++ % hex.size()];
  }
  return result;
}

}  // namespace

Pseudonyms::Pseudonyms() {
  // May run any number of times. Random bytes come from the kernel in any case; where even that
  // fails, libsodium ends the program rather than give bytes that can be guessed.
  [[maybe_unused]] const int first_time = ::sodium_init();
  ::randombytes_buf(key_.data(), key_.size());
}

std::string Pseudonyms::digits(std::string_view kind, std::string_view value, std::size_t digits) {
  std::string input(kind);
  input += '\0';
  input += value;
  const auto known = made_.find(input);
  if (known != made_.end()) return known->second.substr(0, digits);
  std::array<std::uint8_t, 32> hash{};
  ::crypto_generichash(hash.data(), hash.size(),
                       reinterpret_cast<const unsigned char*>(input.data()), input.size(),
                       key_.data(), key_.size());
  std::string hex;
  for (const std::uint8_t byte : hash) hex += fmt::format("{:02x}", byte);
  ++report_.replaced[std::string(kind)];
  return made_.emplace(std::move(input), std::move(hex)).first->second.substr(0, digits);
}

void Pseudonyms::set_host_name(std::string_view name) {
  const std::string_view first = name.substr(0, name.find('.'));
  const bool common = first.size() < kShortName ||
                      std::ranges::find(kCommonNames, lower(first)) != kCommonNames.end();
  host_name_ = common ? "" : std::string(first);
}

std::string Pseudonyms::stand_in(std::string_view found, int shape) {
  const auto kind = static_cast<Shape>(shape);
  // An interface that is named after its address keeps its relation to it.
  if (kind == Shape::named) {
    std::string address;
    for (std::size_t i = 3; i < found.size(); i += 2) {
      address += fmt::format("{}{}", i > 3 ? ":" : "", found.substr(i, 2));
    }
    std::string made = stand_in(address, static_cast<int>(Shape::mac));
    std::erase(made, ':');
    return std::string(found.substr(0, 3)) + made;
  }
  std::string value = lower(found);
  std::ranges::replace(value, '_', '-');  // systemd writes UUIDs with either
  if (kind == Shape::mac) std::ranges::replace(value, '-', ':');
  const std::string hex = digits(kind_of(kind), value, 64);
  if (kind == Shape::mac) return in_form(found, "02" + hex.substr(2));  // locally administered
  const auto byte = [&](std::size_t at) { return std::stoi(hex.substr(at, 2), nullptr, 16); };
  // Ranges that are never routed: RFC 2544 and RFC 3849.
  if (kind == Shape::ipv4) {
    return fmt::format("198.{}.{}.{}", 18 + byte(0) % 2, byte(2), 1 + byte(4) % 254);
  }
  if (kind == Shape::ipv6)
    return fmt::format("2001:db8::{}:{}", hex.substr(0, 4), hex.substr(4, 4));
  return in_form(found, hex);
}

void Pseudonyms::remember_serial(std::string_view serial) {
  constexpr std::size_t kShortest = 6;  // "0", "None", "1234" are no serial numbers
  if (serial.size() >= kShortest && std::ranges::find(serials_, serial) == serials_.end()) {
    serials_.emplace_back(serial);
  }
}

std::string Pseudonyms::serial(std::string_view serial) {
  return in_form(serial, digits("serial", serial, 64));
}

std::string Pseudonyms::host(std::string_view name) {
  return "host-" + digits("host name", lower(name.substr(0, name.find('.'))), 8);
}

// The length of the serial number or host name that stands here as a word; 0 for none.
std::size_t Pseudonyms::literal_at(std::string_view text, std::size_t at) const {
  if (at > 0 && privacy::is_alnum(text[at - 1])) return 0;
  const std::string_view rest = text.substr(at);
  const auto matches = [&](const std::string& word) {
    return !word.empty() && rest.starts_with(word) &&
           (rest.size() == word.size() || !privacy::is_alnum(rest[word.size()]));
  };
  for (const std::string& serial : serials_) {
    if (matches(serial)) return serial.size();
  }
  return matches(host_name_) ? host_name_.size() : 0;
}

std::string Pseudonyms::scrub(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t length = literal_at(text, at); length > 0) {
      const std::string_view word = text.substr(at, length);
      result += word == host_name_ ? host(word) : serial(word);
      at += length;
      continue;
    }
    const privacy::Found found = privacy::find_shape(text, at);
    if (found.shape != Shape::none) {
      result += stand_in(text.substr(at, found.length), static_cast<int>(found.shape));
      at += found.length;
      continue;
    }
    result += text[at++];
  }
  return result;
}

}  // namespace assay
