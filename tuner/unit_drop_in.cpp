#include "tuner/unit_drop_in.hpp"

#include <fmt/core.h>

namespace assay::tuner {

std::string drop_in_path(std::string_view unit) {
  return fmt::format("/etc/systemd/system/{}.d/99-assay.conf", unit);
}

std::string drop_in_text(std::string_view unit) {
  return fmt::format("[Unit]\nConditionPathExists=!{}\n", drop_in_path(unit));
}

bool is_held_back(const Host& host, std::string_view unit) {
  const auto text = host.read(drop_in_path(unit));
  return text && text->find(drop_in_text(unit)) != std::string::npos;
}

bool is_started_at_boot(const Host& host, std::string_view unit, std::string_view target) {
  // The link's target may be outside a capture, so the link itself is what counts.
  const std::string wanted = fmt::format("/etc/systemd/system/{}.wants/{}", target, unit);
  if (!host.read_link(wanted) && !host.exists(wanted)) return false;
  const auto masked = host.read_link(fmt::format("/etc/systemd/system/{}", unit));
  return (!masked || *masked != "/dev/null") && !is_held_back(host, unit);
}

}  // namespace assay::tuner
