// A model for each row of the table of supported operators.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "import_checks.h"
#include "octet/converter.hpp"
#include "test_samples.h"

namespace octet_test {

/// A model around the operator; the node is called "it".
using Build = std::function<void(ModelBuilder& m)>;

/// y = op(x, other inputs), x [N, 4, 6, 6] or of another shape.
inline Build node(const std::string& op, const Strings& more = {}, const std::function<void(NodeBuilder&)>& set = {},
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
inline Build with(const Build& build, const std::function<void(ModelBuilder&)>& constants) {
  return [=](ModelBuilder& m) {
    constants(m);
    build(m);
  };
}

/// y = f32(op(a, b)), of comparisons of x and of numbers.
inline Build logic(const std::string& op, bool of_numbers) {
  return [=](ModelBuilder& m) {
    m.input("x", {kOpen, 8}).output("y").random("z", {8}).random("w", {8});
    m.node("Greater", {"x", "z"}, {"a"});
    m.node("Greater", {"x", "w"}, {"b"});
    m.node(op, of_numbers ? Strings{"x", "z"} : op == "Not" ? Strings{"a"} : Strings{"a", "b"}, {"c"}).named("it");
    m.node("Cast", {"c"}, {"y"}).with("to", onnx::TensorProto::FLOAT);
  };
}

/// y = sigmoid(true ? -x : x).
inline void choice(ModelBuilder& m) {
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
inline Build of_shape(const std::function<void(ModelBuilder&)>& make) {
  return [=](ModelBuilder& m) {
    m.input("x", {kOpen, 8}).output("y");
    make(m);
  };
}

inline Build two_inputs_of(const std::string& op) {
  return [=](ModelBuilder& m) {
    m.input("x", {kOpen, 8}).input("z", {kOpen, 8}).output("y").node(op, {"x", "z"}, {"y"}).named("it");
  };
}

/// By ONNX operator.
inline std::map<std::string, Build> operator_models() {
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
  for (const char* op : {"Acos", "Asin", "Atanh"})  // where they are defined
    b[op] = [=](ModelBuilder& m) {
      m.input("x", {kOpen, 8}).output("y").node("Tanh", {"x"}, {"t"});
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

/// Calibrated on three samples of values from 0.25 to 1.25; with the steps it came with, if it did.
inline octet::Model quantized(const Graph& g) {
  const octet::Model model = must(octet::make_model(g));
  if (octet::came_quantized(model)) return must(octet::quantize_imported(model, {}));
  std::vector<std::vector<float>> values;
  for (const int i : g.inputs) {
    values.push_back(random_values(3 * count_of(g.tensors[static_cast<std::size_t>(i)].shape), 7));
    for (float& v : values.back()) v = 0.75F + 0.5F * v;
  }
  return must(octet::quantize(model, VectorSamples(3, values), {}));
}

}  // namespace octet_test
