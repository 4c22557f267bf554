// How long a node takes, about: what decides whether it is worth more than one thread.
#pragma once

#include "engine/operator.h"

namespace octet {

/// Nanoseconds on one thread with kernels of `isa`, within a factor of about two where a kernel is good, less than the truth where
/// it is not. Not for comparing kernels.
[[nodiscard]] double estimated_nanoseconds(const OperatorInfo& info, const NodeView& node, kernels::Isa isa) noexcept;

/// How many of `threads` the node is worth: what the others take off its time must pay for waking them and for the data that then
/// moves from one core to the other.
[[nodiscard]] int threads_for(const OperatorInfo& info, const NodeView& node, kernels::Isa isa, int threads) noexcept;

}  // namespace octet
