#include "core/run_program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "core/fd.hpp"

namespace assay {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<std::string_view, 3> kAllowed{"update-grub", "systemctl", "udevadm"};
constexpr std::array<const char*, 4> kDirectories{"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"};
constexpr std::size_t kOutputMax = std::size_t{1} << 20;
// update-grub with os-prober takes a minute on hosts with many disks.
constexpr auto kPatience = std::chrono::minutes(5);

std::string find_program(const std::string& name) {
  for (const char* directory : kDirectories) {
    std::string path = directory + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

// Starts the program with standard output and error on `output`. Returns an errno or 0.
int start(const std::string& path, const std::vector<std::string>& argv, int output, pid_t& pid) {
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  char path_variable[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  char locale_variable[] = "LC_ALL=C";
  char pager_variable[] = "SYSTEMD_PAGER=";
  std::array<char*, 4> environment{path_variable, locale_variable, pager_variable, nullptr};

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);

  // A process group of its own: Ctrl-C must stop us, not update-grub half-way. Our blocked and
  // ignored signals are no business of the program.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const int result = ::posix_spawn(&pid, path.c_str(), &actions, &attributes, arguments.data(),
                                   environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return result;
}

// Takes what the pipe holds now. False at its end.
bool drain(int pipe, std::string& output) {
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t got = ::read(pipe, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    const std::size_t room = kOutputMax - std::min(kOutputMax, output.size());
    output.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
  }
}

// Collects output until the program ended. False: patience ran out (the program is killed).
bool collect(pid_t pid, int pipe, std::string& output, int& status) {
  const auto deadline = Clock::now() + kPatience;
  bool open = true;
  while (true) {
    // The slice matters only when a background child of the program keeps the pipe open, or the
    // program closes its output early: otherwise poll() ends with the program.
    pollfd waiting{open ? pipe : -1, POLLIN, 0};
    ::poll(&waiting, 1, 20);
    if (open) open = drain(pipe, output);
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) {
      if (open) drain(pipe, output);
      return true;
    }
    if (ended < 0 && errno != EINTR) {
      status = 127 << 8;  // somebody else reaped it (SIGCHLD ignored): its status is not known
      return true;
    }
    if (Clock::now() >= deadline) {
      ::kill(-pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      return false;
    }
  }
}

}  // namespace

std::span<const std::string_view> allowed_programs() { return kAllowed; }

Expected<RunResult> run_allowed_program(const std::vector<std::string>& argv) {
  if (argv.empty()) return fail(ErrorCode::invalid, "run", "", "no program was named");
  if (std::find(kAllowed.begin(), kAllowed.end(), argv[0]) == kAllowed.end()) {
    return fail(ErrorCode::denied, "run", argv[0],
                "only update-grub, systemctl and udevadm may be run");
  }
  for (const std::string& argument : argv) {
    if (argument.find('\0') != std::string::npos) {
      return fail(ErrorCode::invalid, "run", argv[0], "an argument holds a NUL byte");
    }
  }
  const std::string path = find_program(argv[0]);
  if (path.empty()) return fail_errno(ENOENT, "run", argv[0], "it is not installed");

  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "run", argv[0]);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  // Only our end: the program's own output must block when we are slow.
  ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
  pid_t pid = -1;
  if (const int error = start(path, argv, writer.get(), pid); error != 0) {
    return fail_errno(error, "run", path);
  }
  writer.reset();
  RunResult result;
  int status = 0;
  if (!collect(pid, reader.get(), result.output, status)) {
    return fail(ErrorCode::busy, "run", path, "it had not ended after 5 minutes and was killed");
  }
  result.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

}  // namespace assay
