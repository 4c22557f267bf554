// The end of a conversion: what it cost at the outputs, and a warning where that is much.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "converter/diagnose.h"
#include "engine/graph.h"

namespace octet::cli {

/// SQNR of the outputs below which a user is warned: predictions begin to change.
inline constexpr double kLowSqnrDb = 20;

struct Estimate {
  double sqnr_db = 0;
  std::optional<LayerDiagnosis> worst;  ///< where the SQNR is low
};

/// On part of the calibration data, which are real values. The worst layer is looked for only where the SQNR is low.
[[nodiscard]] Result<Estimate> estimate(const Model& converted, const Model& real, const Samples& samples, int threads);

/// Two sentences for stderr; empty where all is well.
[[nodiscard]] std::string warning(const Graph& converted, const Estimate& estimate);

/// "output": {sqnr_db}, "worst_layer": as verify's diagnosis; null where there is none.
void add_to(nlohmann::json& report, const Graph& converted, const std::optional<Estimate>& estimate);

}  // namespace octet::cli
