// What a diagnosis (converter/diagnose.h) says to users and scripts.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "converter/diagnose.h"
#include "engine/graph.h"

namespace octet::cli {

/// "conv3 (Conv) alone leaves 12.3 dB at the outputs, 80 % of all damage: outlier channel: channel 7 of 32 reaches ...".
[[nodiscard]] std::string sentence(const Graph& quantized, const LayerDiagnosis& layer);

/// "--calibrator percentile would leave 28.1 dB", or nothing.
[[nodiscard]] std::string advice(const LayerDiagnosis& layer);

/// Worst first: sentences and advice for the layers worth it.
[[nodiscard]] std::string paragraph(const Graph& quantized, const Diagnosis& diagnosis);

/// {name op damage_db damage_share cause detail fix fixed_db}.
[[nodiscard]] nlohmann::json to_json(const Graph& quantized, const LayerDiagnosis& layer);

}  // namespace octet::cli
