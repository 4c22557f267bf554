// No header's inline function may be instantiated here: it would be wide code under a baseline name.
#include "kernels/lut/body.h"
#include "kernels/u8_avx512.h"

namespace octet::kernels {

bool quantize_f32_avx512(const QuantizeF32& quantize) noexcept;
void dequantize_u8_avx512(const DequantizeU8& dequantize) noexcept;

bool quantize_f32_avx512(const QuantizeF32& quantize) noexcept { return quantize_run<Avx512>(quantize); }
void dequantize_u8_avx512(const DequantizeU8& dequantize) noexcept { dequantize_run<Avx512>(dequantize); }

}  // namespace octet::kernels
