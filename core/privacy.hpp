// What identifies a host is taken out of a capture, and stand-ins are put in its place.
//
// A stand-in is a keyed hash: the same value gets the same one wherever it stands, so that what
// belongs together still does; and without the key, which is drawn anew for each capture and never
// kept, nobody can tell or try out what it stood for. docs/captures.md lists what is kept, replaced
// and left out; the table of paths in privacy_rules.cpp is that list.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/capture_tree.hpp"

namespace assay {

// What the caller knows and core does not.
struct PrivacyOptions {
  // Names of running programs (/proc/N/comm) that mean something to the probes; every other
  // process is left out of the capture. Default: none is kept.
  std::function<bool(std::string_view name)> keeps_program;
};

struct PrivacyReport {
  // What was replaced, by kind ("mac", "uuid", "serial", "mount" ...): how many different values.
  std::map<std::string, std::size_t, std::less<>> replaced;
  std::size_t processes_left_out = 0;
};

// Makes stand-ins. Not thread-safe: it counts what it replaced.
class Pseudonyms {
 public:
  using Key = std::array<std::uint8_t, 32>;
  // A key that nobody knows.
  Pseudonyms();
  // A fixed key, for tests and for captures that are kept with them.
  explicit Pseudonyms(const Key& key) : key_(key) {}

  // `digits` lower-case hexadecimal digits that stand for the value.
  std::string digits(std::string_view kind, std::string_view value, std::size_t digits);
  // Every address and unique number in the text replaced, and the host's name where it is a word of
  // its own. Text without any comes back as it is.
  std::string scrub(std::string_view text);
  // Remembers the host's name for scrub(). Names that are common words ("vm", "server") are only
  // replaced where a file holds nothing else: they identify nobody, and are words of the kernel.
  void set_host_name(std::string_view name);
  // A serial number that was found: scrub() replaces it wherever it stands as a word of its own.
  void remember_serial(std::string_view serial);
  // What stands for a serial number: of the same length and punctuation.
  std::string serial(std::string_view serial);
  // What stands for the host's own name.
  std::string host(std::string_view name);

  const PrivacyReport& report() const { return report_; }
  PrivacyReport& report() { return report_; }

 private:
  std::string stand_in(std::string_view found, int shape);

  Key key_{};
  // The literal words that scrub() looks for, beside the shapes; "" or empty when there are none.
  std::size_t literal_at(std::string_view text, std::size_t at) const;

  std::string host_name_;
  std::vector<std::string> serials_;
  PrivacyReport report_;
  std::map<std::string, std::string, std::less<>> made_;  // "kind\0value" → stand-in
};

// The tree as it may be handed to others.
CaptureTree make_private(const CaptureTree& tree, const PrivacyOptions& options,
                         Pseudonyms& pseudonyms);

}  // namespace assay
