#include "cli/tune_host.hpp"

namespace assay::cli {

Expected<void> need_root(const Host& host, const std::string& what) {
  const auto self = host.ask({"process.identity", ""});
  if (!self) return Failure(self.error());
  const auto user = self->find("euid");
  if (user != self->end() && user->second == "0") return {};
  return fail(ErrorCode::denied, what, "", "changing settings needs root", "run it with sudo");
}

Expected<HostLock> lock_for_tuning(tuner::JournalFolder& folder) {
  if (auto ready = folder.prepare(); !ready) return Failure(ready.error());
  // In the folder that is root's alone: nobody else can hold up a tune.
  return HostLock::take(folder.path() + "/lock", "tuning");
}

}  // namespace assay::cli
