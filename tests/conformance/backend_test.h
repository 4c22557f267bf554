// One backend test of ONNX: a model, its inputs and the outputs it must give.
#pragma once

#include <string>

namespace octet::conformance {

/// Refused: import said that something is not supported.
enum class Verdict { passed, refused, failed };

[[nodiscard]] const char* name_of(Verdict verdict) noexcept;

struct Outcome {
  Verdict verdict = Verdict::passed;
  std::string reason;  ///< why not passed
};

/// Imports FOLDER/model.onnx, runs it with the scalar reference on test_data_set_0 and compares: |a - b| <= 1e-7 + 1e-3 |b|
/// for reals (equal infinities and NaNs agree), equality for everything else. Inputs that decide a shape (Reshape's shape,
/// Slice's starts ...) are given to the importer as constants.
[[nodiscard]] Outcome run_backend_test(const std::string& folder);

}  // namespace octet::conformance
