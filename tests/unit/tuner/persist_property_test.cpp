// What we wrote, read back by the parsers that read everybody's files, is what was wanted.
#include <fmt/core.h>
#include <gtest/gtest.h>
// Only after gtest.h.
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "persist_fixture.hpp"
#include "tuner/persist_files.hpp"
#include "tuner/readers.hpp"
#include "tuner/text.hpp"

namespace assay::tuner::testing {
namespace {

std::string any_number(std::uint64_t most) {
  return fmt::format("{}", *rc::gen::inRange<std::uint64_t>(0, most + 1));
}

std::string any_value(const Setting& setting) {
  if (setting.id == "limits.rtprio") return any_number(99);
  if (setting.lasting == Lasting::limits) return any_number(1U << 20);
  if (setting.kind == ValueKind::cpu_list)
    return *rc::gen::element<std::string>("1", "2-3", "0,2-3");
  if (setting.kind == ValueKind::flag) return "yes";
  if (setting.kind != ValueKind::word) return any_number(1ULL << 30);
  const auto letters = rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("abcdefghijklmnopqrstuvwxyz0123456789_-.,:+/")));
  return "x" + *letters;
}

// Items of distinct rows and targets.
std::vector<PersistItem> any_items() {
  std::vector<PersistItem> items;
  for (const Setting& setting : settings()) {
    if (setting.lasting == Lasting::recorded || *rc::gen::arbitrary<bool>()) continue;
    if (setting.lasting == Lasting::drop_in) continue;      // the change is the file
    if (setting.id == "block.io-poll") continue;            // only ever told
    if (setting.id == "boot.default-hugepagesz") continue;  // written as a size of pages
    Target target{"host", ""};
    if (setting.set_on == TargetKind::drive) target = drive();
    if (setting.set_on == TargetKind::nic) target = nic();
    if (setting.set_on == TargetKind::cpu) target = {"cpu1", "1"};
    if (setting.set_on == TargetKind::node) target = {"node1", "1"};
    if (setting.set_on == TargetKind::irq) target = {"msix1@pci-0000:03:00.0", "40"};
    if (setting.set_on == TargetKind::package) target = {"package_00_die_00", "package_00_die_00"};
    PersistItem one = item(setting.id, any_value(setting), target);
    if (setting.id == "memory.hugepages-1g") one.value = any_number(64);
    items.push_back(std::move(one));
  }
  return items;
}

void check_item(const PersistItem& item, const Persisted& read) {
  const std::string_view id = item.setting->id;
  switch (item.setting->lasting) {
    case Lasting::sysctl:
      RC_ASSERT(read.sysctl.at(sysctl_key(item.path)).value == item.value);
      return;
    case Lasting::modprobe: {
      const std::string key =
          id == "block.apst" ? "nvme_core.default_ps_max_latency_us" : "nvme.poll_queues";
      RC_ASSERT(read.modules.at(key).value == item.value);
      RC_ASSERT(boot_word(read.boot_line->value, key) == item.value);
      return;
    }
    case Lasting::udev: {
      const auto rule = std::ranges::find_if(read.udev, [&](const UdevAssignment& one) {
        return item.path.ends_with("/" + one.attribute);
      });
      RC_ASSERT(rule != read.udev.end());
      RC_ASSERT(rule->value == item.value);
      return;
    }
    case Lasting::limits: {
      const std::string name(id.substr(id.find('.') + 1));
      // Memory is told in KiB: rounded up.
      const std::uint64_t bytes = *parse_uint(item.value);
      const std::string wanted =
          name == "memlock" ? format_bytes({(bytes + 1023) / 1024 * 1024}) : item.value;
      RC_ASSERT(read.limits.at(name).value == wanted);
      return;
    }
    case Lasting::boot_line: {
      const MemoryHost bare;
      const Viewed nothing(bare);
      const auto words = boot_words(nothing.view(), std::vector{item});
      for (const BootToken& token : boot_tokens(*words)) {
        if (token.name.starts_with("hugepages")) continue;  // twice on the line, by size
        RC_ASSERT(boot_word(read.boot_line->value, token.name) == token.value);
      }
      return;
    }
    case Lasting::startup_unit:
    case Lasting::drop_in:
    case Lasting::recorded:
      return;
  }
}

RC_GTEST_PROP(PersistProperty, WhatWasWrittenIsReadBack, ()) {
  auto host = make_debian();
  const std::vector<PersistItem> items = any_items();
  const Viewed viewed(*host);
  const auto changes = persist_changes(viewed.view(), items, some_profile());
  RC_ASSERT(changes.has_value());
  perform_files(*host, *changes);
  const Persisted read = read_persisted(*host);
  for (const PersistItem& one : items) check_item(one, read);
}

RC_GTEST_PROP(PersistProperty, AnyTwoStepsEndAsTheSecondAlone, ()) {
  auto once = make_debian();
  auto twice = make_debian();
  const std::vector<PersistItem> first = any_items();
  const std::vector<PersistItem> second = any_items();
  for (const auto* items : {&first, &second}) {
    const Viewed viewed(*twice);
    perform_files(*twice, *persist_changes(viewed.view(), *items, some_profile()));
  }
  const Viewed viewed(*once);
  perform_files(*once, *persist_changes(viewed.view(), second, some_profile()));
  RC_ASSERT(etc_of(*once) == etc_of(*twice));
}

RC_GTEST_PROP(PersistProperty, NoValueBreaksOutOfItsLine, (const std::string& value)) {
  auto host = make_debian();
  const Viewed viewed(*host);
  PersistItem one = *rc::gen::elementOf(all_kinds());
  one.value = value;
  const auto changes = persist_changes(viewed.view(), std::vector{one}, some_profile());
  if (!changes) {
    RC_ASSERT(changes.error().code == ErrorCode::invalid);
    return;
  }
  one.value = "1";
  const auto plain = persist_changes(viewed.view(), std::vector{one}, some_profile());
  RC_PRE(plain.has_value());
  for (const Change& change : *changes) {
    for (const Change& other : *plain) {
      if (change.path != other.path) continue;
      RC_ASSERT(std::ranges::count(change.after, '\n') == std::ranges::count(other.after, '\n'));
      RC_ASSERT(std::ranges::count(change.after, '"') == std::ranges::count(other.after, '"'));
    }
  }
}

}  // namespace
}  // namespace assay::tuner::testing
