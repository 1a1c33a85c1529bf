// What of a host's settings can be compared: every attribute of /sys, /proc/sys and /proc/irq that
// root can read and write, without those that are views of what happens. The tables in
// host_values.cpp name these, each with its reason; a new one belongs there, with its reason, and
// nowhere else. Not thread-safe; meant for GoogleTest bodies.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace lab {

using Values = std::map<std::string, std::string>;  // path -> what it reads

// All of them, as they read now.
Values writable_values();

// Those that differ between two readings with ordinary work in between: they move by themselves
// on this very host, whatever the tables say.
std::set<std::string> restless_values();

enum class Between { readings, boots };

// What reads otherwise, or is no longer there: "PATH: BEFORE -> AFTER", without the line breaks.
// Between boots what the kernel works out anew at each of them is left out.
std::vector<std::string> differences(const Values& before, const Values& after, Between between,
                                     const std::set<std::string>& restless = {});

}  // namespace lab
