// How long a node takes, about: what decides whether it is worth more than one thread.
#pragma once

#include "engine/operator.h"

namespace octet {

/// Nanoseconds on one thread with kernels of `isa`, within a factor of about two where a kernel is good, less than the truth where
/// it is not. Not for comparing kernels.
[[nodiscard]] double estimated_nanoseconds(const OperatorInfo& info, const NodeView& node, kernels::Isa isa) noexcept;

}  // namespace octet
