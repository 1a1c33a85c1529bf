// Prints one JSON document of the tuner, for the test of its published schema.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "transaction.hpp"

namespace {

using namespace assay;
using namespace assay::tuner;
using namespace assay::tuner::testing;

// With a failure in it: every key of the documents is then filled at least once.
std::string document(const std::string& kind) {
  const auto host = make_untuned_machine();
  const profiles::Profile profile = shipped("low-latency");
  if (kind == "plan") return to_json(plan_now(*host, profile)).dump();
  if (kind == "tune") {
    host->on_write("/proc/sys/kernel/sched_rt_runtime_us", [](std::string_view) {
      return Expected<std::string>(fail_errno(22, "write", "sched_rt_runtime_us"));
    });
    return to_json(tune(*host, profile).value()).dump();
  }
  (void)tune(*host, profile);
  JournalFolder folder(*host);
  if (kind == "journal") return journal_text(folder.newest().value());
  if (kind == "journals") {
    host->put(folder.path() + "/20270101T000000Z.json", "{", 0600);
    return to_json(folder.list().value()).dump();
  }
  host->put("/proc/sys/vm/swappiness", "33\n");
  return to_json(undo_newest(*host).value()).dump();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::puts(document(argv[1]).c_str());
  return 0;
}
