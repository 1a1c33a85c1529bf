#include "profiles/layer.hpp"

#include <fmt/format.h>

#include <array>

#include "profiles/layer_sections.hpp"
#include "profiles/yaml_read.hpp"
#include "profiles/yaml_tree.hpp"

namespace assay::profiles {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kSchema = "assay.profile";
constexpr std::string_view kVersion = "1";  // compared as text: `1.0` is another version
constexpr std::size_t kMaxParents = 16;

constexpr std::array kKeys = {"schema"sv, "version"sv,  "name"sv,    "description"sv, "extends"sv,
                              "cpus"sv,   "settings"sv, "budgets"sv, "waivers"sv,     "measure"sv};

// Schema and version come first: a file of another kind or time is told so, and not that its keys
// are wrong.
Expected<void> check_schema(const YamlNode& root) {
  if (root.kind != YamlKind::map) {
    return fail_at(root, fmt::format("a profile is a map that starts with `schema: {}`, found {}",
                                     kSchema, describe(root)));
  }
  const YamlNode* schema = root.find("schema");
  if (schema == nullptr) {
    return fail_at(root, fmt::format("no schema; expected `schema: {}`", kSchema));
  }
  if (schema->kind != YamlKind::scalar || schema->text != kSchema) {
    return fail_at(*schema,
                   fmt::format("schema: expected {}, found {}", kSchema, describe(*schema)));
  }
  const YamlNode* version = root.find("version");
  if (version == nullptr) {
    return fail_at(root, fmt::format("no version; expected `version: {}`", kVersion));
  }
  if (version->kind != YamlKind::scalar || version->text != kVersion) {
    return fail_at(*version, fmt::format("version: this assay reads version {}, found {}", kVersion,
                                         describe(*version)));
  }
  return expect_map(root, "a profile", kKeys);
}

// Stores what a section's reader returns; nothing when the file has no such section.
template <typename T, typename Read>
Expected<void> read_section(const YamlNode& root, std::string_view key, T& into, Read read) {
  const YamlNode* node = root.find(key);
  if (node == nullptr || node->kind == YamlKind::null) return {};
  auto value = read(*node);
  if (!value) return Failure(value.error());
  into = std::move(*value);
  return {};
}

Expected<void> read_sections(const YamlNode& root, const Vocabulary& vocabulary, Layer& layer) {
  const auto settings = [&](const YamlNode& node) { return read_settings(node, vocabulary); };
  const auto budgets = [&](const YamlNode& node) { return read_budgets(node, vocabulary); };
  const auto waivers = [&](const YamlNode& node) { return read_waivers(node, vocabulary); };
  // In the order in which people write them, so that the first message is about the first mistake.
  if (auto done = read_section(root, "extends", layer.extends, read_extends); !done) return done;
  if (auto done = read_section(root, "cpus", layer.roles, read_roles); !done) return done;
  if (auto done = read_section(root, "settings", layer.settings, settings); !done) return done;
  if (auto done = read_section(root, "budgets", layer.budgets, budgets); !done) return done;
  if (auto done = read_section(root, "waivers", layer.waivers, waivers); !done) return done;
  return read_section(root, "measure", layer.measure, read_measure);
}

}  // namespace

Expected<Layer> parse_layer(std::string_view yaml, std::string_view file_name,
                            const Vocabulary& vocabulary) {
  const auto document = YamlDocument::parse(yaml, file_name);
  if (!document) return Failure(document.error());
  const YamlNode& root = document->root();
  if (auto checked = check_schema(root); !checked) return Failure(checked.error());

  // The name first among the fields: the rest of the messages may be long, this one is quick to
  // mend.
  const YamlNode* name_node = root.find("name");
  if (name_node == nullptr) return fail_at(root, "no name; expected `name: ` and a short word");
  auto name = read_name(*name_node, "name");
  if (!name) return Failure(name.error());
  Layer layer;
  layer.name = std::move(*name);
  const auto text = [](const YamlNode& node) { return read_text(node, "description"); };
  if (auto done = read_section(root, "description", layer.description, text); !done) {
    return Failure(done.error());
  }
  if (auto done = read_sections(root, vocabulary, layer); !done) return Failure(done.error());
  return layer;
}

Expected<std::vector<Parent>> read_extends(const YamlNode& node) {
  // A single name is a list of one.
  std::vector<const YamlNode*> items{&node};
  if (node.kind == YamlKind::list) items = node.items;
  if (items.size() > kMaxParents) {
    return fail_at(
        node, fmt::format("extends: at most {} profiles, found {}", kMaxParents, items.size()));
  }
  std::vector<Parent> parents;
  for (const YamlNode* item : items) {
    auto name = read_text(*item, "extends");
    if (!name) return Failure(name.error());
    parents.push_back({std::move(*name), item->where()});
  }
  return parents;
}

bool same_budget(const Budget& a, const Budget& b) {
  return a.technique == b.technique && a.parameters == b.parameters && a.target == b.target;
}

std::string_view to_word(Target target) {
  switch (target) {
    case Target::host:
      return "host";
    case Target::each_drive:
      return "each-drive";
    case Target::each_node:
      return "each-node";
    case Target::each_cpu:
      return "each-cpu";
    case Target::each_nic:
      return "each-nic";
  }
  return "host";
}

std::string_view to_word(Match match) {
  switch (match) {
    case Match::equal:
      return "value";
    case Match::at_least:
      return "at_least";
    case Match::at_most:
      return "at_most";
    case Match::keep:
      return "keep";
  }
  return "value";
}

}  // namespace assay::profiles
