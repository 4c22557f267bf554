// The one way a family's table is searched.
#pragma once

#include <span>

#include "kernels/isa.h"

namespace octet::kernels {

/// The last row whose isa the cap allows, or nullptr: tables are in the order of preference.
template <class Kernel>
[[nodiscard]] const Kernel* best_of(std::span<const Kernel> kernels, Isa cap) noexcept {
  const Kernel* best = nullptr;
  for (const Kernel& k : kernels)
    if (allows(cap, k.isa)) best = &k;
  return best;
}

}  // namespace octet::kernels
