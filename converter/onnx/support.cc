#include "converter/onnx/support.h"

#include <array>

#include "converter/onnx/expansions.h"

namespace octet {
namespace {

constexpr std::array kRows = {
    Support{"Abs", "Pointwise", Int8::yes, ""},
    Support{"Acos", "Pointwise", Int8::yes, ""},
    Support{"Acosh", "Pointwise", Int8::no, ""},
    Support{"Add", "Add; Binary of integers", Int8::yes, ""},
    Support{"And", "Compare", Int8::whole, ""},
    Support{"ArgMax", "ArgMax", Int8::yes, "f32, s32, s64"},
    Support{"ArgMin", "ArgMax", Int8::yes, "f32, s32, s64"},
    Support{"Asin", "Pointwise", Int8::yes, ""},
    Support{"Asinh", "Pointwise", Int8::yes, ""},
    Support{"Atan", "Pointwise", Int8::yes, ""},
    Support{"Atanh", "Pointwise", Int8::no, ""},
    Support{"AveragePool", "AveragePool; Slice, Add, Binary", Int8::yes, "dilated, of 3 axes, or ceil_mode that counts padding: the second form, not int8"},
    Support{"BatchNormalization", "part of Conv or FullyConnected; Mul, Add", Int8::yes, "int8 with constant statistics"},
    Support{"BitShift", "Binary, Cast", Int8::whole, "u8"},
    Support{"BlackmanWindow", "", Int8::gone, "constant size"},
    Support{"Cast", "Cast", Int8::no, "f32, s32, s64, u8, s8, bool; f16, bf16 and f64 are f32"},
    Support{"CastLike", "Cast", Int8::no, "as Cast"},
    Support{"Ceil", "Pointwise", Int8::yes, ""},
    Support{"Celu", "Pointwise", Int8::yes, ""},
    Support{"Clip", "Pointwise; part of what comes before", Int8::yes, "computed bounds: Binary, not int8"},
    Support{"Concat", "Concat", Int8::moves, ""},
    Support{"Constant", "", Int8::gone, "numbers"},
    Support{"ConstantOfShape", "", Int8::gone, "Expand where the shape follows the batch"},
    Support{"Conv", "Conv; Slice, Concat, MatMul", Int8::yes, "1-D, 2-D; weights that are computed, or 3-D: the second form; groups, dilations, strides, pads, auto_pad"},
    Support{"ConvTranspose", "Conv, Reshape, Transpose, Slice; Pad, Concat, MatMul", Int8::yes, "as Conv; groups, dilations, strides, pads, output_shape"},
    Support{"Cos", "Pointwise", Int8::yes, ""},
    Support{"Cosh", "Pointwise", Int8::no, ""},
    Support{"CumSum", "CumSum", Int8::no, "constant axis"},
    Support{"DepthToSpace", "Reshape, Transpose", Int8::moves, "DCR, CRD"},
    Support{"DequantizeLinear", "Dequantize; part of what comes after", Int8::yes, "u8, s8; s32 constants; not in blocks; a computed scale or zero-point: Cast, Sub, Mul in float"},
    Support{"Div", "Binary; Mul by a constant", Int8::no, "in int8 where the divisor is constant"},
    Support{"Dropout", "", Int8::gone, "inference"},
    Support{"DynamicQuantizeLinear", "Reduce, Sub, Add, Binary, Pointwise, Compare, Where, Cast", Int8::no, "one range for the whole tensor, as ONNX has it: the batch is fixed"},
    Support{"Einsum", "MatMul, Reduce, Transpose, Reshape, Slice", Int8::yes, "f32"},
    Support{"Elu", "Pointwise", Int8::yes, ""},
    Support{"Equal", "Compare", Int8::no, ""},
    Support{"Erf", "Pointwise", Int8::yes, ""},
    Support{"Exp", "Pointwise", Int8::no, ""},
    Support{"Expand", "Expand", Int8::moves, "constant shape, or one that follows the batch"},
    Support{"EyeLike", "", Int8::gone, ""},
    Support{"Flatten", "Reshape", Int8::moves, ""},
    Support{"Floor", "Pointwise", Int8::yes, ""},
    Support{"GRU", "FullyConnected, GRU, Reshape", Int8::yes, "constant weights in s8, the state quantized at run time; default activations; with computed weights or sequence_lens step by step"},
    Support{"Gather", "Gather", Int8::moves, "embeddings; indices are checked at run time"},
    Support{"GatherElements", "GatherND; Transpose, Slice, Reshape", Int8::moves, "indices are checked at run time"},
    Support{"GatherND", "GatherND", Int8::moves, "indices are checked at run time"},
    Support{"Gelu", "Pointwise", Int8::yes, "both forms; also spelt out"},
    Support{"Gemm", "FullyConnected; MatMul, Mul, Add of activations", Int8::yes, "a C that is not one constant row or value is added to the product"},
    Support{"GlobalAveragePool", "AveragePool; Reduce", Int8::yes, ""},
    Support{"GlobalLpPool", "Reduce, Pointwise", Int8::no, ""},
    Support{"GlobalMaxPool", "Reduce", Int8::yes, ""},
    Support{"Greater", "Compare", Int8::no, ""},
    Support{"GreaterOrEqual", "Compare", Int8::no, ""},
    Support{"GridSample", "GatherND, Mul, Add, Sub, Pointwise, Binary, Compare, Cast, Slice, Reshape, Transpose", Int8::no, "images; nearest, linear, cubic"},
    Support{"GroupNormalization", "GroupNormalization", Int8::no, ""},
    Support{"HammingWindow", "", Int8::gone, "constant size"},
    Support{"HannWindow", "", Int8::gone, "constant size"},
    Support{"HardSigmoid", "Pointwise", Int8::yes, "also spelt out"},
    Support{"HardSwish", "Pointwise", Int8::yes, "also spelt out"},
    Support{"Hardmax", "ArgMax, Compare, Cast", Int8::no, ""},
    Support{"Identity", "", Int8::gone, ""},
    Support{"If", "the branch taken", Int8::gone, "constant condition; the other branch is not looked at"},
    Support{"InstanceNormalization", "GroupNormalization", Int8::no, ""},
    Support{"IsInf", "Compare; Pointwise", Int8::no, ""},
    Support{"IsNaN", "Compare", Int8::no, ""},
    Support{"LRN", "AveragePool, Mul, Add, Pointwise, Reshape", Int8::no, ""},
    Support{"LSTM", "FullyConnected, LSTM, Reshape", Int8::yes, "as GRU; peepholes, too, step by step"},
    Support{"LayerNormalization", "LayerNormalization", Int8::yes, "constant scale and bias; up to 65,793 values a row; also spelt out"},
    Support{"LeakyRelu", "Pointwise", Int8::yes, ""},
    Support{"Less", "Compare", Int8::no, ""},
    Support{"LessOrEqual", "Compare", Int8::no, ""},
    Support{"Log", "Pointwise", Int8::no, ""},
    Support{"LogSoftmax", "LogSoftmax", Int8::no, ""},
    Support{"LpNormalization", "Reduce, Compare, Where, Binary", Int8::no, ""},
    Support{"LpPool", "Slice, Add, Pointwise, Pad, Transpose", Int8::no, "windows of up to 1,024 elements"},
    Support{"MatMul", "FullyConnected; MatMul of two activations", Int8::yes, ""},
    Support{"Max", "Binary; Pointwise with a constant bound", Int8::no, "in int8 with a constant bound"},
    Support{"MaxPool", "MaxPool; Slice, Binary, Compare, Where", Int8::yes, "dilated, of 3 axes or with indices: the second form, not int8; indices fix the batch"},
    Support{"Mean", "Add, Mul", Int8::yes, ""},
    Support{"MeanVarianceNormalization", "Reduce, Sub, Mul, Add, Binary, Pointwise", Int8::no, ""},
    Support{"Min", "Binary; Pointwise with a constant bound", Int8::no, "in int8 with a constant bound"},
    Support{"Mish", "Pointwise", Int8::yes, "also spelt out"},
    Support{"Mod", "Binary; Cast", Int8::no, "of reals: fmod=1"},
    Support{"Mul", "Mul; Binary of integers", Int8::yes, ""},
    Support{"Neg", "Pointwise", Int8::yes, ""},
    Support{"NegativeLogLikelihoodLoss", "GatherND, Pointwise, Mul, Reduce, Reshape ...", Int8::yes, "in int8 without weights and mean"},
    Support{"NonMaxSuppression", "", Int8::gone, "constant inputs: the shape of its output depends on them"},
    Support{"Not", "Compare", Int8::whole, ""},
    Support{"OneHot", "Compare, Where, Cast, Binary, Reshape", Int8::no, "constant depth and values"},
    Support{"Or", "Compare", Int8::whole, ""},
    Support{"PRelu", "Binary; Pointwise with one slope", Int8::yes, "in int8 where the slopes are constants along one axis"},
    Support{"Pad", "Pad", Int8::yes, "constant, edge, reflect; constant pads"},
    Support{"Pow", "Mul (square); Pointwise by a constant; Binary; Cast", Int8::no, "in int8 for squares"},
    Support{"QuantizeLinear", "Quantize; part of what comes before", Int8::yes, "u8, s8; not in blocks; a computed scale or zero-point: Binary, Pointwise, Add, Cast in float"},
    Support{"RNN", "MatMul, Add, Pointwise, Slice, Reshape, Concat", Int8::yes, "step by step; up to 1,024 steps"},
    Support{"Range", "", Int8::gone, "constant bounds"},
    Support{"Reciprocal", "Pointwise", Int8::no, ""},
    Support{"ReduceL1", "Reduce", Int8::no, "constant axes; f32, s32, s64"},
    Support{"ReduceL2", "Reduce", Int8::no, "constant axes; f32"},
    Support{"ReduceLogSum", "Reduce", Int8::no, "constant axes; f32"},
    Support{"ReduceLogSumExp", "Reduce", Int8::no, "constant axes; f32"},
    Support{"ReduceMax", "Reduce", Int8::yes, "constant axes; f32, s32, s64"},
    Support{"ReduceMean", "Reduce; AveragePool over an image", Int8::yes, "constant axes; f32, s32, s64"},
    Support{"ReduceMin", "Reduce", Int8::yes, "constant axes; f32, s32, s64"},
    Support{"ReduceProd", "Reduce", Int8::no, "constant axes; f32, s32, s64"},
    Support{"ReduceSum", "Reduce", Int8::yes, "constant axes; f32, s32, s64"},
    Support{"ReduceSumSquare", "Reduce", Int8::no, "constant axes; f32, s32, s64"},
    Support{"Relu", "Pointwise; part of what comes before", Int8::yes, ""},
    Support{"Reshape", "Reshape", Int8::moves, "constant shape, or one that follows the batch"},
    Support{"Resize", "Resize; Gather, MatMul, Transpose", Int8::yes, "constant scales or sizes; cubic, antialias, tf_crop_and_resize, other axes: the second form"},
    Support{"ReverseSequence", "GatherND; Transpose, Binary, Compare, Where", Int8::moves, "axes 0 and 1"},
    Support{"RoiAlign", "GatherND, Gather, Mul, Add, Sub, Pointwise, Binary, Compare, Cast, Reduce, Slice, Reshape, Transpose", Int8::no, "mode avg; sampling_ratio above 0"},
    Support{"Round", "Pointwise", Int8::yes, ""},
    Support{"Scatter", "ScatterND; Transpose, Slice, Concat, Reshape", Int8::no, "indices are checked at run time"},
    Support{"ScatterElements", "ScatterND; Transpose, Slice, Concat, Reshape", Int8::no, "indices are checked at run time"},
    Support{"ScatterND", "ScatterND", Int8::no, "indices are checked at run time"},
    Support{"Selu", "Pointwise", Int8::yes, ""},
    Support{"Shape", "", Int8::gone, ""},
    Support{"Shrink", "Pointwise", Int8::yes, ""},
    Support{"Sigmoid", "Pointwise", Int8::yes, ""},
    Support{"Sign", "Pointwise", Int8::yes, ""},
    Support{"Sin", "Pointwise", Int8::yes, ""},
    Support{"Sinh", "Pointwise", Int8::no, ""},
    Support{"Size", "", Int8::gone, ""},
    Support{"Slice", "Slice", Int8::moves, "constant bounds"},
    Support{"Softmax", "Softmax", Int8::yes, "in int8 along the last axis; a mask before it is recognized and kept exact"},
    Support{"SoftmaxCrossEntropyLoss", "LogSoftmax, GatherND, Pointwise, Mul, Reduce, Reshape ...", Int8::no, ""},
    Support{"Softplus", "Pointwise", Int8::yes, ""},
    Support{"Softsign", "Pointwise", Int8::yes, ""},
    Support{"SpaceToDepth", "Reshape, Transpose", Int8::moves, ""},
    Support{"Split", "Slice", Int8::moves, "constant sizes"},
    Support{"Sqrt", "Pointwise", Int8::no, ""},
    Support{"Squeeze", "Reshape", Int8::moves, ""},
    Support{"Sub", "Sub; Add of a constant; Binary of integers", Int8::yes, ""},
    Support{"Sum", "Add", Int8::yes, ""},
    Support{"Swish", "Pointwise", Int8::yes, "also spelt out"},
    Support{"Tan", "Pointwise", Int8::no, ""},
    Support{"Tanh", "Pointwise", Int8::yes, ""},
    Support{"ThresholdedRelu", "Pointwise", Int8::yes, ""},
    Support{"Tile", "Tile", Int8::moves, "constant repeats"},
    Support{"TopK", "TopK", Int8::no, "constant k; f32, s32, s64"},
    Support{"Transpose", "Transpose; often nothing", Int8::moves, ""},
    Support{"Trilu", "Where", Int8::no, "constant k"},
    Support{"Unsqueeze", "Reshape", Int8::moves, ""},
    Support{"Upsample", "Resize", Int8::yes, "as Resize"},
    Support{"Where", "Where", Int8::no, ""},
    Support{"Xor", "Compare", Int8::whole, ""},
};

const char* text_of(Int8 int8) {
  switch (int8) {
    case Int8::yes: return "yes";
    case Int8::no: return "no";
    case Int8::moves: return "moves bytes";
    case Int8::whole: return "integers, bools";
    case Int8::gone: break;
  }
  return "gone";
}

}  // namespace

std::span<const Support> supported_operators() { return kRows; }

std::string support_table() {
  std::string text = "| ONNX | becomes | int8 | notes |\n|---|---|---|---|\n";
  for (const Support& s : kRows)
    text += std::string("| ") + s.onnx_operator + " | " + s.becomes + " | " + text_of(s.int8) + " | " + s.notes + " |\n";
  text += "\n| quantized or fused | becomes, with Quantize and Dequantize where needed | notes |\n|---|---|---|\n";
  for (const Expansion& e : expansions())
    text += std::string("| ") + e.domain + (*e.domain == '\0' ? "" : ".") + e.op_type + " | " + e.becomes + " | " + e.notes + " |\n";
  return text;
}

}  // namespace octet
