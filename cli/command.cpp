#include "cli/command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include "core/capture_archive.hpp"
#include "core/real_host.hpp"

namespace assay::cli {

int report_error(const Error& error) {
  fmt::print(stderr, "assay: {}\n", error.message());
  switch (error.code) {
    case ErrorCode::invalid:
      return kWrongUsage;
    case ErrorCode::interrupted:
      return kInterrupted;
    default:
      return kCouldNotDo;
  }
}

Expected<std::unique_ptr<Host>> open_host(const std::string& root) {
  if (root.empty()) return make_real_host();
  return open_capture(root);
}

void add_root_option(CLI::App& command, std::string& root) {
  command
      .add_option("--root", root,
                  "Read a capture instead of this machine: a directory, or an archive")
      ->type_name("CAPTURE");
}

void add_format_option(CLI::App& command, std::string& format, std::string_view choices) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= choices.size();) {
    const std::size_t comma = std::min(choices.find(',', at), choices.size());
    names.emplace_back(choices.substr(at, comma - at));
    at = comma + 1;
  }
  format = names.front();
  command.add_option("--format", format, fmt::format("Output form: {}", fmt::join(names, ", ")))
      ->type_name("FORM")
      ->check(CLI::IsMember(names));
}

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) names.emplace_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return names;
}

int print(std::string_view text, int code) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EPIPE) return code;  // "assay ... | head": the reader has seen enough
      return report_error(errno_error(errno, "write", "standard output"));
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return code;
}

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::clear() {
  if (shown_) fmt::print(stderr, "\r\033[K");
  shown_ = false;
}

void ProgressLine::show(std::string_view text) {
  if (!terminal_) return;
  shown_ = true;
  fmt::print(stderr, "\r\033[K{}", text);
  std::fflush(stderr);
}

}  // namespace assay::cli
