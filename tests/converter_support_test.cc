// The table of supported operators, against the importers, the converter and the document.
#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "converter/onnx/importer.h"
#include "converter/onnx/support.h"
#include "converter/passes/passes.h"
#include "converter_models.h"
#include "octet/converter.hpp"
#include "support/test_samples.h"

namespace octet_test {
namespace {

using octet::Int8;
using octet::Support;
using Strings = std::vector<std::string>;
using Ints = std::vector<std::int64_t>;

/// A model around the operator; the node is called "it".
using Build = std::function<void(ModelBuilder& m)>;

/// y = op(x, other inputs), x [N, 4, 6, 6] or of another shape.
Build node(const std::string& op, const Strings& more = {}, const std::function<void(NodeBuilder&)>& set = {},
           const Ints& shape = {kOpen, 4, 6, 6}) {
  return [=](ModelBuilder& m) {
    m.input("x", shape).output("y");
    Strings inputs = {"x"};
    inputs.insert(inputs.end(), more.begin(), more.end());
    NodeBuilder n = m.node(op, inputs, {"y"}).named("it");
    if (set) set(n);
  };
}

/// A node of constants that `node` reads.
Build with(const Build& build, const std::function<void(ModelBuilder&)>& constants) {
  return [=](ModelBuilder& m) {
    constants(m);
    build(m);
  };
}

/// y = f32(op(a, b)), of comparisons of x and of numbers.
Build logic(const std::string& op, bool of_numbers) {
  return [=](ModelBuilder& m) {
    m.input("x", {kOpen, 8}).output("y").random("z", {8}).random("w", {8});
    m.node("Greater", {"x", "z"}, {"a"});
    m.node("Greater", {"x", "w"}, {"b"});
    m.node(op, of_numbers ? Strings{"x", "z"} : op == "Not" ? Strings{"a"} : Strings{"a", "b"}, {"c"}).named("it");
    m.node("Cast", {"c"}, {"y"}).with("to", onnx::TensorProto::FLOAT);
  };
}

/// y = sigmoid(true ? -x : x).
void choice(ModelBuilder& m) {
  m.input("x", {kOpen, 8}).output("y");
  m.tensor("c", {}, onnx::TensorProto::BOOL)->add_int32_data(1);
  NodeBuilder n = m.node("If", {"c"}, {"i"}).named("it");
  for (const char* name : {"then_branch", "else_branch"}) {
    onnx::GraphProto* g = n.add(name, onnx::AttributeProto::GRAPH)->mutable_g();
    onnx::NodeProto* inner = g->add_node();
    inner->set_op_type(name[0] == 't' ? "Neg" : "Identity");
    inner->add_input("x");
    inner->add_output("r");
    g->add_output()->set_name("r");
  }
  m.node("Sigmoid", {"i"}, {"y"});
}

/// y = Reshape(x, what op makes of x's shape).
Build of_shape(const std::function<void(ModelBuilder&)>& make) {
  return [=](ModelBuilder& m) {
    m.input("x", {kOpen, 8}).output("y");
    make(m);
  };
}

Build two_inputs_of(const std::string& op) {
  return [=](ModelBuilder& m) {
    m.input("x", {kOpen, 8}).input("z", {kOpen, 8}).output("y").node(op, {"x", "z"}, {"y"}).named("it");
  };
}

std::map<std::string, Build> builds() {
  const auto kernel = [](NodeBuilder& n) { n.with("kernel_shape", Ints{2, 2}); };
  const auto axis = [](std::int64_t a) { return [a](NodeBuilder& n) { n.with("axis", a); }; };
  const auto block = [](NodeBuilder& n) { n.with("blocksize", 2); };
  std::map<std::string, Build> b;
  for (const char* op : {"Abs", "Asinh", "Atan", "Cosh", "Shrink", "Sinh", "Tan", "Hardmax", "Trilu", "Ceil", "Celu", "Clip", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu",
                         "Log", "Mish", "Neg", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt",
                         "Swish", "Tanh", "ThresholdedRelu", "Flatten", "GlobalAveragePool", "Dropout", "Identity", "Transpose"})
    b[op] = node(op);
  b["Transpose"] = node("Transpose", {}, [](NodeBuilder& n) { n.with("perm", Ints{0, 2, 1, 3}); });
  b["Identity"] = b["Dropout"] = [](ModelBuilder&) {};
  b["If"] = choice;
  for (const char* op : {"Identity", "Dropout"})
    b[op] = [=](ModelBuilder& m) {
      m.input("x", {kOpen, 8}).output("y").node("Relu", {"x"}, {"r"});
      m.node(op, {"r"}, {"i"}).named("it");
      m.node("Sigmoid", {"i"}, {"y"});
    };
  b["Softmax"] = node("Softmax", {}, axis(-1));
  b["LogSoftmax"] = node("LogSoftmax", {}, axis(-1));
  b["GlobalMaxPool"] = node("GlobalMaxPool");
  for (const char* op : {"ArgMax", "ArgMin"})
    b[op] = [=](ModelBuilder& m) {
      m.input("x", {kOpen, 4, 6}).output("y").node(op, {"x"}, {"i"}).named("it").with("axis", 2);
      m.node("Cast", {"i"}, {"y"}).with("to", onnx::TensorProto::FLOAT);
    };
  for (const char* op : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
                         "ReduceSumSquare"})
    b[op] = with(node(op, {"axes"}), [](ModelBuilder& m) { m.s64("axes", {2, 3}); });
  b["TopK"] = [](ModelBuilder& m) {
    m.input("x", {kOpen, 8}).output("y").s64("k", {3}).node("TopK", {"x", "k"}, {"y", "i"}).named("it");
  };
  b["LayerNormalization"] = with(node("LayerNormalization", {"g", "b"}, {}, {kOpen, 5, 8}), [](ModelBuilder& m) { m.random("g", {8}).random("b", {8}); });
  for (const char* op : {"InstanceNormalization", "GroupNormalization"})
    b[op] = with(node(op, {"g", "b"},
                      [=](NodeBuilder& n) {
                        if (std::string(op) == "GroupNormalization") n.with("num_groups", 2);
                      }),
                 [](ModelBuilder& m) { m.random("g", {4}).random("b", {4}); });
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Min", "Max", "Pow", "Sum", "Mean"}) b[op] = two_inputs_of(op);
  for (const char* op : {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}) b[op] = logic(op, true);
  for (const char* op : {"And", "Or", "Xor", "Not"}) b[op] = logic(op, false);
  b["Cast"] = node("Cast", {}, [](NodeBuilder& n) { n.with("to", onnx::TensorProto::INT32); });
  b["CastLike"] = with(node("CastLike", {"like"}), [](ModelBuilder& m) { m.s64("like", {1}); });
  for (const auto& [op, of] : {std::pair{"Acos", "Tanh"}, {"Asin", "Tanh"}, {"Atanh", "Tanh"}})  // where they are defined
    b[op] = [=](ModelBuilder& m) {
      m.input("x", {kOpen, 8}).output("y").node(of, {"x"}, {"t"});
      m.node(op, {"t"}, {"y"}).named("it");
    };
  b["Acosh"] = [](ModelBuilder& m) {
    m.f32("far", {8}, {2, 3, 4, 5, 6, 7, 8, 9}).input("x", {kOpen, 8}).output("y").node("Add", {"x", "far"}, {"t"});
    m.node("Acosh", {"t"}, {"y"}).named("it");
  };
  b["BitShift"] = [](ModelBuilder& m) {
    m.input("x", {kOpen, 8}).output("y");
    m.node("Cast", {"x"}, {"a"}).with("to", onnx::TensorProto::UINT8);
    m.node("BitShift", {"a", "a"}, {"s"}).named("it").with("direction", "LEFT");
    m.node("Cast", {"s"}, {"y"}).with("to", onnx::TensorProto::FLOAT);
  };
  b["Mod"] = [](ModelBuilder& m) { m.input("x", {kOpen, 8}).input("z", {kOpen, 8}).output("y").node("Mod", {"x", "z"}, {"y"}).named("it").with("fmod", 1); };
  for (const char* op : {"IsInf", "IsNaN"})
    b[op] = [=](ModelBuilder& m) {
      m.input("x", {kOpen, 8}).output("y").node(op, {"x"}, {"n"}).named("it");
      m.node("Cast", {"n"}, {"y"}).with("to", onnx::TensorProto::FLOAT);
    };
  b["CumSum"] = with(node("CumSum", {"axis"}), [](ModelBuilder& m) { m.s64("axis", {1}); });
  b["GatherElements"] = with(node("GatherElements", {"at"}, axis(1), {2, 4}), [](ModelBuilder& m) { m.s64_matrix("at", 2, 3, {0, 3, 1, 2, 2, 0}); });
  b["GatherND"] = with(node("GatherND", {"at"}, {}, {2, 4}), [](ModelBuilder& m) { m.s64_matrix("at", 3, 1, {0, 1, 0}); });
  b["ScatterND"] = with(node("ScatterND", {"at", "by"}, {}, {2, 4}), [](ModelBuilder& m) { m.s64_matrix("at", 1, 1, {1}).random("by", {1, 4}); });
  for (const std::string op : {"Scatter", "ScatterElements"})
    b[op] = with(node(op, {"at", "by"}, axis(1), {2, 4}), [=](ModelBuilder& m) {
      if (op == "Scatter") m.proto.mutable_opset_import(0)->set_version(10);  // gone since opset 11
      m.s64_matrix("at", 2, 1, {1, 3}).random("by", {2, 1});
    });
  b["OneHot"] = [](ModelBuilder& m) { m.s64("depth", {3}).f32("values", {2}, {0, 1}).input("x", {kOpen, 4}).output("y").node("OneHot", {"x", "depth", "values"}, {"y"}).named("it"); };
  b["Einsum"] = with(node("Einsum", {"w"}, [](NodeBuilder& n) { n.with("equation", "nij,jk->nik"); }, {kOpen, 4, 6}), [](ModelBuilder& m) { m.random("w", {6, 3}); });
  b["GridSample"] = [](ModelBuilder& m) { m.input("x", {1, 2, 4, 4}).input("grid", {1, 3, 3, 2}).output("y").node("GridSample", {"x", "grid"}, {"y"}).named("it"); };
  b["RoiAlign"] = [](ModelBuilder& m) {
    m.s64("at", {0, 0}).input("x", {1, 2, 8, 8}).input("rois", {2, 4}).output("y");
    m.node("RoiAlign", {"x", "rois", "at"}, {"y"}).named("it").with("sampling_ratio", 2).with("output_height", 2).with("output_width", 2);
  };
  b["LRN"] = node("LRN", {}, [](NodeBuilder& n) { n.with("size", 3); });
  for (const char* op : {"LpNormalization", "GlobalLpPool"}) b[op] = node(op);
  b["MeanVarianceNormalization"] = node("MeanVarianceNormalization", {}, [](NodeBuilder& n) { n.with("axes", Ints{2, 3}); });
  b["LpPool"] = node("LpPool", {}, kernel);
  b["ReverseSequence"] = with(node("ReverseSequence", {"n"}, [](NodeBuilder& n) { n.with("batch_axis", 0).with("time_axis", 1); }, {2, 4, 3}),
                              [](ModelBuilder& m) { m.s64("n", {1, 3}); });
  b["RNN"] = with(node("RNN", {"w", "r"}, [](NodeBuilder& n) { n.with("layout", 1); }, {kOpen, 5, 3}),
                  [](ModelBuilder& m) { m.random("w", {1, 2, 3}).random("r", {1, 2, 2}); });
  for (const char* op : {"HannWindow", "HammingWindow", "BlackmanWindow"})
    b[op] = of_shape([=](ModelBuilder& m) {
      m.s64("eight", {8}).node(op, {"eight"}, {"c"}).named("it");
      m.node("Mul", {"x", "c"}, {"y"});
    });
  b["EyeLike"] = of_shape([](ModelBuilder& m) {
    m.random("like", {8, 8}).node("EyeLike", {"like"}, {"eye"}).named("it");
    m.node("MatMul", {"x", "eye"}, {"y"});
  });
  for (const char* op : {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"})
    b[op] = with(node(op, {"targets"}, [](NodeBuilder& n) { n.with("reduction", "none"); }, {2, 4}), [](ModelBuilder& m) { m.s64("targets", {1, 3}); });
  b["Where"] = [](ModelBuilder& m) {
    m.input("x", {kOpen, 8}).output("y").random("z", {8});
    m.node("Greater", {"x", "z"}, {"c"});
    m.node("Where", {"c", "x", "z"}, {"y"}).named("it");
  };
  b["PRelu"] = with(node("PRelu", {"slope"}), [](ModelBuilder& m) { m.random("slope", {4, 1, 1}); });
  b["Conv"] = with(node("Conv", {"w"}), [](ModelBuilder& m) { m.random("w", {3, 4, 3, 3}); });
  b["ConvTranspose"] = with(node("ConvTranspose", {"w"}, [](NodeBuilder& n) { n.with("strides", Ints{2, 2}).with("pads", Ints{1, 1, 1, 1}); }),
                            [](ModelBuilder& m) { m.random("w", {4, 2, 3, 3}); });
  b["Resize"] = with(node("Resize", {"", "s"}, [](NodeBuilder& n) { n.with("mode", "linear"); }), [](ModelBuilder& m) { m.f32("s", {4}, {1, 1, 2, 2}); });
  b["Upsample"] = [](ModelBuilder& m) {  // gone since opset 10
    m.proto.mutable_opset_import(0)->set_version(9);
    m.f32("s", {4}, {1, 1, 2, 2}).input("x", {kOpen, 4, 6, 6}).output("y").node("Upsample", {"x", "s"}, {"y"}).named("it").with("mode", "linear");
  };
  for (const std::string op : {"LSTM", "GRU"}) {
    const std::int64_t rows = op == "LSTM" ? 8 : 6;
    b[op] = with(node(op, {"w", "r"}, [](NodeBuilder& n) { n.with("layout", 1); }, {kOpen, 5, 3}),
                 [=](ModelBuilder& m) { m.random("w", {1, rows, 3}).random("r", {1, rows, 2}); });
  }
  b["MatMul"] = with(node("MatMul", {"w"}, {}, {kOpen, 5, 8}), [](ModelBuilder& m) { m.random("w", {8, 3}); });
  b["Gemm"] = with(node("Gemm", {"w"}, {}, {kOpen, 8}), [](ModelBuilder& m) { m.random("w", {8, 3}); });
  b["BatchNormalization"] = with(node("BatchNormalization", {"g", "b", "m", "v"}), [](ModelBuilder& m) {
    m.random("g", {4}).random("b", {4}).random("m", {4}).f32("v", {4}, {1, 2, 3, 4});
  });
  b["MaxPool"] = node("MaxPool", {}, kernel);
  b["AveragePool"] = node("AveragePool", {}, kernel);
  b["Concat"] = [](ModelBuilder& m) { m.input("x", {kOpen, 8}).output("y").node("Concat", {"x", "x"}, {"y"}).named("it").with("axis", 1); };
  b["Split"] = [](ModelBuilder& m) {
    m.input("x", {kOpen, 8}).output("y").output("z").node("Split", {"x"}, {"y", "z"}).named("it").with("axis", 1);
  };
  b["DepthToSpace"] = node("DepthToSpace", {}, block);
  b["SpaceToDepth"] = node("SpaceToDepth", {}, block);
  b["Expand"] = with(node("Expand", {"to"}, {}, {2, 1, 4}), [](ModelBuilder& m) { m.s64("to", {2, 3, 4}); });
  b["Tile"] = with(node("Tile", {"to"}, {}, {kOpen, 2}), [](ModelBuilder& m) { m.s64("to", {1, 3}); });
  b["Gather"] = with(node("Gather", {"at"}, axis(1)), [](ModelBuilder& m) { m.s64("at", {2, 0}); });
  b["Pad"] = with(node("Pad", {"pads"}), [](ModelBuilder& m) { m.s64("pads", {0, 0, 1, 1, 0, 0, 1, 1}); });
  b["Reshape"] = with(node("Reshape", {"to"}), [](ModelBuilder& m) { m.s64("to", {0, 2, -1}); });
  b["Slice"] = with(node("Slice", {"from", "to", "axes"}), [](ModelBuilder& m) { m.s64("from", {1}).s64("to", {3}).s64("axes", {2}); });
  b["Squeeze"] = with(node("Squeeze", {"axes"}, {}, {kOpen, 1, 8}), [](ModelBuilder& m) { m.s64("axes", {1}); });
  b["Unsqueeze"] = with(node("Unsqueeze", {"axes"}), [](ModelBuilder& m) { m.s64("axes", {1}); });
  b["Shape"] = of_shape([](ModelBuilder& m) {
    m.node("Shape", {"x"}, {"s"}).named("it");
    m.node("Reshape", {"x", "s"}, {"y"});
  });
  b["Size"] = [](ModelBuilder& m) {
    m.input("x", {2, 8}).output("y").s64("one", {1}).s64("zero", {0});
    m.node("Size", {"x"}, {"s"}).named("it");
    m.node("Unsqueeze", {"s", "zero"}, {"u"});
    m.node("Reshape", {"x", "u"}, {"y"});
  };
  b["Constant"] = of_shape([](ModelBuilder& m) {
    m.node("Constant", {}, {"c"}).named("it").with("value_float", 2.0F);
    m.node("Mul", {"x", "c"}, {"y"});
  });
  b["ConstantOfShape"] = of_shape([](ModelBuilder& m) {
    m.s64("eight", {8}).node("ConstantOfShape", {"eight"}, {"c"}).named("it");
    m.node("Add", {"x", "c"}, {"y"});
  });
  b["NonMaxSuppression"] = [](ModelBuilder& m) {
    m.input("x", {2, 8}).output("y").f32("boxes", {1, 1, 4}, {0, 0, 1, 1}).f32("scores", {1, 1, 1}, {1}).s64("most", {1});
    m.node("NonMaxSuppression", {"boxes", "scores", "most"}, {"s"}).named("it");
    m.node("Cast", {"s"}, {"f"}).with("to", onnx::TensorProto::FLOAT);
    m.s64("three", {3}).node("Reshape", {"f", "three"}, {"t"});
    m.s64("axes", {0}).node("ReduceSum", {"t", "axes"}, {"z"}).with("keepdims", 1);
    m.node("Add", {"x", "z"}, {"y"});
  };
  const auto pair = [](ModelBuilder& m, const std::string& x, const std::string& y, bool named) {
    m.node("QuantizeLinear", {x, "s", "z"}, {x + "_q"}).named(named ? "it" : "");
    m.node("DequantizeLinear", {x + "_q", "s", "z"}, {y}).named(named ? "" : "it");
  };
  const auto parameters = [](ModelBuilder& m) { m.f32("s", {}, {0.1F}).tensor("z", {}, onnx::TensorProto::UINT8)->add_int32_data(3); };
  b["DequantizeLinear"] = [=](ModelBuilder& m) {
    parameters(m.input("x", {kOpen, 8}).output("y"));
    pair(m, "x", "y", false);
  };
  b["DynamicQuantizeLinear"] = [](ModelBuilder& m) {
    m.input("x", {kOpen, 8}).output("y").node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"}).named("it");
    m.node("DequantizeLinear", {"q", "s", "z"}, {"y"});
  };
  b["QuantizeLinear"] = [=](ModelBuilder& m) {
    parameters(m.input("x", {kOpen, 8}).output("y"));
    m.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
    m.node("DequantizeLinear", {"q", "s", "z"}, {"d"});
    m.node("Tanh", {"d"}, {"t"});
    pair(m, "t", "y", true);
  };
  b["Range"] = of_shape([](ModelBuilder& m) {
    m.f32("from", {}, {0}).f32("to", {}, {8}).f32("step", {}, {1}).node("Range", {"from", "to", "step"}, {"c"}).named("it");
    m.node("Add", {"x", "c"}, {"y"});
  });
  return b;
}

/// Whether the model's nodes made of the source "it" satisfy f.
template <class F>
bool all_of_it(const Graph& g, const F& f) {
  bool all = true;
  int count = 0;
  for (const octet::Node& n : g.nodes)
    for (const int s : n.sources) {
      if (g.source_nodes[static_cast<std::size_t>(s)].name != "it") continue;
      ++count;
      all = all && f(n);
    }
  return count > 0 && all;
}

/// In u8: what it reads, or its weights, which have that quantized at run time; or it only moves what it reads.
bool in_int8(const Graph& g, const octet::Node& n) {
  using octet::schema::Operator;
  const auto type = [&](std::size_t i) { return g.tensors[static_cast<std::size_t>(n.inputs[i])].type; };
  const bool moves = n.op() == Operator::Reshape || n.op() == Operator::Transpose || n.op() == Operator::Slice;
  return n.float_reason.empty() && (moves || type(0) == octet::Type::u8 || (n.inputs.size() > 1 && type(1) == octet::Type::s8));
}

octet::Model quantized(const Graph& g) {
  const octet::Model model = must(octet::make_model(g));
  if (octet::came_quantized(model)) return must(octet::quantize_imported(model, {}));
  std::vector<std::vector<float>> values;
  for (const int i : g.inputs) {
    values.push_back(random_values(3 * count_of(g.tensors[static_cast<std::size_t>(i)].shape), 7));
    for (float& v : values.back()) v = 0.75F + 0.5F * v;
  }
  return must(octet::quantize(model, VectorSamples(3, values), {}));
}

void check_row(const Support& s, const Build& build) {
  const std::string name = s.onnx_operator;
  INFO(name);
  ModelBuilder m(22);
  build(m);
  const Graph imported = must(m.import());
  for (const octet::Node& n : imported.nodes)
    if (!n.sources.empty() && imported.source_nodes[static_cast<std::size_t>(n.sources[0])].name == "it")
      CHECK_MESSAGE(std::string(s.becomes).find(octet::name_of(n.op())) != std::string::npos, std::string(octet::name_of(n.op())));
  Graph g = imported;
  must(octet::optimize(g));
  const octet::Model model = quantized(g);
  const Graph& q = model.impl().graph;
  const auto input_type = [&](const octet::Node& n) { return q.tensors[static_cast<std::size_t>(n.inputs[0])].type; };
  switch (s.int8) {
    case Int8::yes:
      CHECK(all_of_it(q, [&](const octet::Node& n) { return in_int8(q, n); }));
      break;
    case Int8::moves:
      CHECK(all_of_it(q, [](const octet::Node& n) { return n.float_reason.empty(); }));
      break;
    case Int8::no:
      CHECK_FALSE(all_of_it(q, [](const octet::Node& n) { return n.float_reason.empty(); }));
      break;
    case Int8::whole:
      CHECK(all_of_it(q, [&](const octet::Node& n) { return n.float_reason.empty() && input_type(n) != octet::Type::f32; }));
      break;
    case Int8::gone:
      CHECK_FALSE(all_of_it(q, [](const octet::Node&) { return true; }));
      break;
  }
}

/// The outputs for the same values of the inputs, at batch 3 where it is free, as f64.
std::vector<std::vector<double>> outputs_of(const octet::Model& model) {
  octet::Session session = must(model.session({.batch = model.inputs()[0].batched ? 3 : 1, .isa = "reference"}));
  std::vector<std::vector<std::byte>> memory;
  std::vector<octet::InputTensor> in;
  for (const octet::TensorInfo& info : session.inputs()) {
    memory.emplace_back(info.size_bytes());
    if (info.type == octet::Type::f32) {
      std::vector<float> values = random_values(info.elements(), 7);
      for (float& v : values) v = 0.75F + 0.5F * v;
      std::ranges::copy(std::as_bytes(std::span(values)), memory.back().begin());
    }
  }
  for (std::size_t i = 0; i < memory.size(); ++i) in.emplace_back(memory[i].data(), memory[i].size(), session.inputs()[i].type);
  std::vector<std::vector<std::byte>> results;
  std::vector<octet::OutputTensor> out;
  for (const octet::TensorInfo& info : session.outputs()) results.emplace_back(info.size_bytes());
  for (std::size_t i = 0; i < results.size(); ++i) out.emplace_back(results[i].data(), results[i].size(), session.outputs()[i].type);
  must(session.run(in, out));
  std::vector<std::vector<double>> numbers;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const octet::Constant c(std::make_shared<int>(), results[i]);
    const auto copy = [&](auto values) { numbers.emplace_back(values.begin(), values.end()); };
    switch (session.outputs()[i].type) {
      case octet::Type::f32: copy(c.as<float>()); break;
      case octet::Type::s32: copy(c.as<std::int32_t>()); break;
      case octet::Type::s64: copy(c.as<std::int64_t>()); break;
      default: copy(c.as<std::uint8_t>()); break;
    }
  }
  return numbers;
}

/// What an exported model becomes when it is converted again.
octet::Model exported_and_back(const octet::Model& model) {
  const auto bytes = must(octet::export_onnx(model));
  Graph g = must(octet::import_onnx(must(octet::parse_onnx(bytes, "exported.onnx"))));
  must(octet::optimize(g));
  octet::Model back = must(octet::make_model(std::move(g)));
  return octet::came_quantized(back) ? must(octet::quantize_imported(back, {})) : back;
}

void check_export(const octet::Model& model) {
  const auto expected = outputs_of(model);
  const auto got = outputs_of(exported_and_back(model));
  REQUIRE(got.size() == expected.size());
  for (std::size_t k = 0; k < got.size(); ++k) {
    REQUIRE(got[k].size() == expected[k].size());
    double largest = 0, worst = 0;
    for (std::size_t i = 0; i < got[k].size(); ++i) {
      largest = std::max(largest, std::abs(expected[k][i]));
      if (got[k][i] != expected[k][i]) worst = std::max(worst, std::abs(got[k][i] - expected[k][i]));
    }
    CHECK(worst <= 1e-5 * largest);
  }
}

TEST_CASE("what each row becomes can be exported, and comes back as it was, in float and in int8") {
  // Quantized rows whose exported form is float between its steps: off by a step of the output at most, not compared here.
  const std::set<std::string> float_between = {"Resize", "Upsample"};
  // Their exported form has steps before samples, with operators in between that Octet takes for a fixed batch only.
  const std::set<std::string> only_out = {"GRU", "LSTM"};
  // ONNX does not shift signed integers, and scatters by tuples without batch axes.
  const std::set<std::string> no_form = {"BitShift", "Scatter", "ScatterElements"};
  const auto models = builds();
  for (const Support& s : octet::supported_operators()) {
    if (no_form.contains(s.onnx_operator)) continue;
    INFO(std::string(s.onnx_operator));
    const auto found = models.find(s.onnx_operator);
    if (found == models.end()) continue;
    ModelBuilder m(22);
    found->second(m);
    Graph g = must(m.import());
    must(octet::optimize(g));
    const octet::Model real = must(octet::make_model(g));
    if (only_out.contains(s.onnx_operator)) {
      must(octet::export_onnx(real));
      must(octet::export_onnx(quantized(g)));
      continue;
    }
    check_export(real);
    if (float_between.contains(s.onnx_operator)) {
      must(octet::export_onnx(quantized(g)));
    } else {
      check_export(quantized(g));
    }
  }
}

TEST_CASE("every importer has a row, every row an importer") {
  std::set<std::string> rows;
  std::string last;
  for (const Support& s : octet::supported_operators()) {
    CHECK(last < s.onnx_operator);  // sorted, once each
    last = s.onnx_operator;
    rows.insert(last);
    CHECK_MESSAGE(octet::importers().find(last) != nullptr, last);
  }
  for (const auto& [name, importer] : octet::importers().rows()) CHECK_MESSAGE(rows.contains(name), name);
}

TEST_CASE("each row is what the converter does") {
  const auto models = builds();
  for (const Support& s : octet::supported_operators()) {
    const auto found = models.find(s.onnx_operator);
    CHECK_MESSAGE(found != models.end(), s.onnx_operator);
    if (found != models.end()) check_row(s, found->second);
  }
}

TEST_CASE("docs/operators.md has the table") {
  std::ifstream file(std::string(OCTET_SOURCE_DIR) + "/docs/operators.md");
  std::stringstream text;
  text << file.rdbuf();
  CHECK_MESSAGE(text.str().find(octet::support_table()) != std::string::npos, "octet operators prints what belongs into docs/operators.md");
}

}  // namespace
}  // namespace octet_test
