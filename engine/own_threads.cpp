#include "engine/own_threads.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace assay::engine {
namespace {

std::uint64_t number_after(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = text.substr(at + key.size());
  return parse_uint(rest.substr(0, rest.find_first_of(" \n"))).value_or(0);
}

struct Counted {
  std::uint64_t reads = 0, writes = 0;
  bool known = false;
};

Counted count_calls(const Host& host) {
  const auto text = host.read("/proc/thread-self/io");
  if (!text) return {};
  return {number_after(*text, "syscr: "), number_after(*text, "syscw: "),
          text->find("syscr: ") != std::string::npos};
}

}  // namespace

void CallWatch::begin(const Host& host) {
  const Counted first = count_calls(host);
  const Counted second = count_calls(host);
  own_ = second.reads - first.reads;
  reads_ = second.reads;
  writes_ = second.writes;
  known_ = second.known;
}

void CallWatch::end(const Host& host) {
  const Counted now = count_calls(host);
  reads_ = now.reads - reads_ - own_;
  writes_ = now.writes - writes_;
  known_ = known_ && now.known;
}

std::vector<OwnThread> own_threads(const Host& host) {
  std::vector<OwnThread> threads;
  const auto ids = host.list("/proc/self/task");
  if (!ids) return threads;
  for (const std::string& id : *ids) {
    const std::string base = fmt::format("/proc/self/task/{}", id);
    const auto name = host.read(base + "/comm");
    if (!name) continue;  // it has just ended
    OwnThread thread;
    thread.id = static_cast<unsigned>(parse_uint(id).value_or(0));
    thread.name = name->substr(0, name->find('\n'));
    if (const auto times = host.read(base + "/schedstat")) {
      thread.cpu = Nanoseconds(static_cast<std::int64_t>(number_after(*times, "")));
    }
    if (const auto io = host.read(base + "/io"); io && io->find("syscr: ") != std::string::npos) {
      thread.calls = number_after(*io, "syscr: ") + number_after(*io, "syscw: ");
      thread.calls_known = true;
    }
    threads.push_back(std::move(thread));
  }
  return threads;
}

HelperWork helper_work(const std::vector<OwnThread>& earlier, const std::vector<OwnThread>& later,
                       std::string_view prefix) {
  const auto own = static_cast<unsigned>(::gettid());
  HelperWork work;
  for (const OwnThread& thread : later) {
    if (thread.id == own || !thread.name.starts_with(prefix)) continue;
    const auto before = std::ranges::find(earlier, thread.id, &OwnThread::id);
    const OwnThread none;
    const OwnThread& was = before == earlier.end() ? none : *before;
    if (thread.cpu > was.cpu) ++work.threads;
    work.cpu += thread.cpu - was.cpu;
    work.calls += thread.calls - was.calls;
    work.calls_known = work.calls_known && thread.calls_known;
  }
  return work;
}

}  // namespace assay::engine
