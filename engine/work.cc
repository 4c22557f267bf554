#include "engine/work.h"

#include <algorithm>

#include "kernels/parallel.h"

namespace octet {
namespace {

using kernels::Isa;
using schema::Operator;

/// Multiply-accumulates a nanosecond of a large product.
struct Rates {
  Isa isa;
  double int8, f32;
};
constexpr Rates kRates[] = {{Isa::reference, 1, 1},  {Isa::avx2, 90, 40},        {Isa::avxvnni, 200, 40},
                            {Isa::avx512, 90, 80},   {Isa::avx512vnni, 450, 80}, {Isa::amx, 1500, 80}};

/// Sums a nanosecond of products so shallow that finishing each sum is what takes the time.
constexpr double kSums = 10;

/// Nanoseconds an element of operators that are not products. Those of u8 are split by their kernels, which know better, if at all.
struct Cost {
  Operator op;
  double nanoseconds;
};
constexpr double kUsualCost = 0.5;
constexpr double kReferenceCost = 2;  // at least, of plain loops
constexpr Cost kCosts[] = {{Operator::Concat, 0.05}, {Operator::Slice, 0.05}, {Operator::Pad, 0.05},       {Operator::Gather, 0.05}, {Operator::Reshape, 0.05},
                           {Operator::Expand, 0.05}, {Operator::Tile, 0.05},  {Operator::Transpose, 0.1},  {Operator::Add, 0.2},     {Operator::Sub, 0.2},
                           {Operator::Mul, 0.2},     {Operator::Lookup, 0.1}, {Operator::Quantize, 0.2},   {Operator::Dequantize, 0.2},
                           {Operator::MaxPool, 0.07}, {Operator::AveragePool, 0.1}};

/// What a byte costs that may be in another core's cache. Threads take the same end of every layer (kernels/team.h), so that it is
/// little: the rows at the border, and what layers on one thread wrote. A line of 64 bytes takes 7 ns if it does come from another core;
/// 1 ns was measured to choose best. What no core's cache holds costs one thread as much as two.
constexpr double kForeignByte = 1.0 / 64;
constexpr double kCacheBytes = 1 << 20;

double elements(const Shape& shape) noexcept { return static_cast<double>(std::max<std::int64_t>(element_count(shape), 0)); }

double largest_tensor(const NodeView& node) noexcept {
  double most = 0;
  for (std::size_t i = 0; i < node.input_count(); ++i)
    if (node.has_input(i)) most = std::max(most, elements(node.input_shape(i)));
  for (std::size_t i = 0; i < node.output_count(); ++i)
    if (node.output_index(i) != kAbsent) most = std::max(most, elements(node.output_shape(i)));
  return most;
}

double product_nanoseconds(const NodeView& node, double macs, Isa isa) noexcept {
  const Rates& rates = *std::ranges::find(kRates, isa, &Rates::isa);
  const bool f32 = node.input(0).type == Type::f32 && (node.input_count() < 2 || node.input(1).type == Type::f32);
  const double product = macs / (f32 ? rates.f32 : rates.int8);
  return isa == Isa::reference ? product : std::max(product, elements(node.output_shape()) / kSums);
}

double bytes_moved(const NodeView& node) noexcept {
  double sum = 0;
  for (std::size_t i = 0; i < node.input_count(); ++i)
    if (node.has_input(i) && !node.input(i).constant()) sum += elements(node.input_shape(i)) * static_cast<double>(size_of(node.input(i).type));
  for (std::size_t i = 0; i < node.output_count(); ++i)
    if (node.output_index(i) != kAbsent) sum += elements(node.output_shape(i)) * static_cast<double>(size_of(node.output(i).type));
  return sum;
}

}  // namespace

int threads_for(const OperatorInfo& info, const NodeView& node, Isa isa, int threads) noexcept {
  const double foreign = isa == Isa::reference ? 0 : std::min(bytes_moved(node), kCacheBytes) / 2 * kForeignByte;
  return kernels::worthwhile_threads(threads, estimated_nanoseconds(info, node, isa) - foreign);
}

double estimated_nanoseconds(const OperatorInfo& info, const NodeView& node, Isa isa) noexcept {
  const auto macs = static_cast<double>(info.macs(node));
  if (macs > 0) return product_nanoseconds(node, macs, isa);
  const auto cost = std::ranges::find(kCosts, info.op, &Cost::op);
  const double an_element = cost == std::end(kCosts) ? kUsualCost : cost->nanoseconds;
  return largest_tensor(node) * (isa == Isa::reference ? std::max(an_element, kReferenceCost) : an_element);
}

}  // namespace octet
