// Scales and zero-points as ONNX's quantization operators state them.
#pragma once

#include <vector>

#include "converter/onnx/importer.h"

namespace octet {

/// How one node quantizes a tensor: real = scales[c] * (q - zero_points[c]), q and the zero-points u8, s8 or, in a DequantizeLinear
/// only, s32. `axis` is -1 where there is one scale.
struct SourceQuantization {
  Type type = Type::u8;
  Quantization quant;

  [[nodiscard]] bool per_tensor() const noexcept { return quant.axis == -1; }
  /// The same for the u8 form: s8 values and zero-points have 128 added.
  [[nodiscard]] Quantization as_u8() const;
};

/// The source's type of a tensor: s8 tensors that have become u8 are s8.
[[nodiscard]] Type source_type(const Tensor& tensor) noexcept;

/// The shortest text that no other number has: "0.02", "1e-42".
[[nodiscard]] std::string text_of(float value);

/// The values of a constant scale; what is no positive normal f32 is an error.
[[nodiscard]] Result<std::vector<float>> read_scales(const NodeImport& node, std::size_t input);

/// Reads scale and zero-point from two constant inputs, `zero_point` being optional, for a tensor of shape `shape`; the type is the
/// zero-point's, or `fallback`. Channels that are all alike are one. Errors: scales that are not positive normal f32, counts that fit
/// neither a tensor nor its `axis`, a zero-point of another number or type than the scale needs, or outside its range.
[[nodiscard]] Result<SourceQuantization> read_quantization(const NodeImport& node, std::size_t scale, std::size_t zero_point, Type fallback,
                                                           const Shape& shape, std::int64_t axis);

/// The real values of constant integers, f32(q - z) * s, with `quantization` as their source form.
[[nodiscard]] Result<Tensor> dequantized(const Tensor& integers, const SourceQuantization& quantization);
/// clamp(rne(x / s) + z) of a constant; invalid where a value is NaN.
[[nodiscard]] Result<Tensor> quantized(const Tensor& real, const SourceQuantization& quantization);

/// The bytes of x, whatever they have stood for, as u8 under `quant`; `s8`: that are s8 in the source. Called after the node's output.
[[nodiscard]] Result<int> relabeled(NodeImport& node, int x, const Quantization& quant, bool s8, const std::string& suffix = "@u8");

/// The integers of a u8 or s8 activation, quantized or not, as f32.
[[nodiscard]] Result<int> as_numbers(NodeImport& node, int x);

}  // namespace octet
