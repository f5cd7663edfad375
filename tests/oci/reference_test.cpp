#include "oci/reference.h"

#include "tests/support/results.h"

namespace gantry::oci {
namespace {

using testing::HasSubstr;

const std::string hex(64, 'a');

struct Case {
  std::string text, whole, familiar, host;
};

TEST(Reference, NormalisesAsDockerDoes) {
  const Case cases[] = {
      {"debian", "docker.io/library/debian:latest", "debian:latest", "docker.io"},
      {"debian:12", "docker.io/library/debian:12", "debian:12", "docker.io"},
      {"user/app", "docker.io/user/app:latest", "user/app:latest", "docker.io"},
      {"docker.io/debian", "docker.io/library/debian:latest", "debian:latest", "docker.io"},
      {"index.docker.io/debian:1", "docker.io/library/debian:1", "debian:1", "docker.io"},
      {"library/debian", "docker.io/library/debian:latest", "debian:latest", "docker.io"},
      {"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest", "docker.io"},
      {"docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest", "docker.io"},
      {"docker.io/localhost/c", "docker.io/localhost/c:latest", "docker.io/localhost/c:latest", "docker.io"},
      {"localhost/app", "localhost/app:latest", "localhost/app:latest", "localhost"},
      {"127.0.0.1:5000/ns1/web:v1", "127.0.0.1:5000/ns1/web:v1", "127.0.0.1:5000/ns1/web:v1",
       "127.0.0.1:5000"},
      {"[::1]:5000/web", "[::1]:5000/web:latest", "[::1]:5000/web:latest", "[::1]:5000"},
      {"quay.io/a/b_c/d--e@sha256:" + hex, "quay.io/a/b_c/d--e@sha256:" + hex,
       "quay.io/a/b_c/d--e@sha256:" + hex, "quay.io"},
      {"web:v1@sha256:" + hex, "docker.io/library/web:v1@sha256:" + hex, "web:v1@sha256:" + hex, "docker.io"},
  };
  for (const auto& c : cases) {
    const auto reference = Reference::parse(c.text);
    ASSERT_OK(reference);
    EXPECT_EQ(reference->string(), c.whole);
    EXPECT_EQ(reference->familiar(), c.familiar);
    EXPECT_EQ(reference->host, c.host);
  }
}

TEST(Reference, RefusesWhatIsNoReference) {
  const std::string cases[] = {"",
                               "Web",
                               "a//b",
                               "/a",
                               "a/",
                               "a:",
                               "a:.x",
                               "a:b:c",
                               "-a",
                               "a___b",
                               "a..b",
                               "a b",
                               "a@sha256:12",
                               "a@md5:" + hex,
                               "../a",
                               "a/../b",
                               "h.io:x/a",
                               std::string(300, 'a'),
                               "a@sha256:../../../../etc/passwd",
                               "a:" + std::string(129, 't')};
  for (const auto& text : cases) {
    EXPECT_ERROR(Reference::parse(text), ErrorKind::invalid, HasSubstr("invalid image reference"));
  }
}

TEST(Digest, AcceptsOnlyWhatIsSafeAsAFileName) {
  EXPECT_OK(Digest::parse("sha256:" + hex));
  EXPECT_OK(Digest::parse("sha512:" + hex + hex));
  for (const std::string& text :
       {std::string("sha256:" + hex + "0"), std::string("sha256:../../" + hex.substr(6)),
        std::string("sha256:" + std::string(64, 'A')), std::string("sha256"), std::string("sha1:" + hex),
        std::string("sha256:" + hex.substr(1) + "/")}) {
    EXPECT_ERROR(Digest::parse(text), ErrorKind::invalid, HasSubstr("digest must be"));
  }
}

}  // namespace
}  // namespace gantry::oci
