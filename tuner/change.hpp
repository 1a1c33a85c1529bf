// One change of a host, as plain data: what it was, what it becomes, and how both are done.
//
// The closed set of operations that a plan consists of and a journal keeps. Nothing here is a
// closure: another process, after a reboot, undoes a Change from the journal alone. Plain values;
// the functions are stateless, and thread-safe as the Host's calls are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/host.hpp"

namespace assay::tuner {

enum class ChangeKind : std::uint8_t {
  write_file,    // one write(2) of `after` to a kernel file that exists
  replace_file,  // a whole file becomes `after`, through a temporary file and rename
  remove_file,   // a whole file goes away
  ethtool,       // Host::change() of an interface
  run            // a program of assay's own short list of command lines
};
std::string_view to_string(ChangeKind kind);  // "write-file", "replace-file", ...
std::optional<ChangeKind> change_kind_from_string(std::string_view word);

// How a kernel file's content is read, so that equal values are equal texts.
enum class ValueForm : std::uint8_t {
  text,    // without surrounding white space
  chosen,  // the word in brackets: "none [mq-deadline]" is "mq-deadline"
  mask,    // a CPU mask, leading zeros aside
  list     // a CPU list: "0,1" is "0-1"
};
std::string_view to_string(ValueForm form);  // "text", "chosen", ...
std::optional<ValueForm> value_form_from_string(std::string_view word);

struct Change {
  int version = 1;
  ChangeKind kind = ChangeKind::write_file;
  std::string setting_id = {};  // the row that wants it; every change has one
  std::string target = {};      // stable over reboots: "host", "cpu3", "pci-0000:01:00.0"
  std::string local = {};       // its name on this boot: "3", "nvme0n1"; found anew for an undo
  // write_file, replace_file, remove_file: the file; "{}" in it stands for `local`.
  // ethtool: what Host::ask() and Host::change() call it, "ethtool.coalesce"; `local` is the NIC.
  // run: the process whose running or standing still is the value; "" when there is nothing to
  // read.
  std::string path = {};
  // In the kernel's own words, as they are written. ethtool: "rx_usecs=0 adaptive_rx=0"; features
  // (ethtool.requested): "rx-gro=off". run: "running" or "stopped", or both "".
  std::string before = {}, after = {};

  // --- write_file ---
  ValueForm form = ValueForm::text;
  std::string read_path = {};  // where the value is read, when the written file shows another one
  // Where the kernel does not take the old value back, what is written elsewhere instead:
  // vm.dirty_bytes 0 comes back by writing vm.dirty_ratio.
  std::string undo_path = {}, undo_value = {};

  // --- order ---
  // The setting whose change on the same target may move this value ("block.scheduler" resets
  // block.nr-requests). Undone after it, not before.
  std::string follows = {};
  // Nothing is changed; the value is only kept, to be put back once what it follows is undone.
  bool restore_only = false;

  // --- replace_file, remove_file ---
  // There was no such file: undoing removes it.
  bool absent_before = false;
  // There was no such folder either: it is made, and goes again with its last file.
  bool folder_absent_before = false;
  std::uint32_t mode_before = 0644, mode_after = 0644;

  // --- run ---
  // argv[0] is one of Host::run()'s; the whole line stands in tuner/allowed.cpp. A line without a
  // process to read is run once more, with `undo_argv`, after every file was put back.
  std::vector<std::string> argv = {}, undo_argv = {};

  friend bool operator==(const Change&, const Change&) = default;
};

// The file with `local` in place.
std::string path_of(const Change& change);
// For people and errors: the file, "ethtool.coalesce of eth0", or the command line.
std::string subject_of(const Change& change);

// What the host holds now, in the form of before and after. Nothing: the file (replace_file,
// remove_file) does not exist. A run without a process reads as its `before`.
// Errors: the host's own; invalid when the content has not the change's form.
Expected<std::optional<std::string>> read_now(const Host& host, const Change& change);

// Whether what read_now() gave is the old or the new value.
bool is_before(const Change& change, const std::optional<std::string>& now);
bool is_after(const Change& change, const std::optional<std::string>& now);

// Takes away the folder that was made for a file of ours, when nothing else stands in it. A folder
// that somebody uses by now stays.
void remove_made_folder(Host& host, const Change& change);

// Does it, or puts the old value back; exactly one mutating call of the Host, two where a folder
// is missing. Neither reads back. Errors: the host's own; io for a program that ended with another
// code than 0, with the last line that it printed.
Expected<void> perform(Host& host, const Change& change);
Expected<void> undo(Host& host, const Change& change);

// "rx_usecs=0 adaptive_rx=0" as keys and values. Error: invalid.
Expected<Reply> parse_pairs(std::string_view text);
std::string show_pairs(const Reply& values);

}  // namespace assay::tuner
