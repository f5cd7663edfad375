#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// ASSERT_OK(result) and EXPECT_OK(result) show the error's message; EXPECT_ERROR(result, kind, matcher) wants
// an error of that kind whose message matches: EXPECT_ERROR(read_file("/no"), ErrorKind::not_found,
// HasSubstr("/no")).
#define ASSERT_OK(expression)                                                           \
  do {                                                                                  \
    const auto& gantry_ok = (expression);                                               \
    ASSERT_TRUE(bool(gantry_ok)) << #expression << ": " << gantry_ok.error().message(); \
  } while (false)
#define EXPECT_OK(expression)                                                           \
  do {                                                                                  \
    const auto& gantry_ok = (expression);                                               \
    EXPECT_TRUE(bool(gantry_ok)) << #expression << ": " << gantry_ok.error().message(); \
  } while (false)
#define EXPECT_ERROR(expression, expected_kind, matcher)                                       \
  do {                                                                                         \
    const auto& gantry_error = (expression);                                                   \
    EXPECT_FALSE(bool(gantry_error)) << #expression << " succeeded";                           \
    if (!gantry_error) {                                                                       \
      EXPECT_EQ(gantry_error.error().kind(), expected_kind) << gantry_error.error().message(); \
      EXPECT_THAT(gantry_error.error().message(), matcher);                                    \
    }                                                                                          \
  } while (false)
