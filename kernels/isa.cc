#include "kernels/isa.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace octet::kernels {
namespace {

constexpr std::array<const char*, 6> kNames = {"reference", "avx2", "avxvnni", "avx512", "avx512vnni", "amx"};

struct Leaf {
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
};

Leaf cpuid(std::uint32_t leaf, std::uint32_t subleaf) noexcept {
  Leaf r;
  if (__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d) == 0) return {};
  return r;
}

constexpr bool bit(std::uint32_t word, unsigned index) noexcept { return ((word >> index) & 1U) != 0; }

/// XCR0: which register states the operating system saves.
std::uint64_t saved_states() noexcept {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32U) | low;
}

/// AMD's family 0x19: Zen 3 and Zen 4.
bool is_zen3_or_zen4(const Leaf& one) noexcept {
  constexpr std::uint32_t kAuthenticAmd = 0x68747541;  // "Auth"
  const std::uint32_t family = (one.a >> 8U & 0xFU) + (one.a >> 20U & 0xFFU);
  return cpuid(0, 0).b == kAuthenticAmd && family == 0x19;
}

/// Asks Linux for the AMX tile state, once a process. Refused on old kernels, or where a signal stack is too small.
bool amx_permitted() noexcept {
  constexpr long kArchReqXcompPerm = 0x1023;
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kTileData) == 0;
}

struct Features {
  std::array<bool, kNames.size()> has{};
  std::array<Isa, kNames.size()> list{};
  std::size_t count = 0;
  bool vbmi = false;
  double time_factor = 1;

  Features() noexcept {
    detect();
    for (std::size_t i = 0; i < has.size(); ++i)
      if (has[i]) list[count++] = static_cast<Isa>(i);
  }

  void set(Isa isa, bool value) noexcept { has[static_cast<std::size_t>(isa)] = value; }
  [[nodiscard]] bool get(Isa isa) const noexcept { return has[static_cast<std::size_t>(isa)]; }

  void detect() noexcept {
    set(Isa::reference, true);
    const Leaf one = cpuid(1, 0);
    if (is_zen3_or_zen4(one)) time_factor = 2;
    if (!bit(one.c, 27)) return;  // OSXSAVE: xgetbv may be used
    const std::uint64_t states = saved_states();
    const Leaf seven = cpuid(7, 0);
    const Leaf seven_one = seven.a >= 1 ? cpuid(7, 1) : Leaf{};
    constexpr std::uint64_t kYmm = 0x6;
    constexpr std::uint64_t kZmm = 0xE6;
    constexpr std::uint64_t kTiles = 0x60000;
    set(Isa::avx2, (states & kYmm) == kYmm && bit(one.c, 28) && bit(one.c, 12) && bit(seven.b, 5));  // AVX, FMA, AVX2
    set(Isa::avxvnni, get(Isa::avx2) && bit(seven_one.a, 4));
    set(Isa::avx512, get(Isa::avx2) && (states & kZmm) == kZmm && bit(seven.b, 16) && bit(seven.b, 17) && bit(seven.b, 30) &&
                         bit(seven.b, 31));  // F, DQ, BW, VL
    set(Isa::avx512vnni, get(Isa::avx512) && bit(seven.c, 11));
    vbmi = get(Isa::avx512) && bit(seven.c, 1);
    set(Isa::amx, get(Isa::avx512vnni) && (states & kTiles) == kTiles && bit(seven.d, 24) && bit(seven.d, 25) && amx_permitted());
  }
};

const Features& features() noexcept {
  static const Features instance;
  return instance;
}

}  // namespace

const char* name_of(Isa isa) noexcept { return kNames[static_cast<std::size_t>(isa)]; }

bool parse_isa(std::string_view name, Isa& isa) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) {
      isa = static_cast<Isa>(i);
      return true;
    }
  }
  return false;
}

bool allows(Isa cap, Isa kernel) noexcept {
  if (kernel == Isa::avxvnni) return cap == Isa::avxvnni;
  if (cap == Isa::avxvnni) return kernel <= Isa::avx2;
  return kernel <= cap;
}

bool cpu_has(Isa isa) noexcept { return features().get(isa); }

std::span<const Isa> available_isas() noexcept { return {features().list.data(), features().count}; }

bool cpu_has_vbmi() noexcept { return features().vbmi; }

double time_factor() noexcept { return features().time_factor; }

Isa best_isa() noexcept { return available_isas().back(); }

}  // namespace octet::kernels
