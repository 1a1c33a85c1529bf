// Which running programs mean something to the probes. Pure and thread-safe.
//
// A capture names no other process. Names are those of /proc/N/comm: 15 characters at most.
#pragma once

#include <string_view>

namespace assay::probes {

// Keeps the clock: "chronyd", "ptp4l".
bool is_time_daemon(std::string_view program);
// Changes settings by itself: "tuned", "irqbalance".
bool is_tuner(std::string_view program);
// A kernel thread that runs RCU callbacks for a CPU: "rcuop/3".
bool is_rcu_thread(std::string_view program);
// A kernel thread that every host has and that names no device or file system: "kthreadd",
// "kswapd0". Those that do (irq/40-eth0, jbd2/sda1-8) stay out of captures.
bool is_kernel_thread(std::string_view program);

inline bool is_known_program(std::string_view program) {
  return is_time_daemon(program) || is_tuner(program) || is_rcu_thread(program) ||
         is_kernel_thread(program);
}

}  // namespace assay::probes
