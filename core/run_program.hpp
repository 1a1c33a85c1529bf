// Runs one of the few programs that assay may run. Internal to core: RealHost::run() is the door.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/host.hpp"

namespace assay {

// The whole list: nothing else is ever executed on behalf of a setting.
std::span<const std::string_view> allowed_programs();

// argv[0] is a bare name of the list, looked up in /usr/sbin, /usr/bin, /sbin and /bin and nowhere
// else. No shell; standard input is /dev/null; the environment is a fixed PATH and LC_ALL=C. The
// program's output is kept up to 1 MiB. A program killed by signal N has exit code 128 + N.
// Error: denied (not in the list), absent (not installed), busy (still running after 5 minutes;
// it is killed then). Blocks until the program ends. Thread-safe.
Expected<RunResult> run_allowed_program(const std::vector<std::string>& argv);

}  // namespace assay
