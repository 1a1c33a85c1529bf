#include "cli/command_line.hpp"

int main(int argc, char** argv) { return assay::cli::run(argc, argv); }
