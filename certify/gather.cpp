#include "certify/gather.hpp"

#include <nlohmann/json.hpp>

#include "core/recording_host.hpp"
#include "engine/technique.hpp"
#include "probes/hwloc_files.hpp"
#include "probes/probe.hpp"
#include "probes/programs.hpp"
#include "tuner/check.hpp"
#include "tuner/explain.hpp"
#include "tuner/plan.hpp"

namespace assay::certify {
namespace {

// Everything that a read-only command may ask. What comes back is not looked at: the recording is
// what counts.
void read_all(const Host& host, const probes::Inventory& inventory, const GatherOptions& options) {
  (void)tuner::explain_all(host, inventory);
  // lstopo over the capture is how its topology is checked.
  probes::touch_hwloc_files(host);
  for (const profiles::Profile& profile : options.profiles) {
    (void)tuner::check(host, inventory, profile, options.today);
    (void)tuner::make_plan(host, inventory, profile, {.today = options.today});
  }
  for (const engine::Technique& technique : engine::techniques()) {
    if (technique.available != nullptr) {
      (void)technique.available(host, inventory, engine::Parameters{});
    }
  }
}

void count(Gathered& gathered) {
  for (const auto& [path, node] : gathered.tree.nodes) {
    if (node.kind == FileKind::directory) ++gathered.directories;
    if (node.kind == FileKind::symlink) ++gathered.links;
    if (node.kind == FileKind::regular) ++gathered.files;
    gathered.files_read += node.was_read ? 1U : 0U;
  }
  gathered.answers = gathered.tree.replies.size();
}

}  // namespace

Expected<Gathered> gather(const Host& host, const GatherOptions& options) {
  const auto step = [&](std::string_view words) {
    if (options.on_progress) options.on_progress(words);
    return options.stop != nullptr && *options.stop;
  };
  const auto stopped = [] {
    return fail(ErrorCode::interrupted, "gather", "", "stopped; nothing was written");
  };
  const RecordingHost recording(host);
  if (step("reading what the host is")) return stopped();
  const probes::Inventory inventory = probes::probe(recording);
  if (step("reading the settings")) return stopped();
  read_all(recording, inventory, options);
  if (step("taking out what identifies the host")) return stopped();
  Gathered gathered;
  gathered.with_identity = options.with_identity;
  gathered.unreadable = inventory.unreadable;
  gathered.tree = recording.tree();
  if (!options.with_identity) {
    Pseudonyms pseudonyms;
    gathered.tree =
        make_private(gathered.tree, {.keeps_program = probes::is_known_program}, pseudonyms);
    gathered.privacy = pseudonyms.report();
    for (std::string& line : gathered.unreadable) line = pseudonyms.scrub(line);
  }
  count(gathered);
  if (step("packing")) return stopped();
  return gathered;
}

nlohmann::ordered_json to_json(const Gathered& gathered, std::string_view file,
                               std::size_t size_bytes, std::string_view digest) {
  using OrderedJson = nlohmann::ordered_json;
  OrderedJson replaced = OrderedJson::object();
  for (const auto& [kind, number] : gathered.privacy.replaced) replaced[kind] = number;
  return OrderedJson{{"schema", "assay.gather"},
                     {"version", 1},
                     {"file", file},
                     {"size_bytes", size_bytes},
                     {"digest", digest},
                     {"with_identity", gathered.with_identity},
                     {"files", gathered.files},
                     {"files_read", gathered.files_read},
                     {"directories", gathered.directories},
                     {"links", gathered.links},
                     {"answers", gathered.answers},
                     {"replaced", std::move(replaced)},
                     {"processes_left_out", gathered.privacy.processes_left_out},
                     {"unreadable", gathered.unreadable}};
}

}  // namespace assay::certify
