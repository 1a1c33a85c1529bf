// A Host that hands every call on to another one: the base of hosts that change a few calls.
#pragma once

#include <memory>
#include <utility>

#include "core/host.hpp"

namespace assay {

// Owns the inner host. Thread-safe as that one is.
class ForwardingHost : public Host {
 public:
  explicit ForwardingHost(std::unique_ptr<Host> inner) : inner_(std::move(inner)) {}

  Expected<std::string> read(std::string_view path, Bytes limit) const override {
    return inner_->read(path, limit);
  }
  Expected<std::vector<std::string>> list(std::string_view path) const override {
    return inner_->list(path);
  }
  Expected<std::string> read_link(std::string_view path) const override {
    return inner_->read_link(path);
  }
  Expected<std::string> resolve(std::string_view path) const override {
    return inner_->resolve(path);
  }
  Expected<FileStatus> status(std::string_view path) const override { return inner_->status(path); }
  Expected<Reply> ask(const Query& query) const override { return inner_->ask(query); }

  Expected<void> write(std::string_view path, std::string_view content) override {
    return inner_->write(path, content);
  }
  Expected<void> replace_file(std::string_view path, std::string_view content,
                              std::uint32_t mode) override {
    return inner_->replace_file(path, content, mode);
  }
  Expected<void> remove_file(std::string_view path) override { return inner_->remove_file(path); }
  Expected<void> make_directory(std::string_view path, std::uint32_t mode) override {
    return inner_->make_directory(path, mode);
  }
  Expected<void> change(const Query& request, const Reply& values) override {
    return inner_->change(request, values);
  }
  Expected<RunResult> run(const std::vector<std::string>& argv) override {
    return inner_->run(argv);
  }
  bool is_this_system() const override { return inner_->is_this_system(); }
  std::string root() const override { return inner_->root(); }

 private:
  std::unique_ptr<Host> inner_;
};

}  // namespace assay
