// What this machine can at most, on one core, measured when asked.
#pragma once

#include <span>

#include "kernels/isa.h"

namespace octet_benchmarks {

/// A dot-product instruction Octet's kernels use.
struct Dot {
  octet::kernels::Isa isa;  ///< the least that has it
  const char* name;         ///< "avx512vnni_gmacs"
  void (*run)() noexcept;
  double macs;  ///< of one call of run()
};

/// Those of every instruction set, whatever this CPU is.
[[nodiscard]] std::span<const Dot> dots() noexcept;

/// Giga multiply-accumulates a second of an instruction this CPU has.
[[nodiscard]] double gmacs(const Dot& dot);

/// Gigabytes a second read from L2.
[[nodiscard]] double l2_gigabytes();

}  // namespace octet_benchmarks
