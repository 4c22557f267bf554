// Early return of errors inside the project; not part of the public API.
#pragma once

#include "octet/result.hpp"

#define OCTET_CONCAT_(a, b) a##b
#define OCTET_CONCAT(a, b) OCTET_CONCAT_(a, b)

/// Returns the error of a Result<void> expression from the enclosing function. May stand in a lambda inside another one.
#define OCTET_CHECK(expression) OCTET_CHECK_(OCTET_CONCAT(octet_result_, __COUNTER__), expression)
#define OCTET_CHECK_(result, expression)                                 \
  do {                                                                   \
    if (auto result = (expression); !result) return std::move(result).error(); \
  } while (false)

/// `OCTET_TRY(auto x, f())`: x is the value of the Result f() returned, or its error is returned.
#define OCTET_TRY(declaration, expression) OCTET_TRY_(OCTET_CONCAT(octet_result_, __COUNTER__), declaration, expression)
#define OCTET_TRY_(result, declaration, expression) \
  auto result = (expression);                       \
  if (!result) return std::move(result).error();    \
  declaration = std::move(*result)
