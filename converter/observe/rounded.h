// Rounding that compilers vectorize on any x86-64.
#pragma once

namespace octet {

/// rne(x) for |x| < 2^51 in round-to-nearest mode.
[[nodiscard]] inline double rounded(double x) noexcept {
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52
  return (x + kMagic) - kMagic;
}

}  // namespace octet
