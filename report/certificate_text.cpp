#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "certify/judge_words.hpp"
#include "report/certificate_tables.hpp"
#include "report/labels.hpp"
#include "report/render.hpp"
#include "report/text.hpp"

namespace assay::report {
namespace {

constexpr std::size_t kKeyWidth = 12;

std::string fact(std::string_view key, std::string_view words, const Style& style) {
  return wrapped(words, padded(key, kKeyWidth), style.width);
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view more) {
  return fmt::format("{} {}", count, count == 1 ? one : more);
}

std::string host_words(const probes::Inventory& inventory) {
  const probes::Counts& counts = inventory.topology.counts;
  std::string words = inventory.host_name.empty() ? "unnamed" : inventory.host_name;
  if (!inventory.topology.model_name.empty()) words += " · " + inventory.topology.model_name;
  words +=
      fmt::format(" · {}, {}, {} · {}", counted(counts.cpus, "CPU", "CPUs"),
                  counted(counts.cores, "core", "cores"), counted(counts.nodes, "node", "nodes"),
                  format_bytes_short(inventory.memory.total));
  return words;
}

std::string system_words(const probes::Inventory& inventory) {
  std::string words = "Linux " + inventory.kernel.release;
  if (!inventory.kernel.preempt_model.empty()) words += " " + inventory.kernel.preempt_model;
  const probes::Environment& environment = inventory.environment;
  words +=
      environment.hypervisor.empty() ? " · bare metal" : " · guest of " + environment.hypervisor;
  if (!environment.container.empty()) words += " · in a container (" + environment.container + ")";
  return words;
}

std::string clock_words(const engine::ClockReport& clock) {
  return fmt::format("{} at {:.4g} GHz, {:.1f} ppm off at the end{} · time stamp p50 {}, p99 {}",
                     clock.source == engine::ClockSource::tsc ? "TSC" : "CLOCK_MONOTONIC",
                     clock.hz / 1e9, std::fabs(clock.error_ppm),
                     clock.valid ? "" : " (50 are allowed: void)",
                     format_ns_short(static_cast<double>(clock.overhead_p50_ns)),
                     format_ns_short(static_cast<double>(clock.overhead_p99_ns)));
}

std::string noise_words(const certify::NoiseFloor& noise) {
  return fmt::format("cpu{} spun for {}: p99.9 of the gaps {}, longest {}, {} over 10 µs a second",
                     noise.cpu, format_duration_short(noise.spun_for),
                     format_ns_short(static_cast<double>(noise.gap_p99_9_ns)),
                     format_ns_short(static_cast<double>(noise.gap_max_ns)),
                     short_number(noise.gaps_over_10us_per_s));
}

std::string_view exit_words(int code) {
  switch (code) {
    case 0:
      return "all as wanted";
    case 1:
      return "evaluated, and not as wanted";
    case 2:
      return "inconclusive or void: measure again, longer or on a quieter host";
    case 3:
      return "something required was skipped or could not be read";
    case 130:
      return "stopped";
    default:
      return "could not do the job";
  }
}

Colour colour_of(certify::Verdict verdict) {
  if (verdict == certify::Verdict::pass) return Colour::green;
  return verdict == certify::Verdict::fail ? Colour::red : Colour::yellow;
}

}  // namespace

std::string head_part(const certify::Certificate& certificate, const Style& style) {
  std::string text = coloured("CERTIFICATE " + certificate.id, Colour::bold, style.colour) + "\n";
  text += fact("host", host_words(certificate.inventory), style);
  text += fact("system", system_words(certificate.inventory), style);
  text +=
      fact("digests",
           fmt::format("identity {} · configuration {}", short_digest(certificate.digests.identity),
                       short_digest(certificate.digests.configuration)),
           style);
  text += fact(
      "profile",
      fmt::format("{} ({})", certificate.profile_name, short_digest(certificate.profile_digest)),
      style);
  text += fact("issued",
               fmt::format("{} by assay {} ({}), holds until {}",
                           certify::format_time(certificate.issued), certificate.tool_version,
                           certificate.tool_build, certify::format_time(certificate.expires)),
               style);
  if (!certificate.nonce.empty()) text += fact("nonce", certificate.nonce, style);
  text += fact(
      "run",
      fmt::format("{}, {} written, {} of {} planned looks", format_duration_short(certificate.took),
                  format_bytes_short(certificate.written), certificate.looks_taken,
                  certificate.looks_planned),
      style);
  text += fact("clock", clock_words(certificate.clock), style);
  text += fact("noise floor", noise_words(certificate.noise), style);
  for (const std::string& note : certificate.notes) text += fact("note", note, style);
  return text;
}

std::string verdict_part(const certify::Certificate& certificate, const Style& style) {
  const int code = certificate.exit_code();
  std::string text = fmt::format(
      "VERDICT  {}  (exit code {}: {})\n",
      coloured(to_string(certificate.verdict), colour_of(certificate.verdict), style.colour), code,
      exit_words(code));
  for (const std::string& reason : certificate.reasons)
    text += wrapped(reason, "  - ", style.width);
  return text;
}

std::string certificate_text(const certify::Certificate& certificate, const Style& style) {
  std::string text = head_part(certificate, style) + "\n";
  for (const auto part : {settings_part, measurements_part, budgets_part}) {
    const std::string one = part(certificate, style);
    if (!one.empty()) text += one + "\n";
  }
  return text + verdict_part(certificate, style);
}

}  // namespace assay::report
