// Certificates from hostile text. Nothing may crash, hang or leave the limits; what is accepted can
// be judged, written and read again.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "certify/certificate.hpp"
#include "certify/json_text.hpp"
#include "fuzz.hpp"
#include "report/compare.hpp"
#include "report/render.hpp"

namespace assay::fuzz {

void fuzz_one(std::string_view input) {
  const auto certificate = certify::certificate_from_json(std::string(input));
  if (!certificate) {
    require(certificate.error().code == ErrorCode::invalid, "a bad certificate is invalid");
    require(!certificate.error().cause.empty(), "an error has its cause");
    return;
  }
  require(!report::certificate_text(*certificate, {}).empty(), "what is accepted can be printed");
  const std::string written = certify::json_text(certify::to_json(*certificate));
  const auto again = certify::certificate_from_json(written);
  require(again.has_value(), "what is written can be read");
  require(again->id == certificate->id, "the id is kept");
  require(again->measurements.size() == certificate->measurements.size(), "nothing is lost");
  (void)report::compare(*certificate, *again, 0.95);
}

}  // namespace assay::fuzz
