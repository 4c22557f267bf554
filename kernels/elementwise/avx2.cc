// No header's inline function may be instantiated here: it would be wide code under a baseline name.
#include "kernels/elementwise/body.h"
#include "kernels/u8_avx2.h"

namespace octet::kernels {

void add_rows_avx2(const AddU8& add, const BinaryRows& rows) noexcept;
void mul_rows_avx2(const MulU8& mul, const BinaryRows& rows) noexcept;

void add_rows_avx2(const AddU8& add, const BinaryRows& rows) noexcept { add_rows<Avx2>(add, rows); }
void mul_rows_avx2(const MulU8& mul, const BinaryRows& rows) noexcept { mul_rows<Avx2>(mul, rows); }

}  // namespace octet::kernels
