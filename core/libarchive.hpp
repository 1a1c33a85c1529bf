// The functions of libarchive that assay calls, loaded at the first call (core/late_library.hpp).
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "core/late_library.hpp"

#define ASSAY_LIBARCHIVE(X)                                                                        \
  X(archive_error_string)                                                                          \
  X(archive_read_new)                                                                              \
  X(archive_read_free)                                                                             \
  X(archive_read_open_fd) X(archive_read_support_filter_zstd) X(archive_read_support_filter_bzip2) \
      X(archive_read_support_filter_gzip) X(archive_read_support_filter_xz)                        \
          X(archive_read_support_format_tar) X(archive_read_next_header) X(archive_read_data)      \
              X(archive_write_new) X(archive_write_free) X(archive_write_set_format_gnutar)        \
                  X(archive_write_add_filter_zstd) X(archive_write_set_filter_option)              \
                      X(archive_write_set_bytes_per_block) X(archive_write_open)                   \
                          X(archive_write_header) X(archive_write_data) X(archive_write_close)     \
                              X(archive_entry_new) X(archive_entry_free) X(archive_entry_pathname) \
                                  X(archive_entry_hardlink) X(archive_entry_symlink)               \
                                      X(archive_entry_filetype) X(archive_entry_size)              \
                                          X(archive_entry_set_pathname)                            \
                                              X(archive_entry_set_symlink)                         \
                                                  X(archive_entry_set_mode)                        \
                                                      X(archive_entry_set_size)                    \
                                                          X(archive_entry_set_mtime)

namespace assay {

struct LibArchive {
  ASSAY_LIBARCHIVE(ASSAY_LATE_MEMBER)
};

// The one table of the process. Safe from any thread. Errors: those of load_late().
Expected<const LibArchive*> libarchive();

}  // namespace assay
