// What a process may change about itself, on a child that ends at once: the test's own process
// stays as it is.
#include "core/own_process.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace assay {
namespace {

// Runs the function in a child; true when it returned true there.
template <typename Function>
bool in_child(Function function) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(function() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(OwnProcess, AffinityIsSetAndReadBack) {
  EXPECT_TRUE(in_child([] {
    const auto process = make_own_process();
    const auto before = process->affinity();
    if (!before || before->empty()) return false;
    const CpuSet last{before->last().value_or(0)};
    return process->set_affinity(last).has_value() && process->affinity() == last;
  }));
}

TEST(OwnProcess, CpusThatAreNotThereAreRefused) {
  EXPECT_TRUE(in_child([] {
    const auto done = make_own_process()->set_affinity(CpuSet{8000});
    return !done && done.error().code == ErrorCode::invalid && !done.error().advice.empty();
  }));
}

TEST(OwnProcess, ClassesThatNeedNoPrivilege) {
  EXPECT_TRUE(in_child([] {
    const auto process = make_own_process();
    const Scheduling batch{SchedulingClass::batch};
    return process->set_scheduling(batch).has_value() && process->scheduling() == batch;
  }));
}

TEST(OwnProcess, RealTimeIsGivenOrDeniedInWords) {
  EXPECT_TRUE(in_child([] {
    const auto process = make_own_process();
    const Scheduling fifo{SchedulingClass::fifo, 7};
    const auto done = process->set_scheduling(fifo);
    if (done) return process->scheduling() == fifo;
    return done.error().code == ErrorCode::denied && !done.error().advice.empty();
  }));
}

TEST(OwnProcess, MemoryPolicyIsSetAndReadBack) {
  EXPECT_TRUE(in_child([] {
    const auto process = make_own_process();
    const MemoryPolicy bind{MemoryPolicyKind::bind, CpuSet{0}};
    const auto done = process->set_memory_policy(bind);
    // A kernel without NUMA has no such call.
    if (!done) return done.error().code == ErrorCode::unsupported;
    return process->memory_policy() == bind && process->set_memory_policy({}).has_value() &&
           process->memory_policy() == MemoryPolicy{};
  }));
}

TEST(OwnProcess, NodesThatAreNotThereAreRefused) {
  EXPECT_TRUE(in_child([] {
    const auto done = make_own_process()->set_memory_policy({MemoryPolicyKind::bind, CpuSet{1000}});
    return !done;
  }));
}

TEST(OwnProcess, LimitsAreSetAndReadBack) {
  EXPECT_TRUE(in_child([] {
    const auto process = make_own_process();
    const auto now = process->limit(LimitKind::nofile);
    if (!now) return false;
    const LimitValues less{now->soft / 2, now->hard};
    return process->set_limit(LimitKind::nofile, less).has_value() &&
           process->limit(LimitKind::nofile) == less;
  }));
}

TEST(OwnProcess, AProgramThatIsNotThereIsAbsent) {
  EXPECT_TRUE(in_child([] {
    return make_own_process()->execute({"no-such-program-here"}).code == ErrorCode::absent;
  }));
  EXPECT_TRUE(in_child(
      [] { return make_own_process()->execute({"/etc/passwd"}).code == ErrorCode::denied; }));
  EXPECT_TRUE(in_child([] { return make_own_process()->execute({}).code == ErrorCode::invalid; }));
}

}  // namespace
}  // namespace assay
