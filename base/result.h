#pragma once

#include "base/format.h"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace gantry {

// What went wrong, for code that must decide; the message is for people.
enum class ErrorKind {
  invalid,          // the caller's input breaks a rule
  not_found,        // the named thing isn't there
  exists,           // the named thing is already there
  unsupported,      // understood, but this host or version can't honour it
  denied,           // authenticated or not, this isn't allowed
  unauthenticated,  // wrong, missing or expired credentials
  conflict,         // the thing's state doesn't allow this now
  unavailable,      // a peer can't be reached or says "later": retrying may help
  timeout,          // a deadline passed
  corrupt,          // data doesn't match its digest, its checksum or its format
  system,           // a system call failed; system_errno() says how
};

// An error carries what was tried, on what, and errno or the JSON path. Context is added once, where the
// name of the thing is known, and reads outermost first: "mount /data: open destination: Permission denied".
class [[nodiscard]] Error {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

  template <class... Args>
  static Error make(ErrorKind kind, fmt::format_string<Args...> text, Args&&... args) {
    return {kind, format(text, std::forward<Args>(args)...)};
  }

  // "SOURCE: PATH: RULE", such as "config.json: $.root.path: must not be empty, found \"\"".
  template <class... Args>
  static Error invalid(std::string_view source, std::string_view path, fmt::format_string<Args...> rule,
                       Args&&... args) {
    return {ErrorKind::invalid,
            format("{}: {}: {}", source, path, format(rule, std::forward<Args>(args)...))};
  }

  // "WHAT: strerror(error)". The kind is derived from errno: ENOENT is not_found, EEXIST exists, EACCES and
  // EPERM denied, ETIMEDOUT timeout, all others system. Pass errno itself, read on the line after the call.
  template <class... Args>
  static Error system(int error, fmt::format_string<Args...> what, Args&&... args) {
    return from_errno(error, format(what, std::forward<Args>(args)...));
  }

  ErrorKind kind() const { return kind_; }
  int system_errno() const { return errno_; }  // 0 when no system call was involved
  const std::string& message() const { return message_; }

  template <class... Args>
  Error context(fmt::format_string<Args...> text, Args&&... args) && {
    message_ = format("{}: {}", format(text, std::forward<Args>(args)...), message_);
    return std::move(*this);
  }

 private:
  static Error from_errno(int error, std::string what);

  ErrorKind kind_;
  int errno_ = 0;
  std::string message_;
};

// A value or an Error. Take the value with TRY, or ask with `if (!result)`.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }
  T value_or(T fallback) && { return *this ? std::move(*this).value() : std::move(fallback); }

  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

  template <class... Args>
  Result context(fmt::format_string<Args...> text, Args&&... args) && {
    if (*this) return std::move(*this);
    return std::move(*this).error().context(text, std::forward<Args>(args)...);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_.has_value(); }
  void value() const {}
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

  template <class... Args>
  Result context(fmt::format_string<Args...> text, Args&&... args) && {
    if (*this) return {};
    return std::move(*this).error().context(text, std::forward<Args>(args)...);
  }

 private:
  std::optional<Error> error_;
};

// TRY(expression) is the value of a Result, or returns its Error from the enclosing function.
#define TRY(...)                                                         \
  ({                                                                     \
    auto&& gantry_try_result = (__VA_ARGS__);                            \
    if (!gantry_try_result) return std::move(gantry_try_result).error(); \
    std::move(gantry_try_result).value();                                \
  })

}  // namespace gantry
