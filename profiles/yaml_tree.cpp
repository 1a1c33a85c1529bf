#include "profiles/yaml_tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>

#include "profiles/yaml_text.hpp"

namespace assay::profiles {

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name->text == key) return value;
  }
  return nullptr;
}

Failure fail_at(const Location& where, std::string_view cause) {
  return fail(ErrorCode::invalid, "read profile", where.to_string(), cause);
}

Failure fail_at(const YamlNode& node, std::string_view cause) {
  return fail_at(node.where(), cause);
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string result = "\"";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result + (text.size() > kLongest ? "...\"" : "\"");
}

// Leaves yaml-cpp's parser with an error of ours; never leaves this file.
struct ParseStopped {
  Error error;
};

// Receives yaml-cpp's events and grows the tree. Every event that opens a node arrives before
// yaml-cpp recurses into it, so the depth limit here bounds its stack as well.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(YamlDocument& document)
      : document_(document), last_{*document.file_, 1, 1} {}

  // Where the last event was: errors of the scanner after it have no better place.
  Location last_place() const { return last_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    complete(open_node(mark, YamlKind::null, "", anchor));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode& node = open_node(mark, YamlKind::scalar, tag, anchor);
    node.text = value;
    complete(node);
  }

  // An alias shares the node that it repeats, and counts it anew: what is small in memory may be
  // large to walk.
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end() || !found->second.complete) {
      stop(mark, "this alias stands inside the value that it repeats");
    }
    count_nodes(mark, found->second.nodes);
    attach(*found->second.node, mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    enter(mark, open_node(mark, YamlKind::list, tag, anchor));
  }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    enter(mark, open_node(mark, YamlKind::map, tag, anchor));
  }

  void OnSequenceEnd() override { leave(); }
  void OnMapEnd() override { leave(); }

 private:
  // What an alias may repeat, and how many nodes that is.
  struct Anchored {
    const YamlNode* node = nullptr;
    unsigned nodes = 0;
    bool complete = false;
  };

  // A list or map that is being read.
  struct Open {
    YamlNode* node = nullptr;
    const YamlNode* key = nullptr;                     // read, its value not yet
    std::map<std::string_view, const YamlNode*> seen;  // keys so far
  };

  // yaml-cpp can be left from within an event only by an exception.
  [[noreturn]] void stop(const Location& where, std::string_view cause) {
    throw ParseStopped{fail_at(where, cause).error()};
  }
  [[noreturn]] void stop(const YAML::Mark& mark, std::string_view cause) {
    stop(Location{*document_.file_, mark.line + 1, mark.column + 1}, cause);
  }

  void count_nodes(const YAML::Mark& mark, unsigned added) {
    nodes_ += added;
    if (nodes_ > YamlDocument::kMaxNodes) {
      stop(mark, fmt::format("more than {} values (aliases counted each time); a profile is small",
                             YamlDocument::kMaxNodes));
    }
  }

  YamlNode& open_node(const YAML::Mark& mark, YamlKind kind, const std::string& tag,
                      YAML::anchor_t anchor) {
    // "?" and "!" are yaml-cpp's marks for plain and quoted scalars without a tag.
    if (!tag.empty() && tag != "?" && tag != "!") stop(mark, "tags are not used in profiles");
    count_nodes(mark, 1);
    last_ = {*document_.file_, mark.line + 1, mark.column + 1};
    YamlNode& node = document_.nodes_.emplace_back();
    node.kind = kind;
    node.file = *document_.file_;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    if (anchor != YAML::NullAnchor) {
      anchors_[anchor] = {&node, nodes_ - 1, false};
      names_[&node] = anchor;
    }
    return node;
  }

  // Called before yaml-cpp goes one level deeper on its own stack.
  void enter(const YAML::Mark& mark, YamlNode& node) {
    if (open_.size() >= YamlDocument::kMaxDepth) {
      stop(mark, fmt::format("nested more than {} deep", YamlDocument::kMaxDepth));
    }
    open_.push_back({&node, nullptr, {}});
  }

  void leave() {
    const YamlNode* node = open_.back().node;
    open_.pop_back();
    complete(*node);
  }

  void complete(const YamlNode& node) {
    if (const auto name = names_.find(&node); name != names_.end()) {
      Anchored& anchored = anchors_[name->second];
      // Before completion `nodes` holds the count when the node was opened.
      anchored.nodes = nodes_ - anchored.nodes;
      anchored.complete = true;
    }
    attach(node, YAML::Mark::null_mark());
  }

  // Puts a complete node where it belongs; `alias` is where it is repeated, if it is.
  void attach(const YamlNode& node, const YAML::Mark& alias) {
    if (open_.empty()) {
      document_.root_ = &node;
      return;
    }
    Open& parent = open_.back();
    if (parent.node->kind == YamlKind::list) {
      parent.node->items.push_back(&node);
    } else if (parent.key != nullptr) {
      parent.node->entries.emplace_back(parent.key, &node);
      parent.key = nullptr;
    } else {
      read_key(parent, node, alias);
    }
  }

  // Duplicate keys are an error: the parser would keep both, and people see only the one they
  // meant.
  void read_key(Open& parent, const YamlNode& node, const YAML::Mark& alias) {
    Location where = node.where();
    if (!alias.is_null()) where = {*document_.file_, alias.line + 1, alias.column + 1};
    if (node.kind != YamlKind::scalar) stop(where, "a key is a word; found a list, map or null");
    const auto [first, is_new] = parent.seen.emplace(node.text, &node);
    if (!is_new) {
      stop(where, fmt::format("duplicate key {}; it stands at line {} already",
                              in_quotes(node.text), first->second->line));
    }
    parent.key = &node;
  }

  YamlDocument& document_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::map<const YamlNode*, YAML::anchor_t> names_;
  Location last_;
  unsigned nodes_ = 0;
};

namespace {

// Ends the text for the parser. Without it yaml-cpp takes a quote that is never closed for one that
// ends with the file, and everything in between for its text.
constexpr std::string_view kEnd = "\n...\n";

Failure fail_in_yaml(const YAML::Exception& error, std::string_view text, const Location& last) {
  Location where = last;
  const bool has_mark = !error.mark.is_null();
  if (has_mark && error.mark.pos >= static_cast<int>(text.size()) &&
      error.msg == YAML::ErrorMsg::DOC_IN_SCALAR) {
    return fail_at(where, "broken YAML: the quoted text that begins after this is never closed");
  }
  if (has_mark) {
    where.line = error.mark.line + 1;
    where.column = error.mark.column + 1;
  }
  return fail_at(where, "broken YAML: " + error.msg);
}

}  // namespace

Expected<YamlDocument> YamlDocument::parse(std::string_view text, std::string_view file_name) {
  if (const auto checked = check_text(text, file_name); !checked) return Failure(checked.error());
  YamlDocument document;
  document.file_ = std::make_unique<const std::string>(file_name);
  Location where{std::string(file_name), 1, 1};
  TreeBuilder builder(document);
  try {
    std::istringstream stream{std::string(text).append(kEnd)};
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    if (document.root_ == nullptr || document.root_->kind == YamlKind::null) {
      return fail_at(where, "the file is empty; expected `schema: assay.profile`");
    }
    // Read on for a second document: it would be ignored without a word.
    YamlDocument second;
    second.file_ = std::make_unique<const std::string>(file_name);
    TreeBuilder second_builder(second);
    if (parser.HandleNextDocument(second_builder)) {
      if (second.root_ != nullptr) where = second.root_->where();
      return fail_at(where, "a second YAML document; a profile is one document");
    }
  } catch (const ParseStopped& stopped) {
    return Failure(stopped.error);
  } catch (const YAML::Exception& error) {
    return fail_in_yaml(error, text, builder.last_place());
  } catch (const std::exception& error) {
    return fail_at(builder.last_place(), std::string("broken YAML: ") + error.what());
  }
  return document;
}

}  // namespace assay::profiles
