#include "engine/bus_error_guard.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>

namespace assay::engine {
namespace {

constexpr int kCouldNotDo = 4;
constexpr char kMessage[] =
    "assay: storage.mmap: the mapped file became shorter while it was measured; "
    "give a file that nothing else changes\n";

// What the handler may look at: a signal handler can use nothing that locks or allocates.
std::atomic<std::uintptr_t> range_begin{0};
std::atomic<std::uintptr_t> range_end{0};
struct sigaction previous;

void on_bus_error(int, siginfo_t* info, void*) {
  const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (at >= range_begin.load() && at < range_end.load()) {
    // Nothing can be done about a standard error that does not take the message.
    static_cast<void>(!::write(STDERR_FILENO, kMessage, sizeof kMessage - 1));
    ::_exit(kCouldNotDo);
  }
  // Not ours: with the previous handler back, the faulting instruction faults again and meets it.
  ::sigaction(SIGBUS, &previous, nullptr);
}

}  // namespace

BusErrorGuard::BusErrorGuard(const Mapping& mapping) {
  range_begin = reinterpret_cast<std::uintptr_t>(mapping.data());
  range_end = range_begin + mapping.size().count;
  struct sigaction action{};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, &previous);
}

BusErrorGuard::~BusErrorGuard() {
  ::sigaction(SIGBUS, &previous, nullptr);
  range_begin = 0;
  range_end = 0;
}

}  // namespace assay::engine
