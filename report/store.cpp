#include "report/store.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "report/database.hpp"

namespace assay::report {
namespace {

// "assy": tells a store of ours from any other SQLite file (PRAGMA application_id).
constexpr std::int64_t kApplicationId = 0x61737379;
constexpr std::int64_t kSchemaVersion = 1;

// Documents are whole: columns beside them only save reading a megabyte to print one line.
constexpr const char* kCreate =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS certificates("
    "  id TEXT PRIMARY KEY, issued TEXT NOT NULL, host TEXT NOT NULL, profile TEXT NOT NULL,"
    "  verdict TEXT NOT NULL, exit_code INTEGER NOT NULL, partial INTEGER NOT NULL,"
    "  identity_digest TEXT NOT NULL, configuration_digest TEXT NOT NULL,"
    "  profile_digest TEXT NOT NULL, document TEXT NOT NULL) STRICT;"
    "CREATE INDEX IF NOT EXISTS certificates_by_time ON certificates(issued, id);"
    "PRAGMA application_id = 0x61737379;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

Expected<void> make_directory_of(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return fail_errno(error.value(), "create directory", directory.string(),
                      "give another file with --store");
  }
  return {};
}

// Makes the tables of an empty file; refuses a file that is something else.
Expected<void> set_up(const Database& database, const std::string& path) {
  const auto application = database.pragma("application_id");
  if (!application) return std::unexpected(application.error());
  const auto version = database.pragma("user_version");
  if (!version) return std::unexpected(version.error());
  const auto pages = database.pragma("page_count");
  if (!pages) return std::unexpected(pages.error());
  if (*pages == 0) return database.run(kCreate);
  if (*application != kApplicationId) {
    return fail(ErrorCode::invalid, "open store", path, "a database, but not a store of assay",
                "give another file with --store, or ASSAY_STORE");
  }
  if (*version > kSchemaVersion) {
    return fail(ErrorCode::invalid, "open store", path,
                fmt::format("made by a newer assay (version {}, this one knows {})", *version,
                            kSchemaVersion),
                "use that assay, or give another file with --store");
  }
  return {};
}

std::string home_directory() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return home;
  const struct passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr && entry->pw_dir != nullptr ? entry->pw_dir : "/tmp";
}

// The n of "latest" (0) and "latest-n"; -1 for anything else.
std::int64_t latest_number(const std::string& id) {
  constexpr std::string_view kLatest = "latest";
  if (id == kLatest) return 0;
  if (!id.starts_with("latest-")) return -1;
  const auto number = parse_uint(id.substr(kLatest.size() + 1));
  return number && *number < 1'000'000 ? static_cast<std::int64_t>(*number) : -1;
}

}  // namespace

struct Store::Impl {
  Database database;
  std::string path;
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

std::string Store::default_path() {
  const char* given = std::getenv("ASSAY_STORE");
  if (given != nullptr && given[0] != '\0') return given;
  if (::geteuid() == 0) return "/var/lib/assay/assay.db";
  const char* data = std::getenv("XDG_DATA_HOME");
  const std::string base =
      data != nullptr && data[0] == '/' ? std::string(data) : home_directory() + "/.local/share";
  return base + "/assay/assay.db";
}

Expected<Store> Store::open(const std::string& path) {
  if (auto made = make_directory_of(path); !made) return std::unexpected(made.error());
  auto database = Database::open(path);
  if (!database) return std::unexpected(database.error());
  if (auto ready = set_up(*database, path); !ready) return std::unexpected(ready.error());
  return Store(std::make_unique<Impl>(Impl{std::move(*database), path}));
}

Expected<void> Store::add(const certify::Certificate& certificate, const std::string& document) {
  // One INSERT is one transaction of its own.
  auto insert = impl_->database.prepare(
      "INSERT INTO certificates VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
  if (!insert) return std::unexpected(insert.error());
  const std::string issued = certify::format_time(certificate.issued);
  insert->bind(1, certificate.id)
      .bind(2, issued)
      .bind(3, certificate.inventory.host_name)
      .bind(4, certificate.profile_name)
      .bind(5, to_string(certificate.verdict))
      .bind(6, static_cast<std::int64_t>(certificate.exit_code()))
      .bind(7, static_cast<std::int64_t>(certificate.partial))
      .bind(8, certificate.digests.identity)
      .bind(9, certificate.digests.configuration)
      .bind(10, certificate.profile_digest)
      .bind(11, document);
  auto done = insert->step();
  if (!done) return std::unexpected(done.error());
  return {};
}

Expected<std::vector<StoredCertificate>> Store::list(std::size_t limit) const {
  auto select = impl_->database.prepare(
      "SELECT id, issued, host, profile, verdict, partial, configuration_digest FROM certificates "
      "ORDER BY issued DESC, rowid DESC LIMIT ?1");
  if (!select) return std::unexpected(select.error());
  select->bind(1, static_cast<std::int64_t>(limit));
  std::vector<StoredCertificate> all;
  while (true) {
    auto row = select->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return all;
    all.push_back({select->text(0), select->text(1), select->text(2), select->text(3),
                   select->text(4), select->number(5) != 0, select->text(6)});
  }
}

Expected<std::string> Store::document(const std::string& id) const {
  const std::int64_t back = latest_number(id);
  auto select = impl_->database.prepare(
      back >= 0 ? "SELECT id, document FROM certificates ORDER BY issued DESC, rowid DESC "
                  "LIMIT 1 OFFSET ?1"
                : "SELECT id, document FROM certificates WHERE substr(id, 1, length(?1)) = ?1 "
                  "ORDER BY length(id) LIMIT 2");
  if (!select) return std::unexpected(select.error());
  if (back >= 0) {
    select->bind(1, back);
  } else {
    select->bind(1, std::string_view(id));
  }
  auto row = select->step();
  if (!row) return std::unexpected(row.error());
  if (!*row || id.empty()) {
    return fail(ErrorCode::absent, "find certificate", id, "there is none in " + impl_->path,
                "see `assay history`");
  }
  const std::string found = select->text(0);
  std::string document = select->text(1);
  if (back >= 0 || found == id) return document;
  row = select->step();
  if (!row) return std::unexpected(row.error());
  if (*row) {
    return fail(ErrorCode::invalid, "find certificate", id,
                fmt::format("{} and {} begin so", found, select->text(0)), "give more of the id");
  }
  return document;
}

}  // namespace assay::report
