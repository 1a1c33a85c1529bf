// A whole host out of hostile bytes. Each line of the input changes the small server of
// tests/fakes; the probes then read it, and what they say is printed in every form.
//
//   =PATH content    a file; "\n", "\t", "\0" and "\xHH" as in C
//   >PATH target     a symlink
//   !PATH errno      a file that cannot be read
//   -PATH            nothing there, and nothing below
//   #PATH number     a directory with so many entries, named after PATH's last part
//   *PATH number     a file of so many times its second word
//   ?KIND TARGET KEY value    an answer of the system
//
// PATH is absolute, or a number: one of the files that the probes read of the honest server.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/recording_host.hpp"
#include "fuzz.hpp"
#include "probes/inventory_json.hpp"
#include "probes/inventory_table.hpp"
#include "probes/probe.hpp"
#include "probes/yaml_text.hpp"
#include "tests/fakes/rack_server.hpp"

namespace assay::fuzz {
namespace {

std::vector<std::string> read_paths() {
  const auto server = fakes::make_rack_server();
  const RecordingHost recording(*server);
  (void)probes::probe(recording);
  std::vector<std::string> paths;
  for (const auto& [path, node] : recording.tree().nodes) paths.push_back(path);
  return paths;
}

std::string_view take_word(std::string_view& rest) {
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  return word;
}

unsigned number_in(std::string_view word) {
  unsigned number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

std::string path_in(std::string_view word) {
  static const std::vector<std::string> paths = read_paths();
  if (word.starts_with('/')) return std::string(word);
  return paths[number_in(word) % paths.size()];
}

unsigned hex(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>(c | 0x20) % 16U + 9U;
}

std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x' && i + 2 < text.size()) {
      result += static_cast<char>((hex(text[i + 1]) << 4U | hex(text[i + 2])) & 0xffU);
      i += 2;
    } else {
      result += c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
    }
  }
  return result;
}

void apply(std::string_view line, MemoryHost& host) {
  if (line.size() < 2) return;
  const char what = line[0];
  std::string_view rest = line.substr(1);
  const std::string_view first = take_word(rest);
  if (what == '?') {
    const Query query{std::string(first), std::string(take_word(rest))};
    const std::string key(take_word(rest));
    host.reply(query, {{key, unescaped(rest)}});
    return;
  }
  const std::string path = path_in(first);
  constexpr unsigned kEntriesMax = 300;  // enough for every loop; more only makes a run slower
  constexpr unsigned kTimesMax = 5000;
  if (what == '=') host.put(path, unescaped(rest));
  if (what == '>') host.link(path, rest);
  if (what == '!') host.fail(path, static_cast<int>(number_in(rest) % 132));
  if (what == '-') host.erase(path);
  if (what == '#') {
    const std::string name = path.substr(path.rfind('/') + 1);
    const unsigned number = number_in(rest) % kEntriesMax;
    for (unsigned i = 0; i < number; ++i) {
      host.directory(path + "/" + name + std::to_string(i));
    }
  }
  if (what == '*') {
    const unsigned times = number_in(take_word(rest)) % kTimesMax;
    const std::string piece = unescaped(rest);
    std::string content;
    for (unsigned i = 0; i < times; ++i) content += piece;
    host.put(path, content);
  }
}

}  // namespace

void fuzz_one(std::string_view input) {
  constexpr std::size_t kInputMax = 2048;
  input = input.substr(0, kInputMax);
  const auto host = fakes::make_rack_server();
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    apply(line, *host);
  }
  const probes::Inventory inventory = probes::probe(*host);
  const auto document = probes::to_json(inventory);
  // Throws on text that is no UTF-8: nothing unprintable may get this far.
  const std::string text = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::strict);
  require(text.size() < 32U << 20, "a document stays small");
  require(!probes::to_table(inventory).empty(), "there is a table");
  require(!probes::to_yaml(document).empty(), "there is YAML");
  const probes::Topology& topology = inventory.topology;
  require(topology.online.is_subset_of(topology.present), "what is online is present");
  require(topology.counts.cpus == topology.online.count(), "the CPUs are counted");
  require(topology.counts.cores <= topology.counts.cpus, "a core has a CPU");
  for (const probes::Cache& cache : topology.caches) {
    require(cache.shared_by.is_subset_of(topology.online), "caches serve CPUs that are online");
  }
  for (const probes::Irq& irq : inventory.interrupts.irqs) {
    require(irq.counts.size() == inventory.interrupts.cpus.size(), "a count a column");
  }
}

}  // namespace assay::fuzz
