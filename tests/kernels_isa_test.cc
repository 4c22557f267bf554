// The order of instruction sets, and which of them this CPU has.
#include "kernels/isa.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "kernels/gemm/quad.h"
#include "kernels/gemm/tile.h"

namespace octet_test {
namespace {

using octet::kernels::Isa;

constexpr std::array kAll = {Isa::reference, Isa::avx2, Isa::avxvnni, Isa::avx512, Isa::avx512vnni, Isa::amx};

TEST_CASE("names are parsed back; anything else is not") {
  std::set<std::string> names;
  for (const Isa isa : kAll) {
    Isa parsed = isa == Isa::reference ? Isa::amx : Isa::reference;
    CHECK(octet::kernels::parse_isa(octet::kernels::name_of(isa), parsed));
    CHECK(parsed == isa);
    names.insert(octet::kernels::name_of(isa));
  }
  CHECK(names == std::set<std::string>{"reference", "avx2", "avxvnni", "avx512", "avx512vnni", "amx"});
  Isa untouched = Isa::avx2;
  for (const char* name : {"", "AVX2", "avx", "avx22", " avx2", "sse2", "avx512_vnni"})
    CHECK_FALSE(octet::kernels::parse_isa(name, untouched));
  CHECK(untouched == Isa::avx2);
}

TEST_CASE("allows is the partial order of isa.h") {
  // Row: the cap. Column: the kernel.
  constexpr bool kExpected[6][6] = {
      {true, false, false, false, false, false},  // reference
      {true, true, false, false, false, false},   // avx2
      {true, true, true, false, false, false},    // avxvnni
      {true, true, false, true, false, false},    // avx512
      {true, true, false, true, true, false},     // avx512vnni
      {true, true, false, true, true, true},      // amx
  };
  for (std::size_t cap = 0; cap < 6; ++cap)
    for (std::size_t kernel = 0; kernel < 6; ++kernel)
      CHECK(octet::kernels::allows(kAll[cap], kAll[kernel]) == kExpected[cap][kernel]);
}

TEST_CASE("a CPU that has an instruction set has everything below it, except across families") {
  const auto available = octet::kernels::available_isas();
  REQUIRE_FALSE(available.empty());
  CHECK(available.front() == Isa::reference);
  CHECK(std::ranges::is_sorted(available));
  for (const Isa isa : kAll)
    CHECK(octet::kernels::cpu_has(isa) == (std::ranges::find(available, isa) != available.end()));
  CHECK(octet::kernels::cpu_has(octet::kernels::best_isa()));
  for (const Isa isa : available)
    for (const Isa below : kAll)
      if (octet::kernels::allows(isa, below)) CHECK(octet::kernels::cpu_has(below));
}

TEST_CASE("a cap never yields a kernel above it") {
  CHECK(octet::kernels::find_tile_kernel(Isa::reference) == nullptr);
  for (const Isa cap : kAll) {
    const auto* kernel = octet::kernels::find_tile_kernel(cap);
    if (kernel != nullptr) CHECK(octet::kernels::allows(cap, kernel->isa));
    if (cap != Isa::reference) CHECK(kernel != nullptr);
    const auto* quad = octet::kernels::find_quad_kernel(cap);
    if (quad != nullptr) CHECK(octet::kernels::allows(cap, quad->isa));
    CHECK((quad != nullptr) == (cap != Isa::reference));
  }
}

}  // namespace
}  // namespace octet_test
