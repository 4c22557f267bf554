// Normalizations and other small operators that are several of the engine's.
#include <algorithm>
#include <cmath>

#include "converter/onnx/importers/taps.h"

namespace octet {
namespace {

using schema::BinaryFunction;
using schema::Function;
using schema::Reduction;

/// x / (bias + alpha * mean of x^2 over `size` adjacent channels)^beta; the mean is that of an AveragePool down [N, C, rest, 1].
Result<void> import_lrn(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const float alpha, node.attributes.real("alpha", 1e-4F));
  OCTET_TRY(const float beta, node.attributes.real("beta", 0.75F));
  OCTET_TRY(const float bias, node.attributes.real("bias", 1.0F));
  OCTET_TRY(const std::int64_t size, node.attributes.integer("size", 0));
  const Shape shape = node.shape(x);
  if (shape.size() < 2) return invalid("its input has rank " + std::to_string(shape.size()) + ", below 2");
  if (size < 1 || size > 1 << 20) return invalid("its size is " + std::to_string(size));
  Compose make(node);
  const Shape open = make.open(x);
  OCTET_TRY(int y, make.binary(BinaryFunction::Mul, x, x));
  OCTET_TRY(y, make.reshape(y, {open[0], shape[1], element_count(Shape(shape.begin() + 2, shape.end())), 1}));
  schema::AveragePoolT pool;
  pool.kernel_h = static_cast<int>(size);
  pool.pad_top = static_cast<int>((size - 1) / 2);
  pool.pad_bottom = static_cast<int>(size) - 1 - pool.pad_top;
  pool.count_include_pad = true;
  OCTET_TRY(y, make.op(std::move(pool), {y}));
  OCTET_TRY(y, make.reshape(y, open));
  OCTET_TRY(y, make.binary(BinaryFunction::Mul, y, make.number(Type::f32, static_cast<double>(alpha))));
  OCTET_TRY(y, make.binary(BinaryFunction::Add, y, make.number(Type::f32, static_cast<double>(bias))));
  OCTET_TRY(y, make.pointwise(Function::Power, y, -beta));
  OCTET_TRY(y, make.binary(BinaryFunction::Mul, x, y));
  return make.finish(y);
}

Result<void> import_mean_variance(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const auto given, node.attributes.integers("axes", {0, 2, 3}));
  std::vector<int> axes;
  for (const std::int64_t axis : given) {
    OCTET_TRY(const int a, normalize_axis(axis, node.rank(x)));
    axes.push_back(a);
  }
  std::ranges::sort(axes);
  Compose make(node);
  OCTET_TRY(const int mean, make.reduce(Reduction::Mean, x, axes, true));
  OCTET_TRY(const int centered, make.binary(BinaryFunction::Sub, x, mean));
  OCTET_TRY(int y, make.binary(BinaryFunction::Mul, centered, centered));
  OCTET_TRY(y, make.reduce(Reduction::Mean, y, axes, true));
  OCTET_TRY(y, make.pointwise(Function::Sqrt, y));
  OCTET_TRY(y, make.binary(BinaryFunction::Add, y, make.number(Type::f32, 1e-9)));
  OCTET_TRY(y, make.binary(BinaryFunction::Div, centered, y));
  return make.finish(y);
}

/// x / |x| along an axis; zeros stay.
Result<void> import_lp_normalization(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const std::int64_t wanted, node.attributes.integer("axis", -1));
  OCTET_TRY(const std::int64_t p, node.attributes.integer("p", 2));
  if (p != 1 && p != 2) return invalid("its p is " + std::to_string(p) + ", neither 1 nor 2");
  OCTET_TRY(const int axis, normalize_axis(wanted, node.rank(x)));
  Compose make(node);
  OCTET_TRY(const int length, make.reduce(p == 1 ? Reduction::L1 : Reduction::L2, x, {axis}, true));
  OCTET_TRY(const int none, make.compare(schema::Comparison::Equal, length, make.number(Type::f32, 0)));
  OCTET_TRY(const int divisor, make.where(none, make.number(Type::f32, 1), length));
  OCTET_TRY(const int y, make.binary(BinaryFunction::Div, x, divisor));
  return make.finish(y);
}

/// (sum of |x|^p over a window)^(1/p): the mean with padding counted, times the window's size.
Result<void> import_lp_pool(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const std::int64_t p, node.attributes.integer("p", 2));
  if (p < 1 || p > 1000) return invalid("its p is " + std::to_string(p));
  Compose make(node);
  OCTET_TRY(int y, make.pointwise(Function::Abs, x));
  OCTET_TRY(y, make.pointwise(Function::Power, y, static_cast<float>(p)));
  if (node.op_type() == "GlobalLpPool") {
    std::vector<int> axes = all_axes(node.rank(x));
    if (axes.size() < 3) return invalid("its input has rank " + std::to_string(axes.size()) + ", below 3");
    axes.erase(axes.begin(), axes.begin() + 2);
    OCTET_TRY(y, make.reduce(Reduction::Sum, y, std::move(axes), true));
  } else {
    OCTET_TRY(const auto kernel, node.attributes.integers("kernel_shape", {}));
    OCTET_TRY(const Taps taps, read_taps(node, node.shape(x), kernel));
    OCTET_TRY(const std::int64_t ceil_mode, node.attributes.integer("ceil_mode", 0));
    OCTET_TRY(y, pool_sum(node, make, y, taps, ceil_mode != 0));
  }
  OCTET_TRY(y, make.pointwise(Function::Power, y, 1.0F / static_cast<float>(p)));
  return make.finish(y);
}

/// The first lengths[n] steps of each sequence n turned round, the others as they are.
Result<void> import_reverse_sequence(NodeImport& node) {
  OCTET_TRY(int x, node.input(0));
  OCTET_TRY(int lengths, node.input(1));
  OCTET_TRY(const std::int64_t batch_axis, node.attributes.integer("batch_axis", 1));
  OCTET_TRY(const std::int64_t time_axis, node.attributes.integer("time_axis", 0));
  if (node.rank(x) < 2) return invalid("its input has rank " + std::to_string(node.rank(x)) + ", below 2");
  if (batch_axis + time_axis != 1 || batch_axis < 0 || batch_axis > 1) return invalid("its axes are not 0 and 1");
  Compose make(node);
  std::vector<int> swap = all_axes(node.rank(x));
  if (batch_axis == 1) std::swap(swap[0], swap[1]);
  OCTET_TRY(x, make.transpose(x, swap));
  const std::int64_t steps = node.shape(x)[1];
  if (node.rank(lengths) != 1 || node.shape(lengths)[0] != node.shape(x)[0]) return invalid("its sequence_lens have shape " + to_string(node.shape(lengths)));
  OCTET_TRY(lengths, make.cast(lengths, Type::s64));
  OCTET_TRY(lengths, make.reshape(lengths, {-1, 1, 1}));
  OCTET_TRY(const int step, make.count_up(steps, 1));
  OCTET_TRY(int from_end, make.binary(BinaryFunction::Sub, lengths, step));
  OCTET_TRY(from_end, make.binary(BinaryFunction::Sub, from_end, make.number(Type::s64, 1)));
  OCTET_TRY(const int beyond, make.compare(schema::Comparison::GreaterOrEqual, step, lengths));
  OCTET_TRY(const int source, make.where(beyond, step, from_end));
  schema::GatherNDT gather;
  gather.batch_axes = 1;
  OCTET_TRY(int y, make.op(std::move(gather), {x, source}));
  OCTET_TRY(y, make.transpose(y, swap));
  return make.finish(y);
}

}  // namespace

void register_composed(ImporterTable& table) {
  table.add("LRN", {1, 1, import_lrn});
  table.add("MeanVarianceNormalization", {1, 1, import_mean_variance});
  table.add("LpNormalization", {1, 1, import_lp_normalization});
  table.add("LpPool", {1, 1, import_lp_pool});
  table.add("GlobalLpPool", {1, 1, import_lp_pool});
  table.add("ReverseSequence", {2, 2, import_reverse_sequence});
}

}  // namespace octet
