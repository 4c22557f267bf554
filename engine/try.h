// Early return of errors inside the project; not part of the public API.
#pragma once

#include "octet/result.hpp"

/// Returns the error of a Result<void> expression from the enclosing function.
#define OCTET_CHECK(expression)                                     \
  do {                                                              \
    if (auto octet_result_ = (expression); !octet_result_)          \
      return std::move(octet_result_).error();                      \
  } while (false)

#define OCTET_CONCAT_(a, b) a##b
#define OCTET_CONCAT(a, b) OCTET_CONCAT_(a, b)

/// `OCTET_TRY(auto x, f())`: x is the value of the Result f() returned, or its error is returned.
#define OCTET_TRY(declaration, expression) \
  OCTET_TRY_(OCTET_CONCAT(octet_result_, __LINE__), declaration, expression)
#define OCTET_TRY_(result, declaration, expression)    \
  auto result = (expression);                          \
  if (!result) return std::move(result).error();       \
  declaration = std::move(*result)
