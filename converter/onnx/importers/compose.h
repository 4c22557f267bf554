// For ONNX operators that are made of several: one call an operator, each giving the tensor it makes.
#pragma once

#include "converter/onnx/importer.h"

namespace octet {

class Compose {
 public:
  explicit Compose(NodeImport& node) : node_(node), before_(node.tensor_count()) {}

  /// Any operator, of the type of its first input or of `type`.
  template <class T>
  Result<int> op(T table, std::vector<int> inputs) {
    return node_.emit_inner(std::move(table), std::move(inputs), suffix());
  }
  template <class T>
  Result<int> op(T table, std::vector<int> inputs, Type type) {
    return node_.emit_inner(std::move(table), std::move(inputs), suffix(), type);
  }

  Result<int> reshape(int x, const Shape& shape);
  Result<int> transpose(int x, std::vector<int> perm);
  /// `axis` moved to the end, or from the end back to where it was.
  Result<int> axis_last(int x, std::size_t axis);
  Result<int> axis_back(int x, std::size_t axis);
  /// Elements start, start + step, ... along an axis.
  Result<int> slice(int x, std::size_t axis, std::int64_t start, std::int64_t size, std::int64_t step = 1);
  Result<int> pad(int x, const Shape& begins, const Shape& ends, double value = 0.0);
  Result<int> concat(std::vector<int> parts, std::size_t axis);
  Result<int> pointwise(schema::Function function, int x, float a = 0.0F, float b = 0.0F);
  /// Of reals or of integers.
  Result<int> binary(schema::BinaryFunction function, int a, int b);
  Result<int> compare(schema::Comparison function, int a, int b);
  Result<int> where(int condition, int a, int b);
  Result<int> negation(int condition);
  /// x itself if it has the type.
  Result<int> cast(int x, Type type);
  Result<int> reduce(schema::Reduction reduction, int x, std::vector<int> axes, bool keep_dims);
  Result<int> mat_mul(int a, int b);

  /// Constants.
  template <class T>
  int constant(Shape shape, std::vector<T> values, Type type = type_of<T>()) {
    Tensor t;
    t.name = node_.output_name() + suffix();
    t.type = type;
    t.shape = std::move(shape);
    t.data = Constant::of(std::move(values));
    return node_.add_constant(std::move(t));
  }
  int number(Type type, double value);
  /// 0, 1, ... size - 1, of shape [size, 1, ... 1] with so many ones; too many are an error.
  Result<int> count_up(std::int64_t size, std::size_t ones = 0);

  /// The shape with -1 for the size that follows the batch.
  [[nodiscard]] Shape open(int x) const;

  /// Output i of the node is y.
  Result<void> finish(int y, std::size_t i = 0);

 private:
  std::string suffix() { return "@" + std::to_string(++count_); }

  NodeImport& node_;
  int before_;  // tensors from here on are the node's own
  int count_ = 0;
};

/// 0, ... rank - 1.
[[nodiscard]] std::vector<int> all_axes(std::size_t rank);

/// x [axes..., size of `axis`] at indices [..., n] along `axis`, the other axes of both walked through together: sizes of indices
/// may be smaller there. GatherElements.
[[nodiscard]] Result<int> gather_elements(NodeImport& node, Compose& make, int x, int indices, std::size_t axis);

}  // namespace octet
