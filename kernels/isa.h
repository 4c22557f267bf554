// What this CPU can do, and the cap OCTET_ISA puts on it.
#pragma once

#include <span>
#include <string_view>

namespace octet::kernels {

/// Instruction sets kernels are written for, spelt in OCTET_ISA as here. They are partially ordered, a <= b meaning that a
/// CPU capped to b may run kernels of a:
///   reference <= avx2 <= avxvnni
///                avx2 <= avx512 <= avx512vnni <= amx
/// avxvnni (VEX-coded) and the avx512 ones are not comparable.
enum class Isa { reference, avx2, avxvnni, avx512, avx512vnni, amx };

[[nodiscard]] const char* name_of(Isa isa) noexcept;

/// False if `name` is none of the six.
[[nodiscard]] bool parse_isa(std::string_view name, Isa& isa) noexcept;

/// a <= b in the order above.
[[nodiscard]] bool allows(Isa cap, Isa kernel) noexcept;

/// Whether this CPU and operating system can run it.
[[nodiscard]] bool cpu_has(Isa isa) noexcept;

/// AVX-512 VBMI, which OCTET_ISA does not name: byte permutations across whole registers. It only makes kernels faster that
/// the cap allows anyway.
[[nodiscard]] bool cpu_has_vbmi() noexcept;

/// How many times as long this CPU takes as the one that the kernels' estimates of their time were measured on, a Zen 5: 2 where
/// 512-bit vectors are executed in halves, as on Zen 4; else taken to be 1.
[[nodiscard]] double time_factor() noexcept;

/// The most capable one this CPU has.
[[nodiscard]] Isa best_isa() noexcept;

/// Every one this CPU has, `reference` first.
[[nodiscard]] std::span<const Isa> available_isas() noexcept;

}  // namespace octet::kernels
