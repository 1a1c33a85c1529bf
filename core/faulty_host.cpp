#include "core/faulty_host.hpp"

#include <unistd.h>

namespace assay {

template <typename Call>
auto FaultyHost::mutate(std::string_view operation, std::string_view path, Call call)
    -> decltype(call()) {
  ++writes_;
  if (writes_ != plan_.at_write) return call();
  const auto die = [&] {
    if (plan_.on_death) plan_.on_death();
    // As kill -9 leaves it: no destructor runs, no buffer is flushed.
    ::_exit(137);
  };
  if (plan_.mode == FaultMode::die_before) die();
  if (plan_.mode == FaultMode::die_after || plan_.mode == FaultMode::fail_after) (void)call();
  if (plan_.mode == FaultMode::die_after) die();
  return fail_errno(plan_.sys_errno, operation, path, "this fault was injected");
}

Expected<std::string> FaultyHost::read(std::string_view path, Bytes limit) const {
  return inner_.read(path, limit);
}

Expected<std::vector<std::string>> FaultyHost::list(std::string_view path) const {
  return inner_.list(path);
}

Expected<std::string> FaultyHost::read_link(std::string_view path) const {
  return inner_.read_link(path);
}

Expected<std::string> FaultyHost::resolve(std::string_view path) const {
  return inner_.resolve(path);
}

Expected<FileStatus> FaultyHost::status(std::string_view path) const { return inner_.status(path); }

Expected<Reply> FaultyHost::ask(const Query& query) const { return inner_.ask(query); }

Expected<void> FaultyHost::write(std::string_view path, std::string_view content) {
  return mutate("write", path, [&] { return inner_.write(path, content); });
}

Expected<void> FaultyHost::replace_file(std::string_view path, std::string_view content,
                                        std::uint32_t mode) {
  return mutate("replace", path, [&] { return inner_.replace_file(path, content, mode); });
}

Expected<void> FaultyHost::remove_file(std::string_view path) {
  return mutate("remove", path, [&] { return inner_.remove_file(path); });
}

Expected<void> FaultyHost::make_directory(std::string_view path, std::uint32_t mode) {
  return mutate("make directory", path, [&] { return inner_.make_directory(path, mode); });
}

Expected<void> FaultyHost::change(const Query& request, const Reply& values) {
  return mutate("change", request.kind + " " + request.target,
                [&] { return inner_.change(request, values); });
}

Expected<RunResult> FaultyHost::run(const std::vector<std::string>& argv) {
  return mutate("run", argv.empty() ? std::string_view() : std::string_view(argv[0]),
                [&] { return inner_.run(argv); });
}

}  // namespace assay
