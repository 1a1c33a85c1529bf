#include "core/recorded_failures_host.hpp"

#include <utility>

#include "core/forwarding_host.hpp"

namespace assay {
namespace {

class RecordedFailuresHost final : public ForwardingHost {
 public:
  RecordedFailuresHost(std::unique_ptr<Host> inner, CaptureReplies failures)
      : ForwardingHost(std::move(inner)), failures_(std::move(failures)) {}

  Expected<std::string> read(std::string_view path, Bytes limit) const override {
    if (const Error* failure = recorded(kFailedRead, path)) return Failure(*failure);
    return ForwardingHost::read(path, limit);
  }
  Expected<std::vector<std::string>> list(std::string_view path) const override {
    if (const Error* failure = recorded(kFailedList, path)) return Failure(*failure);
    return ForwardingHost::list(path);
  }
  Expected<std::string> read_link(std::string_view path) const override {
    if (const Error* failure = recorded(kFailedLink, path)) return Failure(*failure);
    return ForwardingHost::read_link(path);
  }
  Expected<std::string> resolve(std::string_view path) const override {
    if (const Error* failure = recorded(kFailedResolve, path)) return Failure(*failure);
    return ForwardingHost::resolve(path);
  }
  Expected<FileStatus> status(std::string_view path) const override {
    if (const Error* failure = recorded(kFailedStatus, path)) return Failure(*failure);
    return ForwardingHost::status(path);
  }

 private:
  // The failure of this very call, or nullptr.
  const Error* recorded(const char* kind, std::string_view path) const {
    const auto found = failures_.find(Query{kind, std::string(path)});
    return found == failures_.end() ? nullptr : &found->second.error();
  }

  CaptureReplies failures_;  // errors only
};

bool is_failed_call(std::string_view kind) {
  return kind == kFailedRead || kind == kFailedList || kind == kFailedLink ||
         kind == kFailedResolve || kind == kFailedStatus;
}

}  // namespace

std::unique_ptr<Host> with_recorded_failures(std::unique_ptr<Host> inner,
                                             const CaptureReplies& replies) {
  CaptureReplies failures;
  for (const auto& [query, answer] : replies) {
    if (!answer && is_failed_call(query.kind)) failures.emplace(query, answer);
  }
  if (failures.empty()) return inner;
  return std::make_unique<RecordedFailuresHost>(std::move(inner), std::move(failures));
}

}  // namespace assay
