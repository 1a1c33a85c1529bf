// The measuring half of a proof: one side of a comparison at a time, as often as it is asked for.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "certify/prove.hpp"
#include "certify/prove_effects.hpp"
#include "core/error.hpp"
#include "engine/measurement.hpp"
#include "engine/technique.hpp"

namespace assay::certify {

// Without the group of settings, and with it.
enum class Side : std::uint8_t { before, after };

// What prove() measures with; tests put a simulated one in its place. Used by one thread.
class ProofMeter {
 public:
  virtual ~ProofMeter() = default;
  // What is compared, fixed for the whole proof.
  virtual const std::vector<ProofLimit>& limits() const = 0;
  // How many of them can be measured here: what alpha is shared over.
  virtual std::size_t measurable() const = 0;
  // Blocks that each side of a group shall have.
  virtual unsigned rounds() const = 0;
  // Forgets the group before.
  virtual void start(bool by_turns) = 0;
  // Adds rounds to a side. False: there is no more time for this group, or the caller's stop flag
  // was seen. Errors: only when nothing can be measured any more.
  virtual Expected<bool> measure(Side side, unsigned rounds) = 0;
  // One a series.
  virtual std::vector<engine::Measurement> results(Side side) const = 0;
};

struct HostMeterOptions {
  std::size_t groups = 1;  // that will be measured: they share what may be written
  Nanoseconds time{0};     // for each of them
  double confidence = 0;   // of all comparisons together
  const std::atomic<bool>* stop = nullptr;
  std::function<void(std::string_view)> on_progress;  // one line, for a terminal
  std::span<const engine::Technique> techniques;      // empty: the catalogue
  std::string lock_path;                              // empty: HostLock::default_path()
};

// Measures this host: makes the test files, and runs a short pilot that tells how long blocks must
// be. Takes the lock on measuring, and holds it. Errors: those of certify().
Expected<std::unique_ptr<ProofMeter>> open_host_meter(const Host& host,
                                                      const profiles::Profile& profile,
                                                      const HostMeterOptions& options);

// What a proof would measure on a host, or on a capture of one. Reads only. Errors: invalid, for a
// budget that cannot be understood, or a profile without budgets.
Expected<std::vector<ProofLimit>> proof_limits(const Host& host, const probes::Inventory& inventory,
                                               const profiles::Profile& profile);

// 1 - (1 - confidence) / (groups x limits): the confidence of each interval of a proof.
double confidence_per_effect(double confidence, std::size_t groups, std::size_t limits);

}  // namespace assay::certify
