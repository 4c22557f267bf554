// (x - mean) / sqrt(var + eps) * gamma + beta, with the statistics of training: x * scale + shift with
// scale = gamma / sqrt(var + eps), shift = beta - mean * scale, one each for every channel (axis 1).
#include <cmath>

#include "converter/onnx/importers/compose.h"
#include "converter/onnx/tensor_proto.h"

namespace octet {
namespace {

using schema::BinaryFunction;

Result<void> check_mode(NodeImport& node) {
  OCTET_TRY(const std::int64_t spatial, node.attributes.integer("spatial", 1));
  if (spatial != 1) return unsupported("spatial=0 is not supported");
  return {};
}

/// Mean and variance of the samples themselves and, as outputs 1 and 2, what they make of the given ones.
Result<std::array<int, 2>> statistics_of(NodeImport& node, Compose& make, int x, const std::array<int, 2>& given, float momentum) {
  std::vector<int> axes = all_axes(node.rank(x));
  axes.erase(axes.begin() + 1);
  std::array<int, 2> of{};
  OCTET_TRY(of[0], make.reduce(schema::Reduction::Mean, x, axes, true));
  OCTET_TRY(const int centered, make.binary(BinaryFunction::Sub, x, of[0]));
  OCTET_TRY(const int squares, make.binary(BinaryFunction::Mul, centered, centered));
  OCTET_TRY(of[1], make.reduce(schema::Reduction::Mean, squares, axes, true));
  for (const std::size_t i : {0U, 1U}) {
    if (!node.has_output(i + 1)) continue;
    OCTET_TRY(int seen, make.reshape(of[i], node.shape(given[i])));
    OCTET_TRY(seen, make.binary(BinaryFunction::Mul, seen, make.number(Type::f32, 1.0 - static_cast<double>(momentum))));
    OCTET_TRY(const int kept, make.binary(BinaryFunction::Mul, given[i], make.number(Type::f32, static_cast<double>(momentum))));
    OCTET_TRY(seen, make.binary(BinaryFunction::Add, seen, kept));
    OCTET_CHECK(make.finish(seen, i + 1));
  }
  return of;
}

/// Statistics that are computed.
Result<void> import_general(NodeImport& node, int x, bool training) {
  OCTET_TRY(const float epsilon, node.attributes.real("epsilon", 1e-5F));
  OCTET_TRY(const float momentum, node.attributes.real("momentum", 0.9F));
  Compose make(node);
  Shape column(node.rank(x) - 1, 1);
  column[0] = node.shape(x)[1];
  std::array<int, 4> of{};  // scale, bias, mean, variance
  for (std::size_t i = 0; i < 4; ++i) {
    OCTET_TRY(of[i], node.input(i + 1));
    if (node.type(of[i]) != Type::f32 || node.shape(of[i]) != Shape{column[0]})
      return invalid("its input " + std::to_string(i + 1) + " is " + name_of(node.type(of[i])) + " of shape " + to_string(node.shape(of[i])));
    if (i >= 2 && training) continue;
    OCTET_TRY(of[i], make.reshape(of[i], column));
  }
  if (training) {
    OCTET_TRY(const auto statistics, statistics_of(node, make, x, {of[2], of[3]}, momentum));
    of[2] = statistics[0], of[3] = statistics[1];
  }
  OCTET_TRY(int y, make.binary(BinaryFunction::Sub, x, of[2]));
  OCTET_TRY(int share, make.binary(BinaryFunction::Add, of[3], make.number(Type::f32, static_cast<double>(epsilon))));
  OCTET_TRY(share, make.pointwise(schema::Function::Power, share, -0.5F));
  OCTET_TRY(share, make.binary(BinaryFunction::Mul, share, of[0]));
  OCTET_TRY(y, make.binary(BinaryFunction::Mul, y, share));
  OCTET_TRY(y, make.binary(BinaryFunction::Add, y, of[1]));
  return make.finish(y);
}

Result<Tensor> read_channels(const NodeImport& node, std::size_t input, const char* what, std::int64_t channels) {
  OCTET_TRY(Tensor t, node.constant(input, what));
  if (t.type != Type::f32) return unsupported(std::string("its ") + what + " is " + name_of(t.type) + ", not f32");
  if (t.shape != Shape{channels})
    return invalid(std::string("its ") + what + " must have shape " + std::to_string(channels) + ", not " +
                   to_string(t.shape));
  return t;
}

struct Statistics {
  Tensor gamma, beta, mean, variance;
  double epsilon;
};

Result<Statistics> read_statistics(NodeImport& node, std::int64_t channels) {
  Statistics s;
  OCTET_TRY(s.gamma, read_channels(node, 1, "scale", channels));
  OCTET_TRY(s.beta, read_channels(node, 2, "bias", channels));
  OCTET_TRY(s.mean, read_channels(node, 3, "mean", channels));
  OCTET_TRY(s.variance, read_channels(node, 4, "variance", channels));
  OCTET_TRY(s.epsilon, node.attributes.real("epsilon", 1e-5F));
  return s;
}

/// The scales, or the shifts, shaped so that they broadcast along axis 1 of a tensor of this rank.
Result<Tensor> per_channel(const Statistics& s, bool shifts, std::size_t rank) {
  std::vector<float> values(static_cast<std::size_t>(s.gamma.shape[0]));
  for (std::size_t c = 0; c < values.size(); ++c) {
    const double v = static_cast<double>(s.variance.data.as<float>()[c]) + s.epsilon;
    if (!(v > 0)) return invalid("variance[" + std::to_string(c) + "] + epsilon is " + std::to_string(v));
    const double scale = static_cast<double>(s.gamma.data.as<float>()[c]) / std::sqrt(v);
    const double shift =
        static_cast<double>(s.beta.data.as<float>()[c]) - static_cast<double>(s.mean.data.as<float>()[c]) * scale;
    values[c] = round_to_f32(shifts ? shift : scale);
  }
  Tensor t = shifts ? s.beta : s.gamma;
  t.shape.assign(rank - 1, 1);
  t.shape[0] = s.gamma.shape[0];
  t.data = Constant::of(std::move(values));
  return t;
}

Result<void> import_batch_normalization(NodeImport& node) {
  OCTET_CHECK(check_mode(node));
  OCTET_TRY(const int x, node.input(0));
  const std::size_t rank = node.rank(x);
  if (rank < 2) return invalid("its input has rank " + std::to_string(rank) + ", not 2 or more");
  OCTET_TRY(const std::int64_t training, node.attributes.integer("training_mode", 0));
  if (training == 0 && node.output_count() != 1) return unsupported("outputs other than the first are of training");
  bool constant = training == 0;
  for (std::size_t i = 1; i < 5; ++i) constant = constant && node.constant(i).has_value();
  if (!constant) return import_general(node, x, training != 0);
  node.attributes.ignore("momentum");  // of training
  OCTET_TRY(const Statistics s, read_statistics(node, node.shape(x)[1]));
  // What the constants are made of: nodes that share all of it share them.
  std::string of = " of rank " + std::to_string(rank) + " epsilon " + exact(s.epsilon);
  for (std::size_t i = 2; i < 5; ++i) of += '\n' + node.input_name(i);
  OCTET_TRY(const int scales,
            node.derived(1, "scales" + of, [&](const Tensor&) { return per_channel(s, false, rank); }));
  OCTET_TRY(const int shifts,
            node.derived(1, "shifts" + of, [&](const Tensor&) { return per_channel(s, true, rank); }));
  OCTET_TRY(const int scaled, node.emit_inner(schema::MulT{}, {x, scales}, "@scaled"));
  return node.emit(schema::AddT{}, {scaled, shifts});
}

}  // namespace

void register_batch_normalization(ImporterTable& table) {
  table.add("BatchNormalization", {5, 5, import_batch_normalization});
}

}  // namespace octet
