#include "tuner/persist.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "tuner/persist_files.hpp"
#include "tuner/persist_unit.hpp"
#include "tuner/text.hpp"
#include "tuner/unit_drop_in.hpp"

namespace assay::tuner {
namespace {

constexpr std::string_view kSysctl = "/etc/sysctl.d/99-assay.conf";
constexpr std::string_view kModprobe = "/etc/modprobe.d/99-assay.conf";
constexpr std::string_view kUdev = "/etc/udev/rules.d/99-assay.rules";
constexpr std::string_view kLimits = "/etc/security/limits.d/99-assay.conf";
constexpr std::string_view kManager = "/etc/systemd/system.conf.d/99-assay.conf";
constexpr std::string_view kGrub = "/etc/default/grub.d/99-assay.cfg";
constexpr std::string_view kBootUnit = "/etc/systemd/system/assay-tune@.service";
constexpr std::string_view kDeviceUnit = "/etc/systemd/system/assay-tune-device@.service";
constexpr std::string_view kTarget = "/etc/systemd/system/multi-user.target.d/99-assay.conf";

// What a network manager runs for a link that comes up; only where that manager is.
struct Hook {
  std::string_view file, folder, skip;
};
constexpr std::array kHooks{
    Hook{"/etc/network/if-up.d/assay-tune", "/etc/network/if-up.d",
         "[ \"${IFACE:-}\" != lo ] || exit 0\n"},
    Hook{"/etc/networkd-dispatcher/carrier.d/50-assay-tune", "/etc/networkd-dispatcher/carrier.d",
         ""},
    Hook{"/etc/NetworkManager/dispatcher.d/50-assay-tune", "/etc/NetworkManager/dispatcher.d",
         "[ \"${2:-}\" = up ] || exit 0\n"}};

// What keeps irqbalance from starting (tuner/unit_drop_in.hpp).
constexpr std::string_view kIrqbalance = "/etc/systemd/system/irqbalance.service.d/99-assay.conf";

constexpr std::array kFiles{kSysctl,        kModprobe,      kUdev,         kLimits, kManager,
                            kGrub,          kBootUnit,      kDeviceUnit,   kTarget, kIrqbalance,
                            kHooks[0].file, kHooks[1].file, kHooks[2].file};

// All of these files take '#' comments. A file without this heading is somebody else's.
constexpr std::string_view kHeading =
    "# Written by `assay tune --persist` and replaced whole by the next one; `assay rollback` "
    "takes it\n# away.\n";
constexpr std::string_view kShell = "#!/bin/sh\n";

struct File {
  std::string content;
  std::uint32_t mode = 0644;
  std::string_view setting = {};  // the first one that it is for
};
using Files = std::map<std::string, File, std::less<>>;

bool is_ours(std::string_view content) {
  if (content.starts_with(kShell)) content.remove_prefix(kShell.size());
  return content.starts_with(kHeading.substr(0, kHeading.find('\n')));
}

// The first of the items that a file holds stands for the file in the journal.
std::string_view first_setting(std::span<const PersistItem> items, Lasting lasting) {
  for (const PersistItem& item : items) {
    if (item.setting->lasting == lasting) return item.setting->id;
  }
  return items.empty() ? std::string_view{} : items.front().setting->id;
}

bool has_grub(const HostView& view) {
  return view.host.exists("/usr/sbin/update-grub") && view.host.exists("/etc/default/grub");
}

bool has_systemd(const HostView& view) {
  return view.host.exists("/usr/lib/systemd/systemd") || view.host.exists("/lib/systemd/systemd") ||
         view.host.exists("/run/systemd/system");
}

std::string_view folder_of(std::string_view path) { return path.substr(0, path.rfind('/')); }

// Whether whatever reads this folder is installed: its own folder, or the one around it, is there.
bool has_reader(const HostView& view, std::string_view path) {
  return view.host.exists(folder_of(path)) || view.host.exists(folder_of(folder_of(path)));
}

// Words of the boot line and module options, as one line.
Expected<std::string> whole_boot_line(const HostView& view, std::span<const PersistItem> items) {
  auto words = boot_words(view, items);
  if (!words) return words;
  auto modules = module_words(items);
  if (!modules) return modules;
  if (words->empty() || modules->empty()) return *words + *modules;
  return *words + " " + *modules;
}

// Only the ordinary entries: a recovery boot shall not need our words.
std::string grub_text(const std::string& words) {
  if (words.empty()) return words;
  return fmt::format("GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT {}\"\n", words);
}

void put(Files& files, std::string_view path, std::string text, std::string_view setting,
         std::uint32_t mode = 0644) {
  if (text.empty()) return;
  const bool script = mode == 0755;
  std::string content = script ? std::string(kShell) : std::string();
  content += kHeading;
  content += text;
  files[std::string(path)] = {std::move(content), mode, setting};
}

void put_units(const HostView& view, const PersistedProfile& profile, std::string_view setting,
               Files& files) {
  put(files, fmt::format("{}/{}.yaml", kProfileFolder, profile.name), profile.yaml, setting);
  if (!has_systemd(view)) return;
  put(files, kBootUnit, boot_unit(profile), setting);
  put(files, kDeviceUnit, device_unit(profile), setting);
  put(files, kTarget, target_drop_in(profile), setting);
  for (const Hook& hook : kHooks) {
    if (!view.host.exists(hook.folder)) continue;
    put(files, hook.file, link_hook(profile, hook.skip), setting, 0755);
  }
}

// The files that hold the items, with their whole contents.
Expected<Files> wanted_files(const HostView& view, std::span<const PersistItem> items,
                             const PersistedProfile* profile) {
  const auto nr_open = static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, view.inventory.limits.nr_open.value_or(1048576)));
  // A larger nr_open that is persisted with them holds before any login does.
  std::uint64_t bound = nr_open;
  for (const PersistItem& item : items) {
    if (item.setting->id != "limits.nr-open") continue;
    if (auto number = parse_uint(item.value)) bound = std::max(bound, *number);
  }
  struct Part {
    std::string_view path;
    Lasting lasting;
    Expected<std::string> text;
  };
  Part parts[] = {{kSysctl, Lasting::sysctl, sysctl_lines(items)},
                  {kModprobe, Lasting::modprobe, modprobe_lines(items)},
                  {kUdev, Lasting::udev, udev_lines(items)},
                  {kLimits, Lasting::limits, limits_lines(items, bound)},
                  {kManager, Lasting::limits, manager_lines(items, bound)},
                  {kGrub, Lasting::boot_line, whole_boot_line(view, items)}};
  Files files;
  const bool unit = profile != nullptr && std::ranges::any_of(items, needs_unit);
  for (Part& part : parts) {
    if (!part.text) return Failure(part.text.error());
    std::string text = *std::move(part.text);
    if (part.path == kUdev && unit && has_systemd(view)) text += device_rules(*profile);
    if (part.path == kManager && !has_systemd(view)) text.clear();
    if (part.path == kGrub) text = has_grub(view) ? grub_text(text) : "";
    if (!has_reader(view, part.path)) text.clear();
    put(files, part.path, std::move(text), first_setting(items, part.lasting));
  }
  for (const PersistItem& item : items) {
    const bool stopped = item.setting->id == "irq.irqbalance" && item.value == "stopped";
    if (stopped && has_systemd(view)) {
      put(files, kIrqbalance, drop_in_text("irqbalance.service"), item.setting->id);
    }
  }
  if (unit) put_units(view, *profile, first_setting(items, Lasting::startup_unit), files);
  return files;
}

// A row that such a file is for: every change in a journal names one.
std::string_view setting_behind(std::string_view path) {
  struct Kind {
    std::string_view path;
    Lasting lasting;
  };
  static constexpr std::array kKinds{
      Kind{kSysctl, Lasting::sysctl},  Kind{kModprobe, Lasting::modprobe},
      Kind{kUdev, Lasting::udev},      Kind{kLimits, Lasting::limits},
      Kind{kManager, Lasting::limits}, Kind{kGrub, Lasting::boot_line}};
  const auto kind = std::ranges::find(kKinds, path, &Kind::path);
  const Lasting lasting = kind == kKinds.end() ? Lasting::startup_unit : kind->lasting;
  const auto row = std::ranges::find(settings(), lasting, &Setting::lasting);
  return row == settings().end() ? settings().front().id : row->id;
}

// Every path of ours: the fixed ones, and the profiles that are there.
std::vector<std::string> all_paths(const HostView& view, const Files& files) {
  std::vector<std::string> paths(kFiles.begin(), kFiles.end());
  if (auto names = view.host.list(kProfileFolder)) {
    for (const std::string& name : *names) {
      std::string path = fmt::format("{}/{}", kProfileFolder, name);
      if (is_persisted_file(path)) paths.push_back(std::move(path));
    }
  }
  for (const auto& [path, file] : files) {
    if (std::ranges::find(paths, path) == paths.end()) paths.push_back(path);
  }
  return paths;
}

// One file as it is and as it shall be. Nothing: they are the same.
Expected<std::optional<Change>> change_of(const HostView& view, const std::string& path,
                                          const Files& files) {
  const auto wanted = files.find(path);
  auto now = view.host.read(path);
  if (!now && now.error().code != ErrorCode::absent) return Failure(now.error());
  if (!now && wanted == files.end()) return std::optional<Change>();
  if (now && !is_ours(*now)) {
    if (wanted == files.end()) return std::optional<Change>();  // somebody else's: none of ours
    return fail(ErrorCode::invalid, "persist", path,
                "there is such a file, and assay did not write it", "move it away, or rename it");
  }
  Change change{.setting_id = std::string(setting_behind(path)), .target = "host", .path = path};
  if (now) {
    change.before = *now;
    auto status = view.host.status(path);
    if (!status) return Failure(status.error());
    change.mode_before = status->mode & 07777U;
  }
  change.absent_before = !now;
  change.folder_absent_before = !now && !view.host.exists(folder_of(path));
  if (wanted == files.end()) {
    change.kind = ChangeKind::remove_file;
    return std::optional(std::move(change));
  }
  const File& file = wanted->second;
  change.kind = ChangeKind::replace_file;
  if (!file.setting.empty()) change.setting_id = file.setting;
  change.after = file.content;
  change.mode_after = file.mode;
  const bool same = now && change.before == change.after && change.mode_before == file.mode;
  return same ? std::optional<Change>() : std::optional(std::move(change));
}

// A program that reads files of ours, run once after all of them. `there` is a file that only a
// host with it running has.
struct Reader {
  std::string_view there;
  std::vector<std::string> argv;
  std::vector<std::string_view> prefixes;  // of the paths that it reads
};

std::vector<Reader> readers() {
  return {{"/run/systemd/system", {"systemctl", "daemon-reload"}, {"/etc/systemd/"}},
          {"/run/udev/control", {"udevadm", "control", "--reload"}, {"/etc/udev/"}},
          {"/usr/sbin/update-grub", {"update-grub"}, {"/etc/default/grub.d/"}}};
}

void add_runs(const HostView& view, std::vector<Change>& changes) {
  std::vector<Change> runs;
  for (const Reader& reader : readers()) {
    const auto reads = [&](const Change& change) {
      return std::ranges::any_of(reader.prefixes, [&](std::string_view prefix) {
        return change.path.starts_with(prefix);
      });
    };
    const auto found = std::ranges::find_if(changes, reads);
    if (found == changes.end() || !view.host.exists(reader.there)) continue;
    runs.push_back({.kind = ChangeKind::run,
                    .setting_id = found->setting_id,
                    .target = "host",
                    .argv = reader.argv,
                    .undo_argv = reader.argv});
  }
  std::ranges::move(runs, std::back_inserter(changes));
}

Expected<std::vector<Change>> changes_to(const HostView& view, const Files& files) {
  std::vector<Change> changes;
  for (const std::string& path : all_paths(view, files)) {
    auto change = change_of(view, path, files);
    if (!change) return Failure(change.error());
    if (*change) changes.push_back(**std::move(change));
  }
  add_runs(view, changes);
  return changes;
}

Expected<void> check_items(std::span<const PersistItem> items, bool has_unit) {
  for (const PersistItem& item : items) {
    if (item.setting->lasting == Lasting::recorded) {
      return fail(ErrorCode::invalid, "persist", item.setting->id,
                  "it is only ever recorded, and nothing makes it last");
    }
    if (has_unit || !needs_unit(item)) continue;
    return fail(ErrorCode::unsupported, "persist", item.setting->id,
                "only a start-up unit can set it at boot, and that needs a profile");
  }
  return {};
}

Expected<std::vector<Change>> persist(const HostView& view, std::span<const PersistItem> items,
                                      const PersistedProfile* profile) {
  if (auto good = check_items(items, profile != nullptr); !good) return Failure(good.error());
  if (profile != nullptr) {
    if (auto good = check_profile(*profile); !good) return Failure(good.error());
  }
  auto files = wanted_files(view, items, profile);
  if (!files) return Failure(files.error());
  return changes_to(view, *files);
}

// A boot loader other than GRUB with drop-ins: by what its host is known, and what a person does.
// "{}" stands for the words. The first that is there counts: what writes entries before the
// entries.
struct Loader {
  std::string_view there, advice;
};
constexpr std::array kLoaders = std::to_array<Loader>({
    {"/etc/kernel/cmdline",
     "append to /etc/kernel/cmdline: {} (and then: kernel-install add-all, or reinstall the kernel "
     "package)"},
    {"/usr/sbin/grubby", "run: grubby --update-kernel=ALL --args=\"{}\""},
    {"/boot/loader/entries",
     "systemd-boot: append to the line \"options\" of each file in /boot/loader/entries: {} (and "
     "write them to /etc/kernel/cmdline, for kernels to come)"},
    {"/efi/loader/entries",
     "systemd-boot: append to the line \"options\" of each file in /efi/loader/entries: {} (and "
     "write them to /etc/kernel/cmdline, for kernels to come)"},
    {"/boot/efi/loader/entries",
     "systemd-boot: append to the line \"options\" of each file in /boot/efi/loader/entries: {} "
     "(and write them to /etc/kernel/cmdline, for kernels to come)"},
    {"/etc/default/grub",
     "append to GRUB_CMDLINE_LINUX in /etc/default/grub: {} (and then: grub-mkconfig -o with the "
     "path of this host's grub.cfg)"},
    {"/etc/default/u-boot",
     "append to U_BOOT_PARAMETERS in /etc/default/u-boot: {} (and then: u-boot-update)"},
    {"/boot/extlinux/extlinux.conf",
     "append to each line \"append\" of /boot/extlinux/extlinux.conf: {}"},
    {"/boot/refind_linux.conf",
     "append to the options of each line of /boot/refind_linux.conf: {}"},
    {"/boot/firmware/cmdline.txt", "append to the one line of /boot/firmware/cmdline.txt: {}"},
    {"/etc/zipl.conf", "append to \"parameters\" in /etc/zipl.conf: {} (and then: zipl)"},
});

std::string boot_by_hand(const HostView& view, const std::string& words) {
  for (const Loader& loader : kLoaders) {
    if (view.host.exists(loader.there)) return fmt::format(fmt::runtime(loader.advice), words);
  }
  return "add to the boot loader's kernel line: " + words;
}

}  // namespace

Expected<std::vector<Change>> persist_changes(const HostView& view,
                                              std::span<const PersistItem> items,
                                              const PersistedProfile& profile) {
  return persist(view, items, &profile);
}

Expected<std::vector<Change>> persist_changes(const HostView& view,
                                              std::span<const PersistItem> items) {
  return persist(view, items, nullptr);
}

Expected<std::vector<Change>> unpersist_changes(const HostView& view) {
  return changes_to(view, {});
}

std::vector<std::string> persist_by_hand(const HostView& view, std::span<const PersistItem> items) {
  std::vector<std::string> steps;
  const auto words = whole_boot_line(view, items);
  if (words && !words->empty() && !has_grub(view)) steps.push_back(boot_by_hand(view, *words));
  for (const auto& [path, lasting] :
       {std::pair{kSysctl, Lasting::sysctl}, std::pair{kModprobe, Lasting::modprobe},
        std::pair{kUdev, Lasting::udev}, std::pair{kLimits, Lasting::limits}}) {
    const bool wanted = std::ranges::any_of(
        items, [&](const PersistItem& item) { return item.setting->lasting == lasting; });
    if (!wanted || has_reader(view, path)) continue;
    steps.push_back(fmt::format("nothing here reads {}: what stands there has to be set by hand",
                                folder_of(path)));
  }
  const bool unit = std::ranges::any_of(items, needs_unit);
  if (unit && !has_systemd(view)) {
    steps.push_back(
        fmt::format("this host has no systemd: let its own start-up run `assay tune` with the "
                    "profile in {}",
                    kProfileFolder));
  }
  return steps;
}

std::span<const std::string_view> persisted_files() { return kFiles; }

bool is_persisted_file(std::string_view path) {
  if (std::ranges::find(kFiles, path) != kFiles.end()) return true;
  if (!path.starts_with(kProfileFolder) || !path.ends_with(".yaml")) return false;
  std::string_view name = path.substr(kProfileFolder.size());
  if (!name.starts_with('/')) return false;
  name.remove_prefix(1);
  name.remove_suffix(5);
  return check_profile({.name = std::string(name), .yaml = ""}).has_value();
}

}  // namespace assay::tuner
