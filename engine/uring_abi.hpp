// What the kernel's io_uring has and liburing 2.3's headers do not know, and since when each flag
// of io_uring_setup(2) is there. Numbers are the kernel's (include/uapi/linux/io_uring.h) and never
// change; whether this kernel takes one is asked at run time: see supported_setup_flags().
#pragma once

#include <liburing.h>

#include <array>
#include <string_view>

namespace assay::engine::uring_abi {

inline constexpr unsigned kSetupNoSqArray = 1U << 16;     // Linux 6.6: no indirection to entries
inline constexpr unsigned kSetupHybridIopoll = 1U << 17;  // Linux 6.13: sleep a while, then poll
inline constexpr unsigned kUringCmdFixed = 1U << 0;       // Linux 6.1: a command on a fixed buffer

// One flag of io_uring_setup(2). `needs` are flags without which the kernel refuses it.
struct SetupFlag {
  unsigned bit;
  std::string_view name, since;  // "DEFER_TASKRUN", "6.1"
  unsigned needs = 0;
};

inline constexpr std::array kSetupFlags{
    SetupFlag{IORING_SETUP_IOPOLL, "IOPOLL", "5.1"},
    SetupFlag{IORING_SETUP_SQPOLL, "SQPOLL", "5.1"},
    SetupFlag{IORING_SETUP_SQ_AFF, "SQ_AFF", "5.1", IORING_SETUP_SQPOLL},
    SetupFlag{IORING_SETUP_CLAMP, "CLAMP", "5.6"},
    SetupFlag{IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL", "5.18"},
    SetupFlag{IORING_SETUP_COOP_TASKRUN, "COOP_TASKRUN", "5.19"},
    SetupFlag{IORING_SETUP_TASKRUN_FLAG, "TASKRUN_FLAG", "5.19", IORING_SETUP_COOP_TASKRUN},
    SetupFlag{IORING_SETUP_SQE128, "SQE128", "5.19"},
    SetupFlag{IORING_SETUP_CQE32, "CQE32", "5.19"},
    SetupFlag{IORING_SETUP_SINGLE_ISSUER, "SINGLE_ISSUER", "6.0"},
    SetupFlag{IORING_SETUP_DEFER_TASKRUN, "DEFER_TASKRUN", "6.1", IORING_SETUP_SINGLE_ISSUER},
    SetupFlag{kSetupNoSqArray, "NO_SQARRAY", "6.6"},
    SetupFlag{kSetupHybridIopoll, "HYBRID_IOPOLL", "6.13", IORING_SETUP_IOPOLL},
};

}  // namespace assay::engine::uring_abi
