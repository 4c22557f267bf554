// What docs/operators.md says of every ONNX operator that is imported.
#pragma once

#include <span>
#include <string>

namespace octet {

/// What an operator's arithmetic is in a quantized model.
enum class Int8 {
  yes,    ///< u8, and where there are weights s8
  no,     ///< stays in float, and the file says why
  moves,  ///< whatever its input is: nothing is computed
  whole,  ///< integers or bools: never was float
  gone    ///< is computed at conversion, or is nothing at inference
};

struct Support {
  const char* onnx_operator;
  const char* becomes;  ///< names of Octet's operators
  Int8 int8;
  const char* notes;  ///< what is and what is not taken
};

/// A row for each operator that has an importer, by name. tests/converter_support_test.cc holds each against the converter.
[[nodiscard]] std::span<const Support> supported_operators();

/// The rows as a table in Markdown, and behind it one of the expansions (expansions.h).
[[nodiscard]] std::string support_table();

}  // namespace octet
