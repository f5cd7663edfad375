#include "oci/reference.h"
#include "tests/fuzz/fuzz.h"

// An image's name, and a digest: what is taken is safe as a part of a path and of a URL.

namespace {

using namespace gantry;
using namespace gantry::oci;

void check_path(const Reference& reference) {
  if (!is_valid_repository_path(reference.path)) fuzz::fail("no repository: " + reference.path);
  if (!reference.tag.empty() && !is_valid_tag(reference.tag)) fuzz::fail("no tag: " + reference.tag);
  const std::string whole = reference.string();
  if (whole.find("..") != std::string::npos && reference.path.find("..") != std::string::npos) {
    fuzz::fail("a path that leads up: " + whole);
  }
  for (const unsigned char letter : whole) {
    if (letter <= ' ' || letter >= 0x7f) fuzz::fail("a character that no name has: " + whole);
  }
}

}  // namespace

FUZZ_TARGET(text) {
  if (const auto digest = Digest::parse(text)) {
    if (digest->string() != text) fuzz::fail("another digest");
    if (digest->hex().find_first_not_of("0123456789abcdef") != std::string::npos) fuzz::fail("no hex");
  }
  const auto reference = Reference::parse(text);
  if (!reference) return;
  check_path(*reference);
  const auto again = fuzz::must(Reference::parse(reference->string()));
  if (!(again == *reference)) fuzz::fail("written and read it is another: " + reference->string());
  const auto familiar = fuzz::must(Reference::parse(reference->familiar()));
  if (familiar.name() != reference->name()) fuzz::fail("as printed it is another: " + reference->familiar());
}
