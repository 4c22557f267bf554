#include "kernels/reduce/reduce.h"

#include "engine/ops/strided.h"

namespace octet::reduce {
namespace {

static_assert(static_cast<int>(schema::Reduction::MAX) == kernels::kReductionCount - 1 &&
                  static_cast<int>(schema::Reduction::LogSumExp) == static_cast<int>(kernels::Reduction::log_sum_exp),
              "kernels::Reduction follows the schema's enum");

bool reduces(const schema::ReduceT& a, std::size_t axis) noexcept {
  for (const int r : a.axes)
    if (r == static_cast<int>(axis)) return true;
  return false;
}

kernels::ReduceShape shape_of(const NodeView& node) {
  const auto& a = node.as<schema::ReduceT>();
  const Shape& x = node.input_shape(0);
  const auto strides = dense_strides(x);
  kernels::ReduceShape s;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool gone = reduces(a, i);
    int& axes = gone ? s.reduced : s.kept;
    auto& size = gone ? s.size : s.kept_size;
    auto& stride = gone ? s.stride : s.kept_stride;
    // Adjacent axes that are walked through alike count as one.
    const auto last = static_cast<std::size_t>(axes) - 1;
    if (axes > 0 && stride[last] == x[i] * strides[i]) {
      size[last] *= x[i];
      stride[last] = strides[i];
      continue;
    }
    size[static_cast<std::size_t>(axes)] = x[i];
    stride[static_cast<std::size_t>(axes)] = strides[i];
    ++axes;
  }
  return s;
}

/// Of a u8 sum or mean: f32(s_in / (s_out n)), n the number of elements for a mean, 1 for a sum.
float multiplier(const NodeView& node) {
  const bool mean = node.as<schema::ReduceT>().reduction == schema::Reduction::Mean;
  const double n = mean ? static_cast<double>(shape_of(node).count()) : 1.0;
  return static_cast<float>(static_cast<double>(node.input(0).quant.scale()) / (static_cast<double>(node.output().quant.scale()) * n));
}

Step prepare_u8(const NodeView& node, const PrepareOptions& options) {
  const auto reduction = node.as<schema::ReduceT>().reduction;
  const auto shape = shape_of(node);
  const int in = node.input_index(0);
  const int out = node.output_index();
  if (reduction == schema::Reduction::Max || reduction == schema::Reduction::Min) {
    return make_step("reduce_u8_reference", [=, largest = reduction == schema::Reduction::Max, threads = options.threads](const Buffers& b) noexcept -> const char* {
      kernels::reduce_extreme_u8_reference(shape, largest, b.tensor<std::uint8_t>(in), b.tensor<std::uint8_t>(out), threads);
      return nullptr;
    });
  }
  const kernels::ReduceSumU8 sum{shape, nullptr, node.input(0).quant.zero_point(), multiplier(node), output_u8(node.output()), nullptr, options.threads};
  return make_step("reduce_u8_reference", [sum, in, out](const Buffers& b) noexcept -> const char* {
    kernels::ReduceSumU8 p = sum;
    p.x = b.tensor<std::uint8_t>(in);
    p.y = b.tensor<std::uint8_t>(out);
    kernels::reduce_sum_u8_reference(p);
    return nullptr;
  });
}

template <class T>
Step make(const NodeView& node, const PrepareOptions& options) {
  return make_step("reduce_integer_reference",
                   [shape = shape_of(node), reduction = static_cast<kernels::Reduction>(node.as<schema::ReduceT>().reduction),
                    in = node.input_index(0), out = node.output_index(), threads = options.threads](const Buffers& b) noexcept -> const char* {
                     kernels::reduce_integer_reference<T>(shape, reduction, b.tensor<T>(in), b.tensor<T>(out), threads);
                     return nullptr;
                   });
}

bool integers(const NodeView& node) noexcept {
  const Type type = node.input(0).type;
  return type == node.output().type && (type == Type::s32 || type == Type::s64);
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::ReduceT>();
  const Shape& x = node.input_shape(0);
  if (a.reduction > schema::Reduction::MAX) return Error{ErrorCode::unsupported, "unknown reduction", {}};
  std::vector<bool> seen(x.size());
  for (const int axis : a.axes) {
    if (axis < 0 || static_cast<std::size_t>(axis) >= x.size()) return invalid("axis " + std::to_string(axis) + " is out of range");
    if (seen[static_cast<std::size_t>(axis)]) return invalid("axis " + std::to_string(axis) + " is given twice");
    seen[static_cast<std::size_t>(axis)] = true;
  }
  Shape y;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!seen[i]) {
      y.push_back(x[i]);
    } else if (a.keep_dims) {
      y.push_back(1);
    }
  return y;
}

Result<void> check(const NodeView& node) {
  const auto reduction = node.as<schema::ReduceT>().reduction;
  if (integers(node))
    return kernels::reduces_integers(static_cast<kernels::Reduction>(reduction)) ? Result<void>() : invalid("this reduction has no integer form");
  OCTET_CHECK(check_arithmetic(node, 0));
  if (node.output().type == Type::f32) return {};
  if (reduction == schema::Reduction::Max || reduction == schema::Reduction::Min) return check_moves(node);
  if (reduction != schema::Reduction::Mean && reduction != schema::Reduction::Sum) return invalid("has no u8 form");
  if (shape_of(node).count() > (std::int64_t{1} << 31) / 256) return invalid("sums too many elements for s32");
  return check_multiplier(multiplier(node));
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  if (node.output().type == Type::u8) return prepare_u8(node, options);
  if (node.output().type == Type::s32) return make<std::int32_t>(node, options);
  if (node.output().type == Type::s64) return make<std::int64_t>(node, options);
  return make_step("reduce_f32_reference",
                   [shape = shape_of(node), reduction = static_cast<kernels::Reduction>(node.as<schema::ReduceT>().reduction),
                    in = node.input_index(0), out = node.output_index(), threads = options.threads](const Buffers& b) noexcept -> const char* {
                     kernels::reduce_f32_reference(shape, reduction, b.tensor<float>(in), b.tensor<float>(out), threads);
                     return nullptr;
                   });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::reduce
