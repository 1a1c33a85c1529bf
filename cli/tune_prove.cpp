#include "cli/tune_prove.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "certify/json_text.hpp"
#include "certify/prove.hpp"
#include "certify/prove_meter.hpp"
#include "probes/probe.hpp"

namespace assay::cli {
namespace {

// Less gives no block the time to be anything but noise.
constexpr Nanoseconds kProveTimeLeast = std::chrono::seconds(1);

}  // namespace

Expected<Nanoseconds> prove_time(const std::string& text, const profiles::Profile& profile) {
  if (text.empty()) return std::min(profile.time_limit, certify::kProveTimeMost);
  const auto time = parse_duration(text);
  if (!time) return fail(ErrorCode::invalid, "tune", "--prove-time", time.error().cause);
  if (*time >= kProveTimeLeast) return *time;
  return fail(ErrorCode::invalid, "tune", "--prove-time",
              fmt::format("{} is too short to tell anything", text), "give 1s or more");
}

Expected<std::string> proof_plan_text(const Host& host, const profiles::Profile& profile,
                                      tuner::Plan plan, Nanoseconds per_group, bool json) {
  const auto proof =
      certify::describe_proof(host, probes::probe(host), profile, std::move(plan), per_group);
  if (!proof) return Failure(proof.error());
  return json ? certify::to_json(*proof).dump(2) + "\n" : certify::render_proof_plan(*proof);
}

int prove_host(Host& host, tuner::Plan plan, const profiles::Profile& profile,
               tuner::JournalFolder& folder, const ProveRun& run, const Context& context) {
  ProgressLine line;
  const auto show = [&line](std::string_view words) { line.show(words); };
  certify::HostMeterOptions measuring;
  measuring.groups = certify::proof_groups(plan).size();
  measuring.time = run.per_group;
  measuring.confidence = profile.confidence;
  measuring.stop = context.stop;
  measuring.on_progress = show;
  std::unique_ptr<certify::ProofMeter> meter;
  if (measuring.groups > 0) {
    auto opened = certify::open_host_meter(host, profile, measuring);
    line.clear();
    if (!opened) {
      const int code = report_error(opened.error());
      fmt::print(stderr, "nothing was changed\n");
      return code;
    }
    meter = *std::move(opened);
  }
  const certify::ProveOptions how{.apply = run.apply, .plan = run.plan, .on_progress = show};
  const auto report = certify::prove(host, std::move(plan), profile, folder, meter.get(), how);
  line.clear();
  if (!report) {
    report_error(report.error());
    return kCouldNotDo;
  }
  return print(
      run.json ? certify::json_text(certify::to_json(*report)) : certify::render_proof(*report),
      report->exit_code());
}

}  // namespace assay::cli
