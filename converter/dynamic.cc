// Dynamic quantization of a float graph: weights to s8, everything else as it was.
#include <map>

#include "converter/imported_quantization.h"
#include "converter/int8_form.h"
#include "converter/passes/passes.h"
#include "converter/quantize.h"
#include "converter/quantize/float_reason.h"
#include "converter/quantize/weights.h"
#include "converter/quantize_math.h"
#include "engine/model.h"
#include "kernels/parallel.h"
#include "octet/converter.hpp"

namespace octet {
namespace {

using schema::Operator;

bool moves_values(Operator op) noexcept { return op == Operator::Reshape || op == Operator::Transpose; }

class DynamicQuantizer {
 public:
  DynamicQuantizer(Graph graph, const QuantizeOptions& options) : graph_(std::move(graph)), options_(options) {}

  Result<Graph> run() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
      if (auto ok = add(graph_.nodes[n]); !ok) return std::move(ok).error().in(describe(graph_, n));
    if (quantized_weights_.empty())
      return Error{ErrorCode::unsupported, "nothing to quantize: no convolution or matrix product with constant weights", {}};
    OCTET_CHECK(remove_dead(graph_));
    return std::move(graph_);
  }

 private:
  Result<void> add(Node& node) {
    if (wanted_in_float(graph_, node, options_.float_nodes)) {
      node.float_reason = kWantedInFloat;
    } else if (has_weights(node.op()) || is_recurrent(node.op())) {
      return quantize_weights_of(node);
    } else if (!moves_values(node.op())) {
      node.float_reason = "dynamic quantization is for products with constant weights";
    }
    return {};
  }

  /// Once for all nodes that read the same weights.
  Result<void> quantize_weights_of(Node& node) {
    const auto [where, fresh] = quantized_weights_.try_emplace(node.inputs[1], static_cast<int>(graph_.tensors.size()));
    node.inputs[1] = where->second;
    if (!fresh) return {};
    const Tensor w = graph_.tensors[at(where->first)];
    if (take_source_integers(node, where->first)) return {};
    OCTET_TRY(Tensor made, int8_weights(w, options_));
    graph_.tensors.push_back(std::move(made));
    return {};
  }

  /// Weights that were s8 in the source stay those integers; whether they could.
  bool take_source_integers(const Node& node, int real) {
    Node product = node;
    product.inputs = {node.inputs[0], real};  // without its bias, which stays real
    const Quantization x{{1.0F}, {0}, -1};
    if (!lacks_imported_weights(graph_, product, x, {}).empty()) return false;
    ImportedWeights made = imported_weights(graph_, product, x, {});
    if (made.parts > 1) return false;
    const Tensor& w = graph_.tensors[at(real)];
    Tensor kept{w.name, Type::s8, w.shape, false, std::move(made.quant), Constant::of(std::move(made.weights))};
    graph_.tensors.push_back(std::move(kept));
    return true;
  }

  Graph graph_;
  const QuantizeOptions& options_;
  std::map<int, int> quantized_weights_;  // by the float tensor
};

}  // namespace

Result<Model> quantize_dynamic(const Model& model, const QuantizeOptions& options) {
  try {
    const kernels::RoundingScope rounding;
    OCTET_CHECK(check_weight_calibrator(options.weight_calibrator));
    OCTET_TRY(const Model source, options.equalize ? equalized(model) : Result<Model>(model));
    OCTET_TRY(Graph graph, DynamicQuantizer(source.impl().graph, options).run());
    graph.provenance.tool_version = version();
    graph.provenance.calibrator = "dynamic";
    graph.provenance.weight_calibrator = options.weight_calibrator;
    return make_model(std::move(graph));
  } catch (const std::exception&) {
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

}  // namespace octet
