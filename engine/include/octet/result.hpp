// Result<T>: a value or an Error, shaped like std::expected. No exception, print or abort leaves the library.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace octet {

/// What kind of thing went wrong. The values are the command line's exit codes.
enum class ErrorCode {
  invalid_argument = 2,  ///< the caller's options or tensors do not fit
  invalid_file = 3,      ///< a model or data file is missing, damaged or inconsistent
  unsupported = 4,       ///< valid, but beyond what this version can do
  run_failed = 5,        ///< something failed while running (memory, a library, a NaN where none may be)
};

/// One failure: what happened, and where ("lenet.octet", "node 12 'conv_3' (Conv)").
struct Error {
  ErrorCode code = ErrorCode::run_failed;
  std::string message;
  std::string where;

  /// "where: message", in one line.
  [[nodiscard]] std::string text() const { return where.empty() ? message : where + ": " + message; }

  /// The same error, seen from one level further out: `outer` is put in front of `where`.
  [[nodiscard]] Error in(const std::string& outer) && {
    where = where.empty() ? outer : outer + ": " + where;
    return std::move(*this);
  }
};

/// A T or an Error. Reading the one that is not there is undefined, as with std::expected: test first.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

  Error& error() & { return *std::get_if<1>(&state_); }
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace octet
