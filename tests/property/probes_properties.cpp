// What every probe builds on: text is made printable, split and numbered, whatever it holds.
#include <gtest/gtest.h>
// The order matters: rapidcheck's header builds on gtest's.
#include <rapidcheck/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/memory_host.hpp"
#include "probes/reader.hpp"

namespace assay::probes {
namespace {

std::string any_bytes() { return *rc::gen::container<std::string>(rc::gen::arbitrary<char>()); }

RC_GTEST_PROP(TextProperty, PrintableTextIsOneLineOfUtf8, ()) {
  const std::string text = printable(any_bytes());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    RC_ASSERT(byte >= 0x20U && byte != 0x7fU);
  }
  // Throws on broken UTF-8.
  (void)nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::strict);
  RC_ASSERT(printable(text) == text);
}

RC_GTEST_PROP(TextProperty, TrimmedTextHasNoBlanksAround, ()) {
  const std::string text = any_bytes();
  const std::string_view inner = trimmed(text);
  RC_ASSERT(text.find(inner) != std::string::npos);
  if (!inner.empty()) RC_ASSERT(trimmed(inner) == inner);
}

RC_GTEST_PROP(TextProperty, PiecesAreWhatSeparatorsLeave, ()) {
  const std::string text =
      *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab ,")));
  std::string joined;
  for (const std::string& piece : split(text, " ,")) {
    RC_ASSERT(!piece.empty());
    RC_ASSERT(piece.find_first_of(" ,") == std::string::npos);
    joined += piece;
  }
  std::string letters = text;
  std::erase_if(letters, [](char c) { return c == ' ' || c == ','; });
  RC_ASSERT(joined == letters);
}

RC_GTEST_PROP(TextProperty, NumbersInNames, (unsigned number)) {
  const std::string name = "cpu" + std::to_string(number);
  const auto found = number_after(name, "cpu");
  RC_ASSERT(found.has_value() == (number < CpuSet::kMaxCpus));
  if (found) RC_ASSERT(*found == number);
  RC_ASSERT(!number_after(name + "x", "cpu"));
  RC_ASSERT(!number_after("cpu", "cpu"));
  RC_ASSERT(!number_after("cpu-1", "cpu"));
}

// A set file, in either notation, is the set or nothing; no text brings a third thing.
RC_GTEST_PROP(ReaderProperty, SetFiles, ()) {
  MemoryHost host;
  host.put("/list", any_bytes());
  host.put("/mask", any_bytes());
  Reader reader(host);
  const auto set = reader.cpus("/list", "/mask");
  if (set) RC_ASSERT(set->last().value_or(0) < CpuSet::kMaxCpus);
  const auto node = reader.node("/list");
  if (node) RC_ASSERT(node->value < CpuSet::kMaxCpus);
  const auto word = reader.choice("/mask");
  RC_ASSERT(printable(word) == word);
}

}  // namespace
}  // namespace assay::probes
