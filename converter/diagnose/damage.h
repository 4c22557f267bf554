// What quantized layers do to the outputs of an otherwise float model.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "converter/diagnose/layer.h"
#include "converter/diagnose/recording.h"

namespace octet {

/// Stands for "no error", in dB.
inline constexpr double kNoError = 200;

/// 10 log10(signal / noise), within +-kNoError.
[[nodiscard]] double decibel(double signal, double noise) noexcept;

/// The outputs' noise-to-signal ratio (the mean of the f32 outputs') with one layer in this form and all others in float. Runs
/// nothing but what follows the layer.
[[nodiscard]] Result<double> damage(const Recording& recording, const QuantizedLayer& layer, const LayerForm& form);

/// damage() of every layer in its own form, on several threads; the result does not depend on them.
[[nodiscard]] Result<std::vector<double>> damages(const Recording& recording, const std::vector<QuantizedLayer>& layers, int threads,
                                                  const std::function<void(std::int64_t)>& progress);

/// Calls visit(exact, changed) with the layer's own output before it is quantized, of every chunk: with the float constants, and
/// with those of `form`.
[[nodiscard]] Result<void> compare_layer(const Recording& recording, const QuantizedLayer& layer, const LayerForm& form,
                                         const std::function<void(std::span<const float>, std::span<const float>)>& visit);

}  // namespace octet
