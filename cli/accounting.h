// What became of each node of the source model: explain's lines, and the counts of convert's summary.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/operator.h"
#include "octet/octet.hpp"

namespace octet::cli {

struct SourceAccount {
  std::string name, op;
  std::string octet_op;    ///< Octet's operator it became, or became part of; empty where the node is gone
  std::string kernel;      ///< likewise
  std::string why;         ///< why that kernel
  std::string type;        ///< of the arithmetic, or "folded"
  std::string isa;         ///< of the kernel
  std::string fused_into;  ///< the source node whose kernel does this one's work; empty if it is this one's own
  std::string reason;      ///< why it is in float in a quantized model
  std::uint64_t macs = 0;  ///< at batch 1; of what this source node owns
};

/// Why a step runs the kernel it does: a rule, or times.
[[nodiscard]] std::string why_of(const Step& step);

/// One for each source node, in order.
[[nodiscard]] std::vector<SourceAccount> account(const Session& session);

struct AccountCounts {
  std::size_t int8 = 0, float_ = 0, integer = 0, folded = 0;  ///< integer: indices, masks and sizes, in any model
};
[[nodiscard]] AccountCounts count(const std::vector<SourceAccount>& accounts);

/// Multiply-accumulates at batch 1, by the arithmetic they are done in.
struct MacCounts {
  std::uint64_t int8 = 0, float_ = 0;
};
[[nodiscard]] MacCounts count_macs(const std::vector<SourceAccount>& accounts);

/// "12 int8, 0 float, 3 folded"; integer nodes are named where there are any.
[[nodiscard]] std::string text_of(const AccountCounts& counts);

}  // namespace octet::cli
