// (x - mean) / sqrt(var + eps) * gamma + beta, with the statistics of training: x * scale + shift with
// scale = gamma / sqrt(var + eps), shift = beta - mean * scale, one each for every channel (axis 1).
#include <cmath>

#include "converter/onnx/importer.h"
#include "converter/onnx/tensor_proto.h"

namespace octet {
namespace {

Result<void> check_mode(NodeImport& node) {
  node.attributes.ignore("momentum");  // of training
  OCTET_TRY(const std::int64_t training, node.attributes.integer("training_mode", 0));
  if (training != 0 || node.output_count() != 1)
    return unsupported("BatchNormalization in training mode is not supported");
  OCTET_TRY(const std::int64_t spatial, node.attributes.integer("spatial", 1));
  if (spatial != 1) return unsupported("spatial=0 is not supported");
  return {};
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
