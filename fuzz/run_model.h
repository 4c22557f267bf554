// Runs whatever model survived its checks, as far as that is quick.
#pragma once

#include "octet/octet.hpp"

namespace octet::fuzz {

/// Whether one run takes little time and memory: a fuzzer that waits finds nothing.
[[nodiscard]] bool is_small(const Model& model);

/// Sessions at batch 1 and, where it is free, 3, with little memory; one run each on a fixed pattern. Errors are fine.
void run_model(const Model& model);

}  // namespace octet::fuzz
