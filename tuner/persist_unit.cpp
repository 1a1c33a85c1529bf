#include "tuner/persist_unit.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "tuner/persist_files.hpp"

namespace assay::tuner {
namespace {

// A profile's name, which is also an instance's name: nothing that systemd or a shell would read
// as anything else.
bool is_profile_name(std::string_view name) {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && name.size() <= 64 && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
         });
}

std::string command(const PersistedProfile& profile, Disruption worst) {
  // systemd unescapes "-" to "/" in %I but not in %i.
  return fmt::format("{} tune {}/%i.yaml --yes --max-disruption {}", profile.program,
                     kProfileFolder, to_string(worst));
}

// Both units: one run each time they are started, as often as that is.
constexpr std::string_view kService =
    "StartLimitIntervalSec=0\n"
    "\n"
    "[Service]\n"
    "Type=oneshot\n"
    "ExecStart={}\n"
    "TimeoutStartSec=5min\n";

}  // namespace

Expected<void> check_profile(const PersistedProfile& profile) {
  if (!is_profile_name(profile.name)) {
    return fail(ErrorCode::invalid, "persist", "profile",
                "the name of a persisted profile has only a-z, 0-9, '.', '_' and '-', and starts "
                "with a letter");
  }
  const std::string& program = profile.program;
  if (!program.starts_with('/') || !is_plain(program, false) ||
      program.find("..") != std::string::npos) {
    return fail(ErrorCode::invalid, "persist", program,
                "a unit needs the whole path of a program, without odd characters");
  }
  return {};
}

std::string boot_unit(const PersistedProfile& profile) {
  const Disruption worst = std::min(profile.max_disruption, Disruption::link_reset);
  // Before any link is up, so that a link that is set anew here carries nothing yet. That is early,
  // so the ordinary dependencies would make a circle on hosts where cloud-init brings the network
  // up before sysinit.target. The cards must be there: that is what settling waits for.
  return fmt::format(
             "[Unit]\n"
             "Description=Settings of profile %i that the kernel forgets at a reboot\n"
             "Documentation=man:assay(1)\n"
             "DefaultDependencies=no\n"
             "RequiresMountsFor=/etc/assay /var/lib/assay\n"
             "Wants=systemd-udev-settle.service network-pre.target\n"
             "After=systemd-udev-settle.service systemd-sysctl.service local-fs.target "
             "swap.target\n"
             "Before=network-pre.target shutdown.target\n"
             "Conflicts=shutdown.target\n"
             "ConditionPathExists={}/%i.yaml\n",
             kProfileFolder) +
         fmt::format(fmt::runtime(kService), command(profile, worst));
}

std::string device_unit(const PersistedProfile& profile) {
  return fmt::format(
             "[Unit]\n"
             "Description=Settings of profile %i for a device that has come\n"
             "Documentation=man:assay(1)\n"
             "After=assay-tune@%i.service\n"
             "ConditionPathExists={}/%i.yaml\n",
             kProfileFolder) +
         fmt::format(fmt::runtime(kService), command(profile, Disruption::none));
}

std::string target_drop_in(const PersistedProfile& profile) {
  return fmt::format("[Unit]\nWants=assay-tune@{}.service\n", profile.name);
}

std::string device_rules(const PersistedProfile& profile) {
  const std::string unit = fmt::format("assay-tune-device@{}.service", profile.name);
  const std::string wants = fmt::format("TAG+=\"systemd\", ENV{{SYSTEMD_WANTS}}+=\"{}\"\n", unit);
  // A CPU's device unit stays up while the CPU is off, so SYSTEMD_WANTS would act only once.
  return "ACTION==\"add\", SUBSYSTEM==\"net\", SUBSYSTEMS==\"pci\", " + wants +
         "ACTION==\"add\", SUBSYSTEM==\"block\", ENV{DEVTYPE}==\"disk\", SUBSYSTEMS==\"pci\", " +
         wants +
         fmt::format(
             "ACTION==\"online\", SUBSYSTEM==\"cpu\", "
             "RUN+=\"/bin/systemctl --no-block start {}\"\n",
             unit);
}

std::string link_hook(const PersistedProfile& profile, std::string_view skip) {
  return fmt::format("{}exec systemctl --no-block start assay-tune-device@{}.service\n", skip,
                     profile.name);
}

}  // namespace assay::tuner
