// What a test inside a virtual host works with: the row of the table of kinds that describes this
// host, and the program under test. Not thread-safe; meant for GoogleTest bodies.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace lab {

// What the kind's row says this host has; hosts/expectation.py makes it. Aborts outside a guest.
const nlohmann::json& row();

// A program's exit code (128 + n for signal n) and what it wrote to standard output and error.
struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

// Runs a program that the test's host sent along, and waits for it. argv[0] is looked up in PATH.
Ran run(const std::vector<std::string>& argv);

// Runs `assay ARGS... --format json` and parses the answer; a failed test and null when it is none.
// code receives the exit code where it is given.
nlohmann::json assay_json(std::vector<std::string> args, int* code = nullptr);

// The first line of a file without its line break, or "" when it cannot be read.
std::string first_line(const std::string& path);

// Whether the kernel alone places an interrupt: it answers EIO (since 6.10 EPERM) to everybody who
// would. Writes back the mask that the interrupt has, which changes nothing.
bool kernel_places(const std::string& interrupt);

}  // namespace lab
