// The whole command line: every command, its help, and what a mistyped word gets for an answer.
#pragma once

namespace assay::cli {

// Parses and runs. Returns the process's exit code (see ExitCode). Installs handlers for SIGINT and
// SIGTERM that ask long work to stop; a second signal ends the process at once.
int run(int argc, char** argv);

}  // namespace assay::cli
