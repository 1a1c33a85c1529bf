#include "engine/catalogue_markdown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace assay::engine {
namespace {

constexpr std::string_view kIntroduction =
    R"(# Techniques

What assay can measure. Each technique is compared with its baseline in interleaved blocks, tested
against what a published guide claims of it, and has to prove that it really ran: a technique that
fell back silently is reported as not engaged, never as a good number.

`assay bench ID` runs one, `assay bench ID --baseline` its baseline with it, and `assay techniques`
says which of them this host can run, and why not. This page is made from the table in the program:
`assay techniques --format markdown`.

)";

// A pipe would end the cell of a table.
std::string cell(std::string_view text) {
  if (text.empty()) return "–";
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// "storage.uring.fixed-files" → the anchor that Markdown renderers give its heading.
std::string anchor(std::string_view id) {
  std::string text(id);
  std::erase(text, '.');
  return text;
}

std::string link(std::string_view id) {
  return id.empty() ? "–" : fmt::format("[{}](#{})", id, anchor(id));
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    const std::string_view part = list.substr(0, list.find(','));
    parts.push_back(part);
    list.remove_prefix(std::min(list.size(), part.size() + 1));
  }
  return parts;
}

// The default is what the technique makes of nothing said.
std::string parameter_line(const Technique& technique, std::string_view key) {
  const auto rows = parameter_rows();
  const auto row = std::ranges::find(rows, key, &ParameterRow::key);
  if (row == rows.end()) return fmt::format("  - `{}`\n", key);
  const Parameters plain =
      technique.resolve == nullptr ? Parameters{} : technique.resolve(Parameters{});
  const std::string standard = row->get(plain);
  const std::string suffix = standard.empty() ? "" : fmt::format(" (default `{}`)", standard);
  return fmt::format("  - `{}` {}: {}{}\n", key, row->form, row->help, suffix);
}

std::string needs(const Technique& row) {
  std::string text = row.threads == 1 ? "one CPU" : fmt::format("{} CPUs", row.threads);
  if (row.uses_file) text += ", a file";
  if (row.variant_needs != nullptr) text += "; some variants more";
  return text;
}

std::string baselines(const Technique& row) {
  if (row.also_against.empty()) return link(row.baseline);
  return fmt::format("{}, {}", link(row.baseline), link(row.also_against));
}

std::string section(const Technique& row) {
  std::string text = fmt::format("## {}\n\n{}.\n\n", row.id, row.summary);
  text += fmt::format("- Baseline: {}\n",
                      row.baseline.empty() ? "none; it is measured by itself" : baselines(row));
  const std::string_view claim = row.claim.text;
  text += fmt::format("- Claim: {}\n", claim.empty() ? "none" : claim);
  text += fmt::format("- Proof: {}\n", row.proof.empty() ? "none" : row.proof);
  text += fmt::format("- Data: {}\n",
                      row.moves_data ? "checked outside the timed part" : "none is moved");
  text += fmt::format("- Needs: {}\n", needs(row));
  const auto keys = split(row.parameters);
  text += keys.empty() ? "- Parameters: none\n" : "- Parameters:\n";
  for (const std::string_view key : keys) text += parameter_line(row, key);
  return text;
}

}  // namespace

std::string techniques_markdown(std::span<const Technique> rows) {
  std::string text(kIntroduction);
  text += "| technique | baseline | claim |\n|---|---|---|\n";
  for (const Technique& row : rows) {
    text += fmt::format("| {} | {} | {} |\n", link(row.id), baselines(row), cell(row.claim.text));
  }
  for (const Technique& row : rows) text += "\n" + section(row);
  return text;
}

}  // namespace assay::engine
