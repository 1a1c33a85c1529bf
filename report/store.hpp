// The store of past certificates: one SQLite file, embedded.
//
// /var/lib/assay/assay.db for root, ~/.local/share/assay/assay.db for others (ASSAY_STORE
// overrides). Whole certificates are kept, with the columns that lists and trends need beside them.
// One writer at a time; SQLite's locking serves several processes. Not for two threads at once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "certify/certificate.hpp"
#include "core/error.hpp"

namespace assay::report {

// One line of the list; times as in the document.
struct StoredCertificate {
  std::string id, issued, host, profile, verdict;
  bool partial = false;
  std::string configuration_digest;
};

class Store {
 public:
  // Creates it, and its directory, when missing. Errors: denied, invalid (not a store of ours, or
  // one that a newer assay made), busy, exhausted, io (damaged).
  static Expected<Store> open(const std::string& path);
  static std::string default_path();

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // The document is stored as given. One transaction: all of it or nothing. Error: invalid when
  // there is one with this id already.
  Expected<void> add(const certify::Certificate& certificate, const std::string& document);
  Expected<std::vector<StoredCertificate>> list(std::size_t limit = 100) const;  // newest first
  // By id, by unique prefix, or by "latest", "latest-1", ... Error: absent or invalid (ambiguous).
  Expected<std::string> document(const std::string& id) const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace assay::report
