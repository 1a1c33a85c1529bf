#include "probes/reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/digest.hpp"
#include "core/units.hpp"

namespace assay::probes {
namespace {

// No single fact is longer; the kernel's own command line ends at 4096 bytes on most machines.
constexpr std::size_t kFactLimit = 64 << 10;
// /proc/cpuinfo and /proc/interrupts grow with the number of CPUs: some MiB on large hosts.
constexpr Bytes kTableLimit{64ULL << 20};

// sysfs ends with newlines; captures of old kernels add spaces and NUL bytes.
constexpr std::string_view kBlank{" \t\r\n\v\f\0", 7};

// Length of the UTF-8 sequence at the head, 0 when it is none. Refuses overlong forms,
// surrogates and what lies above U+10FFFF, as JSON writers do.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!follows(1) || !follows(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

std::string printable(std::string_view text) {
  // Nearly every fact is plain ASCII already.
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  if (plain) return std::string(text);
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (byte == '\n' || byte == '\t') {
      result += ' ';
    } else if (byte >= 0x20 && byte < 0x7F) {
      result += text.front();
    } else if (length = utf8_length(text); length > 0) {
      result += text.substr(0, length);
    } else {
      result += '?';
      length = 1;
    }
    text.remove_prefix(length);
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> pieces;
  while (true) {
    const std::size_t start = text.find_first_not_of(separators);
    if (start == std::string_view::npos) return pieces;
    text.remove_prefix(start);
    const std::size_t end = text.find_first_of(separators);
    pieces.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end);
  }
}

std::optional<unsigned> number_after(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || name.size() == prefix.size()) return std::nullopt;
  unsigned value = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, value);
  if (error != std::errc{} || stop != end || value >= CpuSet::kMaxCpus) return std::nullopt;
  return value;
}

std::string hide(std::string_view what, std::string_view secret) {
  if (secret.find_first_not_of("0:- ") == std::string_view::npos) return {};
  return sha256(std::string("assay ") + std::string(what) + "\n" + std::string(secret));
}

std::optional<std::string> Reader::text(const std::string& path) {
  const auto content = host_.read(path);
  if (!content) {
    note(content.error());
    return std::nullopt;
  }
  const std::string_view fact = trimmed(*content);
  if (fact.size() > kFactLimit) return std::nullopt;
  return printable(fact);
}

std::string Reader::word(const std::string& path) { return text(path).value_or(std::string()); }

std::string Reader::table(const std::string& path) {
  auto content = host_.read(path, kTableLimit);
  if (content) return std::move(*content);
  note(content.error());
  return {};
}

std::optional<std::int64_t> Reader::number(const std::string& path) {
  const auto fact = text(path);
  if (!fact) return std::nullopt;
  const auto value = parse_int(*fact);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::uint64_t> Reader::count(const std::string& path) {
  const auto value = number(path);
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::optional<bool> Reader::flag(const std::string& path) {
  const std::string fact = word(path);
  if (fact == "1" || fact == "Y") return true;
  if (fact == "0" || fact == "N") return false;
  return std::nullopt;
}

std::string Reader::choice(const std::string& path) {
  const std::string fact = word(path);
  const std::size_t open = fact.find('[');
  const std::size_t close = fact.find(']', open == std::string::npos ? 0 : open);
  if (open != std::string::npos && close != std::string::npos) {
    return fact.substr(open + 1, close - open - 1);
  }
  return fact.substr(0, fact.find_first_of(" \t\n"));
}

std::optional<CpuSet> Reader::cpus(const std::string& list_path, const std::string& mask_path) {
  if (!mask_path.empty()) {
    if (const auto fact = text(mask_path); fact && !fact->empty()) {
      if (auto set = CpuSet::parse_mask(*fact)) return std::move(*set);
    }
  }
  if (!list_path.empty()) {
    if (const auto fact = text(list_path)) {
      if (auto set = CpuSet::parse_list(*fact)) return std::move(*set);
    }
  }
  return std::nullopt;
}

std::optional<NodeId> Reader::node(const std::string& path) {
  const auto value = count(path);
  if (!value || *value >= CpuSet::kMaxCpus) return std::nullopt;
  return NodeId{static_cast<unsigned>(*value)};
}

std::vector<std::string> Reader::names(const std::string& path) {
  auto found = host_.list(path);
  if (!found) {
    note(found.error());
    return {};
  }
  return std::move(*found);
}

std::vector<std::string> Reader::names_quietly(const std::string& path) {
  return host_.list(path).value_or(std::vector<std::string>());
}

std::string Reader::link_name(const std::string& path) {
  const auto target = host_.read_link(path);
  if (!target) return {};
  return printable(target->substr(target->rfind('/') + 1));
}

std::string Reader::resolved(const std::string& path) {
  auto real = host_.resolve(path);
  return real ? std::move(*real) : std::string();
}

Reply Reader::ask(std::string_view kind, std::string_view target) {
  return ask_why(kind, target).value_or(Reply());
}

Expected<Reply> Reader::ask_why(std::string_view kind, std::string_view target) {
  auto reply = host_.ask({std::string(kind), std::string(target)});
  if (!reply) {
    note(reply.error());
    return reply;
  }
  Reply clean;
  for (const auto& [key, value] : *reply) clean[printable(key)] = printable(value);
  return clean;
}

void Reader::note(const Error& error) {
  if (error.code != ErrorCode::denied) return;
  std::string line = printable(error.subject) + ": " + printable(error.cause);
  if (std::find(unreadable_.begin(), unreadable_.end(), line) == unreadable_.end()) {
    unreadable_.push_back(std::move(line));
  }
}

std::vector<std::string> Reader::take_unreadable() { return std::exchange(unreadable_, {}); }

}  // namespace assay::probes
