// What each storage technique's own file hands to the table of rows, and the switches with which
// tests make a proof fail on purpose. Internal to the engine.
#pragma once

#include <memory>

#include "engine/technique.hpp"

namespace assay::engine {

// Silent fallbacks as programs and kernels have them. Set by tests only; the rows pass none.
struct StorageSabotage {
  bool buffered = false;              // O_DIRECT asked for, but not passed to open(2)
  bool one_call_each = false;         // vectored, batched: one system call for each block
  bool calls_instead_of_map = false;  // mmap: pread(2) or pwrite(2) behind the scenes
  bool plain_buffers = false;  // fixed-buffers: READ, WRITE instead of READ_FIXED, WRITE_FIXED
  bool plain_files = false;    // fixed-files: the ordinary descriptor stays in use
  bool plain_ring = false;     // coop-, defer-taskrun, sqpoll, iopoll: a ring without any flag
  bool unlinked = false;       // linked: write and fsync side by side
  bool synchronous = false;    // posix-aio, libaio: pread(2) or pwrite(2) behind the scenes
  bool unbuffered = false;     // stdio: every record goes out at once
  bool kernel_driver = false;  // user-nvme: the drive stays with the kernel
  bool wrong_data = false;     // what was moved is damaged before it is checked
};

using Made = Expected<std::unique_ptr<Block>>;
Made make_pread(const BlockContext& context, const StorageSabotage& sabotage);
Made make_direct(const BlockContext& context, const StorageSabotage& sabotage);
Made make_vectored(const BlockContext& context, const StorageSabotage& sabotage);
Made make_mmap(const BlockContext& context, const StorageSabotage& sabotage);
Made make_uring(const BlockContext& context, const StorageSabotage& sabotage);
Made make_uring_fixed_buffers(const BlockContext& context, const StorageSabotage& sabotage);
Made make_uring_fixed_files(const BlockContext& context, const StorageSabotage& sabotage);
Made make_uring_batched(const BlockContext& context, const StorageSabotage& sabotage);
Made make_uring_combined(const BlockContext& context, const StorageSabotage& sabotage);
Made make_uring_coop_taskrun(const BlockContext& context, const StorageSabotage& sabotage);
Made make_uring_defer_taskrun(const BlockContext& context, const StorageSabotage& sabotage);
Made make_uring_sqpoll(const BlockContext& context, const StorageSabotage& sabotage);
Made make_uring_iopoll(const BlockContext& context, const StorageSabotage& sabotage);
Made make_uring_linked(const BlockContext& context, const StorageSabotage& sabotage);
Made make_uring_passthrough(const BlockContext& context, const StorageSabotage& sabotage);
Made make_user_nvme(const BlockContext& context, const StorageSabotage& sabotage);
Made make_stdio(const BlockContext& context, const StorageSabotage& sabotage);
Made make_write_sync(const BlockContext& context, const StorageSabotage& sabotage);
Made make_posix_aio(const BlockContext& context, const StorageSabotage& sabotage);
Made make_libaio(const BlockContext& context, const StorageSabotage& sabotage);

// What each leaves open is filled in by these.
Parameters resolve_pread(const Parameters& parameters);
Parameters resolve_direct(const Parameters& parameters);
Parameters resolve_vectored(const Parameters& parameters);
Parameters resolve_mmap(const Parameters& parameters);
Parameters resolve_uring(const Parameters& parameters);
Parameters resolve_uring_batched(const Parameters& parameters);
Parameters resolve_uring_sqpoll(const Parameters& parameters);
Parameters resolve_uring_iopoll(const Parameters& parameters);
Parameters resolve_uring_linked(const Parameters& parameters);
Parameters resolve_uring_passthrough(const Parameters& parameters);
Parameters resolve_user_nvme(const Parameters& parameters);
Parameters resolve_stdio(const Parameters& parameters);
Parameters resolve_write_sync(const Parameters& parameters);
Parameters resolve_aio(const Parameters& parameters);

}  // namespace assay::engine
