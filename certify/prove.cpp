#include "certify/prove.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "certify/prove_meter.hpp"
#include "probes/probe.hpp"
#include "tuner/transaction.hpp"

namespace assay::certify {
namespace {

using SteadyClock = std::chrono::steady_clock;
using tuner::RowState;

// The strongest effect of a kind: what is told of a group that has many.
const Effect* strongest(const std::vector<Effect>& effects, EffectKind kind) {
  const Effect* found = nullptr;
  for (const Effect& effect : effects) {
    if (effect.kind != kind) continue;
    const auto farther = [kind](const Effect& a, const Effect& b) {
      return kind == EffectKind::hurts ? a.ratio > b.ratio : a.ratio < b.ratio;
    };
    if (found == nullptr || farther(effect, *found)) found = &effect;
  }
  return found;
}

std::string words_of(const LedgerEntry& entry, EffectKind kind) {
  const Effect* effect = strongest(entry.effects, kind);
  if (effect == nullptr) return {};
  const auto more = std::ranges::count(entry.effects, kind, &Effect::kind) - 1;
  return fmt::format("{} {}{}", to_string(kind), effect_words(*effect),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

// Why nothing could be compared: the first reason stands for the others.
std::string words_of_nothing(const LedgerEntry& entry) {
  if (entry.effects.empty()) return "inconclusive: nothing was measured";
  const Effect& first = entry.effects.front();
  return fmt::format("inconclusive: {}: {}: {}", first.of.label, first.cause, first.reason);
}

// "", "; 2 of 5 could not be told".
std::string words_of_the_rest(const LedgerEntry& entry) {
  const auto open = std::ranges::count(entry.effects, EffectKind::inconclusive, &Effect::kind);
  if (open == 0) return {};
  return fmt::format("; {} of {} could not be told", open, entry.effects.size());
}

// What was found, in words.
std::string findings(const LedgerEntry& entry, const std::string& helps, const std::string& hurts) {
  if (entry.inconclusive()) return words_of_nothing(entry);
  const std::string rest = words_of_the_rest(entry);
  if (helps.empty() && hurts.empty()) return "no measurable effect" + rest;
  return helps + (helps.empty() || hurts.empty() ? "" : "; ") + hurts + rest;
}

void decide(LedgerEntry& entry) {
  const std::string helps = words_of(entry, EffectKind::helps);
  const std::string hurts = words_of(entry, EffectKind::hurts);
  const std::string found = findings(entry, helps, hurts);
  if (!helps.empty() && hurts.empty()) {
    entry.decision = Decision::kept_helps;
    entry.reason = found;
  } else if (entry.group.required) {
    entry.decision = Decision::kept_required;
    entry.reason = "the profile requires it; " + found;
  } else {
    entry.decision = !hurts.empty()         ? Decision::undone_hurts
                     : entry.inconclusive() ? Decision::undone_inconclusive
                                            : Decision::undone_no_effect;
    entry.reason = (hurts.empty() ? "merely advised; " : "") + found;
  }
}

bool is_undone(Decision decision) {
  return decision == Decision::undone_hurts || decision == Decision::undone_no_effect ||
         decision == Decision::undone_inconclusive;
}

// One proof on its way.
class Prover {
 public:
  Prover(Host& host, tuner::Transaction& transaction, const profiles::Profile& profile,
         ProofMeter* meter, const ProveOptions& options, ProveReport& report)
      : host_(host),
        transaction_(transaction),
        profile_(profile),
        meter_(meter),
        options_(options),
        report_(report) {}

  // Proves each group. False: everything must be put back, and why() says for what where the
  // transaction does not.
  bool prove_all(const std::vector<ProofGroup>& groups);
  // Makes what was kept last, and closes the transaction.
  bool keep();
  const std::string& why() const { return why_; }
  // What a person should know beside the ledger.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  bool prove_one(LedgerEntry& entry);
  bool compare(LedgerEntry& entry);
  bool by_turns(const ProofGroup& group, const std::vector<std::size_t>& rows);
  void tell(const std::string& line) const;
  bool turn(Side side, const std::vector<std::size_t>& rows);
  bool measure(Side side, unsigned rounds, bool& more);
  std::vector<std::size_t> changed_rows(const ProofGroup& group) const;
  profiles::Profile kept_profile();

  Host& host_;
  tuner::Transaction& transaction_;
  const profiles::Profile& profile_;
  ProofMeter* meter_;
  const ProveOptions& options_;
  ProveReport& report_;
  Side now_ = Side::before;
  std::string place_;  // "group 3 of 12: "
  std::string why_;
  std::vector<std::string> notes_;
};

std::vector<std::size_t> Prover::changed_rows(const ProofGroup& group) const {
  std::vector<std::size_t> rows;
  for (const std::size_t row : group.rows) {
    if (transaction_.plan().rows[row].state == RowState::changed) rows.push_back(row);
  }
  return rows;
}

bool Prover::measure(Side side, unsigned rounds, bool& more) {
  const auto measured = meter_->measure(side, rounds);
  if (!measured) {
    why_ = measured.error().message();
    return false;
  }
  more = *measured;
  const std::atomic<bool>* stop = options_.apply.stop;
  if (stop == nullptr || !stop->load()) return true;
  transaction_.stop();
  return false;
}

bool Prover::turn(Side side, const std::vector<std::size_t>& rows) {
  if (side == now_) return true;
  now_ = side;
  if (side == Side::before) return transaction_.take_back(rows);
  if (!transaction_.make(rows)) return false;
  for (const std::size_t index : rows) {
    const tuner::PlanRow& row = transaction_.plan().rows[index];
    if (row.state == RowState::changed) continue;
    why_ = fmt::format("{} on {} could be set once and not again: {}", row.setting->id, row.target,
                       row.note);
    return false;
  }
  return true;
}

void Prover::tell(const std::string& line) const {
  if (options_.on_progress) options_.on_progress(place_ + line);
}

// A B B A A B B A: a drift hits both sides alike, and both meet the host as often right after a
// change as a block later.
bool Prover::by_turns(const ProofGroup& group, const std::vector<std::size_t>& rows) {
  bool more = true;
  for (unsigned pair = 0; pair < meter_->rounds() && more; ++pair) {
    const Side first = pair % 2 == 0 ? Side::before : Side::after;
    const Side second = pair % 2 == 0 ? Side::after : Side::before;
    tell(fmt::format("{}: pair {} of {}", group_name(group.settings), pair + 1, meter_->rounds()));
    for (const Side side : {first, second}) {
      if (!turn(side, rows) || !measure(side, 1, more)) return false;
    }
  }
  return true;
}

bool Prover::compare(LedgerEntry& entry) {
  bool more = true;
  const ProofGroup& group = entry.group;
  meter_->start(group.interleaved);
  if (!group.interleaved && !measure(Side::before, meter_->rounds(), more)) return false;
  if (!transaction_.make(group.rows) || !transaction_.check_again(profile_) ||
      !transaction_.required_rows_hold()) {
    return false;
  }
  now_ = Side::after;
  const std::vector<std::size_t> rows = changed_rows(group);
  if (rows.empty()) {
    const tuner::PlanRow& row = transaction_.plan().rows[group.rows.front()];
    entry.decision = Decision::not_applied;
    entry.reason = fmt::format("{}: {}", to_string(row.state), row.note);
    return true;
  }
  const bool measured =
      group.interleaved ? by_turns(group, rows) : measure(Side::after, meter_->rounds(), more);
  if (!measured) return false;
  entry.effects =
      judge_effects(meter_->limits(), meter_->results(Side::before), meter_->results(Side::after),
                    group.interleaved, report_.confidence_each);
  decide(entry);
  return is_undone(entry.decision) ? true : turn(Side::after, rows);
}

bool Prover::prove_one(LedgerEntry& entry) {
  if (!compare(entry)) return false;
  const bool dropped = entry.decision == Decision::not_applied && !entry.group.required;
  if (!is_undone(entry.decision) && !dropped) return true;
  // Also what is on of a row that failed half-way.
  if (!transaction_.take_back(entry.group.rows)) return false;
  transaction_.give_up(entry.group.rows, "undone: " + entry.reason);
  return true;
}

bool Prover::prove_all(const std::vector<ProofGroup>& groups) {
  for (const ProofGroup& group : groups) report_.ledger.push_back({.group = group});
  for (std::size_t i = 0; i < report_.ledger.size(); ++i) {
    LedgerEntry& entry = report_.ledger[i];
    place_ = fmt::format("group {} of {}: ", i + 1, report_.ledger.size());
    tell(group_name(entry.group.settings));
    const auto began = SteadyClock::now();
    const bool good = prove_one(entry);
    entry.took = Nanoseconds(SteadyClock::now() - began);
    if (!good) return false;
  }
  return true;
}

// What lasts is what was proven, or is required: nothing that was taken back, and nothing merely
// advised that only a boot could bring, for that was never measured.
profiles::Profile Prover::kept_profile() {
  profiles::Profile kept = profile_;
  for (const tuner::PlanRow& row : transaction_.plan().rows) {
    const bool unproven = row.state == RowState::pending_reboot;
    if (row.required || (!unproven && row.state != RowState::put_back)) continue;
    const auto dropped = std::erase_if(kept.settings, [&](const profiles::WantedSetting& wanted) {
      return wanted.id == row.setting->id;
    });
    if (dropped == 0 || !unproven) continue;
    notes_.push_back(fmt::format(
        "{} is merely advised and waits for a boot, so it was not measured and does not last",
        row.setting->id));
  }
  return kept;
}

bool Prover::keep() {
  if (!transaction_.check_again(profile_) || !transaction_.required_rows_hold()) return false;
  if (options_.plan.persist) {
    const profiles::Profile kept = kept_profile();
    auto again = tuner::make_plan(host_, probes::probe(host_), kept, options_.plan);
    if (!again) {
      why_ = again.error().message();
      return false;
    }
    if (!transaction_.make_lasting(std::move(again->lasting))) return false;
  }
  return transaction_.commit();
}

}  // namespace

std::string_view to_string(Decision decision) {
  static constexpr std::array<std::string_view, 7> kWords{
      "kept-helps",          "kept-required", "undone-hurts", "undone-no-effect",
      "undone-inconclusive", "not-applied",   "put-back"};
  return kWords[static_cast<std::size_t>(decision)];
}

bool LedgerEntry::has(EffectKind kind) const {
  return std::ranges::find(effects, kind, &Effect::kind) != effects.end();
}

bool LedgerEntry::inconclusive() const {
  return std::ranges::all_of(
      effects, [](const Effect& effect) { return effect.kind == EffectKind::inconclusive; });
}

double confidence_per_effect(double confidence, std::size_t groups, std::size_t limits) {
  const std::size_t shares = std::max<std::size_t>(1, groups) * std::max<std::size_t>(1, limits);
  return 1 - (1 - confidence) / static_cast<double>(shares);
}

Expected<ProveReport> prove(Host& host, tuner::Plan plan, const profiles::Profile& profile,
                            tuner::JournalFolder& folder, ProofMeter* meter,
                            const ProveOptions& options) {
  const auto began = SteadyClock::now();
  const std::vector<ProofGroup> groups = proof_groups(plan);
  ProveReport report;
  report.confidence = profile.confidence;
  const std::size_t measurable = meter == nullptr ? 0 : meter->measurable();
  report.comparisons = groups.size() * measurable;
  report.confidence_each = confidence_per_effect(profile.confidence, groups.size(), measurable);
  if (plan.empty()) {
    report.tuned.plan = std::move(plan);
    return report;
  }
  plan.lasting.clear();  // planned anew from what is kept
  auto transaction = tuner::Transaction::begin(host, std::move(plan), folder, options.apply);
  if (!transaction) return Failure(transaction.error());
  Prover prover(host, *transaction, profile, meter, options, report);
  if (prover.prove_all(groups) && prover.keep()) {
    report.tuned = std::move(*transaction).report();
    std::ranges::copy(prover.notes(), std::back_inserter(report.tuned.plan.notes));
  } else {
    const std::string why = prover.why();
    report.tuned = std::move(*transaction).put_back(why);
    for (LedgerEntry& entry : report.ledger) {
      if (is_undone(entry.decision) || entry.decision == Decision::not_applied) continue;
      entry.decision = Decision::put_back;
      entry.reason = "everything was put back" +
                     (entry.reason.empty() ? std::string() : "; measured: " + entry.reason);
    }
  }
  report.took = Nanoseconds(SteadyClock::now() - began);
  return report;
}

}  // namespace assay::certify
