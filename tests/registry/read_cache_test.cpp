#include "registry/read_cache.h"

#include "tests/support/results.h"

namespace gantry::registry {
namespace {

TEST(ReadCache, KeepsWhatWasReadUntilItIsForgotten) {
  ReadCache<std::string> cache(10);
  EXPECT_EQ(cache.find("a"), nullptr);
  cache.keep("a", "1", cache.generation());
  ASSERT_NE(cache.find("a"), nullptr);
  EXPECT_EQ(*cache.find("a"), "1");
  cache.forget("a");
  EXPECT_EQ(cache.find("a"), nullptr);
}

TEST(ReadCache, DoesntKeepWhatWasReadBeforeAChange) {
  ReadCache<std::string> cache(10);
  const auto before = cache.generation();
  cache.forget("a");  // a writer's, between the reader's read and its keep
  cache.keep("a", "old", before);
  EXPECT_EQ(cache.find("a"), nullptr);
  const auto again = cache.generation();
  cache.forget_all();
  cache.keep("a", "old", again);
  EXPECT_EQ(cache.find("a"), nullptr);
}

TEST(ReadCache, IsBounded) {
  ReadCache<int> cache(3);
  for (int i = 0; i < 100; ++i) cache.keep(std::to_string(i), i, cache.generation());
  int found = 0;
  for (int i = 0; i < 100; ++i) found += cache.find(std::to_string(i)) ? 1 : 0;
  EXPECT_LE(found, 3);
  EXPECT_EQ(*cache.find("99"), 99);
}

}  // namespace
}  // namespace gantry::registry
