#include "tests/lab/tests/lab_guest.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

extern char** environ;

namespace lab {
namespace {

std::string content(const std::string& path) {
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  std::array<char, 65536> part{};
  for (ssize_t n = 0; (n = read(fd, part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(n));
  }
  close(fd);
  return text;
}

}  // namespace

const nlohmann::json& row() {
  static const nlohmann::json parsed = [] {
    const std::string text = content("/lab/row.json");
    if (text.empty()) {
      std::fputs("this test runs in a virtual host: tests/lab/lab run KIND -- PROGRAM\n", stderr);
      std::exit(2);
    }
    return nlohmann::json::parse(text);
  }();
  return parsed;
}

Ran run(const std::vector<std::string>& argv) {
  // Files instead of pipes: a program that fills both outputs cannot wait for us.
  const std::string out_path = "/tmp/lab-out", err_path = "/tmp/lab-err";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out_path.c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err_path.c_str(), flags, 0600);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  Ran ran;
  const int failed = posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    ran.err = argv[0] + " cannot be started";
    return ran;
  }
  int status = 0;
  waitpid(child, &status, 0);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ran.out = content(out_path);
  ran.err = content(err_path);
  return ran;
}

nlohmann::json assay_json(std::vector<std::string> args, int* code) {
  args.insert(args.begin(), "assay");
  args.insert(args.end(), {"--format", "json"});
  const Ran ran = run(args);
  if (code != nullptr) *code = ran.code;
  auto parsed = nlohmann::json::parse(ran.out, nullptr, false);
  if (parsed.is_discarded()) {
    ADD_FAILURE() << "assay " << args[1] << " printed no JSON; exit code " << ran.code << "\n"
                  << ran.err;
    return nullptr;
  }
  return parsed;
}

std::string first_line(const std::string& path) {
  const std::string text = content(path);
  return text.substr(0, text.find('\n'));
}

bool kernel_places(const std::string& interrupt) {
  const std::string path = "/proc/irq/" + interrupt + "/smp_affinity_list";
  const std::string mask = first_line(path);
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    ADD_FAILURE() << path << " cannot be written";
    return false;
  }
  const bool refused = write(fd, mask.data(), mask.size()) < 0 && (errno == EIO || errno == EPERM);
  close(fd);
  return refused;
}

}  // namespace lab
