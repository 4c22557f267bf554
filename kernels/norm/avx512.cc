// No header's inline function may be instantiated here: it would be wide code under a baseline name.
#include "kernels/norm/body.h"
#include "kernels/u8_avx512.h"

namespace octet::kernels {

void layer_norm_rows_avx512(const LayerNormU8& norm, std::int64_t begin, std::int64_t end) noexcept;

void layer_norm_rows_avx512(const LayerNormU8& norm, std::int64_t begin, std::int64_t end) noexcept { layer_norm_rows<Avx512>(norm, begin, end); }

}  // namespace octet::kernels
