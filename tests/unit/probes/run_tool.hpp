// Runs a program of this machine for a test that compares with it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace assay::probes {

struct ToolResult {
  int exit_code = 0;
  std::string output;  // standard output
};

// Runs argv[0] from PATH without a shell, standard error thrown away, the environment as it is plus
// `variables`. Absent when the program is not installed or ended by a signal.
std::optional<ToolResult> run_tool(std::vector<std::string> argv,
                                   const std::map<std::string, std::string>& variables = {});

}  // namespace assay::probes
