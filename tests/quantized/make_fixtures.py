#!/usr/bin/env python3
"""Makes the models of tests/quantized: one quantized operator each, with input and output bytes of ONNX Runtime.

    python3 -m venv venv && venv/bin/pip install onnx onnxruntime numpy
    venv/bin/python tests/quantized/make_fixtures.py

Each folder has ONNX's layout of a backend test: model.onnx, test_data_set_0/{input,output}_N.pb. Graph optimizations are off, so that
ONNX Runtime runs the very operators of the model.
"""
import os

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper, numpy_helper

FOLDER = os.path.dirname(os.path.abspath(__file__))
MS = "com.microsoft"
rng = np.random.default_rng(7)


def u8(*shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


def s8(*shape):
    return rng.integers(-128, 128, shape, dtype=np.int8)


def f32(*values):
    return np.array(values if len(values) > 1 else values[0], np.float32)


def z8(value):
    return np.array(value, np.uint8)


class Case:
    """A model being built: constants by value, inputs by name."""

    def __init__(self, name):
        self.name, self.nodes, self.constants, self.inputs = name, [], [], {}

    def input(self, name, value):
        self.inputs[name] = value
        return name

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op, inputs, domain="", output="y", **attributes):
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self.nodes.append(helper.make_node(op, names, output.split(), name=op + "_" + output.split()[0], domain=domain, **attributes))
        return output

    def save(self):
        to_info = lambda n, v: helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        graph = helper.make_graph(self.nodes, self.name, [to_info(n, v) for n, v in self.inputs.items()],
                                  [helper.make_empty_tensor_value_info("y")], self.constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MS, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = ort.InferenceSession(model.SerializeToString(), options)
        y = session.run(None, self.inputs)[0]
        del model.graph.output[:]
        model.graph.output.append(to_info("y", y))
        folder = os.path.join(FOLDER, self.name)
        os.makedirs(os.path.join(folder, "test_data_set_0"), exist_ok=True)
        onnx.save(model, os.path.join(folder, "model.onnx"))
        for i, (name, value) in enumerate(self.inputs.items()):
            self.write(folder, f"input_{i}", value, name)
        self.write(folder, "output_0", y, "y")
        print(self.name, y.dtype, y.shape, y.min(), y.max())

    @staticmethod
    def write(folder, what, value, name):
        with open(os.path.join(folder, "test_data_set_0", what + ".pb"), "wb") as file:
            file.write(numpy_helper.from_array(value, name).SerializeToString())


def conv(name, x, w, w_scale, w_zero, x_zero, y_zero, y_scale, bias=True, **attributes):
    c = Case(name)
    inputs = [c.input("x", x), f32(0.02), x_zero, w, w_scale, w_zero, f32(y_scale), y_zero]
    if bias:
        inputs.append(rng.integers(-2000, 2000, w.shape[0], dtype=np.int32))
    c.node("QLinearConv", inputs, **attributes)
    c.save()


scales = np.linspace(0.004, 0.012, 6).astype(np.float32)
conv("qlinearconv_per_channel", u8(2, 4, 7, 7), s8(6, 4, 3, 3), scales, np.zeros(6, np.int8), z8(120), z8(130), 0.09, pads=[1, 1, 1, 1])
conv("qlinearconv_zero_point", u8(2, 4, 7, 7), u8(6, 4, 3, 3), f32(0.01), z8(100), z8(120), z8(90), 0.1, strides=[2, 2])
conv("qlinearconv_zero_points", u8(2, 4, 7, 7), u8(6, 2, 3, 3), scales, np.array([90, 128, 160, 110, 140, 100], np.uint8), z8(120), z8(90), 0.08, group=2)
conv("qlinearconv_depthwise", u8(1, 6, 9, 9), s8(6, 1, 3, 3), scales, np.zeros(6, np.int8), z8(128), z8(128), 0.05, bias=False, group=6, pads=[1, 1, 1, 1])
conv("qlinearconv_s8", s8(1, 4, 7, 7), s8(6, 4, 3, 3), f32(0.01), np.array(0, np.int8), np.array(-5, np.int8), np.array(10, np.int8), 0.1)

c = Case("qlinearmatmul")
c.node("QLinearMatMul", [c.input("x", u8(3, 16)), f32(0.02), z8(120), s8(16, 5), np.linspace(0.01, 0.02, 5).astype(np.float32), np.zeros(5, np.int8), f32(0.15), z8(128)])
c.save()
c = Case("qlinearmatmul_activations")
c.node("QLinearMatMul", [c.input("a", u8(2, 3, 16)), f32(0.02), z8(120), c.input("b", u8(2, 16, 5)), f32(0.01), z8(131), f32(0.1), z8(128)])
c.save()
c = Case("convinteger")
c.node("ConvInteger", [c.input("x", u8(1, 3, 6, 6)), u8(4, 3, 3, 3), z8(120), z8(100)], pads=[1, 1, 1, 1])
c.save()
c = Case("matmulinteger")
c.node("MatMulInteger", [c.input("x", u8(3, 16)), s8(16, 5), z8(120), np.array(3, np.int8)])
c.save()

for op in ("QLinearAdd", "QLinearMul"):
    c = Case(op.lower())
    c.node(op, [c.input("a", u8(2, 5, 8)), f32(0.02), z8(120), c.input("b", u8(5, 8)), f32(0.03), z8(90), f32(0.05), z8(125)], MS)
    c.save()
c = Case("qlinearadd_s8")
i8 = lambda v: np.array(v, np.int8)
c.node("QLinearAdd", [c.input("a", s8(2, 5, 8)), f32(0.02), i8(-8), c.input("b", s8(2, 5, 8)), f32(0.03), i8(9), f32(0.05), i8(5)], MS)
c.save()
c = Case("qlinearconcat")
c.node("QLinearConcat", [f32(0.03), z8(110), c.input("a", u8(2, 3, 4)), f32(0.02), z8(120), c.input("b", u8(2, 5, 4)), f32(0.04), z8(90)], MS, axis=1)
c.save()
c = Case("qlinearaveragepool")
c.node("QLinearAveragePool", [c.input("x", u8(2, 3, 8, 8)), f32(0.02), z8(120), f32(0.01), z8(128)], MS, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
c.save()
c = Case("qlinearglobalaveragepool")
c.node("QLinearGlobalAveragePool", [c.input("x", u8(2, 3, 8, 8)), f32(0.02), z8(120), f32(0.004), z8(128)], MS)
c.save()
c = Case("qlinearsigmoid")
c.node("QLinearSigmoid", [c.input("x", u8(2, 128)), f32(0.05), z8(120), f32(1 / 256), z8(0)], MS)
c.save()
c = Case("qlinearleakyrelu")
c.node("QLinearLeakyRelu", [c.input("x", u8(2, 128)), f32(0.05), z8(120), f32(0.03), z8(20)], MS, alpha=0.1)
c.save()
c = Case("qlinearsoftmax")
c.node("QLinearSoftmax", [c.input("x", u8(4, 20)), f32(0.03), z8(120), f32(1 / 256), z8(0)], MS, axis=-1, opset=13)
c.save()
c = Case("qgemm")
c.node("QGemm", [c.input("x", u8(3, 16)), f32(0.02), z8(120), s8(5, 16), f32(0.01), np.array(0, np.int8), rng.integers(-900, 900, 5, dtype=np.int32), f32(0.1), z8(128)], MS, transB=1)
c.save()
c = Case("qgemm_real")
c.node("QGemm", [c.input("x", u8(3, 16)), f32(0.02), z8(120), s8(16, 5), f32(0.01), np.array(0, np.int8), rng.integers(-900, 900, 5, dtype=np.int32)], MS)
c.save()

real = lambda *shape: rng.standard_normal(shape).astype(np.float32)
c = Case("gelu")
c.node("Gelu", [c.input("x", real(2, 64))], MS)
c.save()
c = Case("fusedmatmul")
c.node("FusedMatMul", [c.input("a", real(2, 3, 8)), c.input("b", real(2, 5, 8))], MS, transB=1, alpha=0.25)
c.save()
c = Case("skiplayernormalization")
c.node("SkipLayerNormalization", [c.input("x", real(2, 4, 16)), c.input("skip", real(2, 4, 16)), real(16), real(16), real(16)], MS, epsilon=1e-5)
c.save()

# A chain on bytes: what moves them does so between quantized operators.
c = Case("qoperator_chain")
x = c.input("x", s8(1, 4, 8, 8))
c.node("QLinearConv", [x, f32(0.02), i8(-8), s8(6, 4, 3, 3), f32(0.01), i8(0), f32(0.1), i8(-128)], output="a", pads=[1, 1, 1, 1])
c.node("MaxPool", ["a"], output="b", kernel_shape=[2, 2], strides=[2, 2])
c.node("Transpose", ["b"], output="c", perm=[0, 2, 3, 1])
c.node("Reshape", ["c", np.array([1, 96], np.int64)], output="d")
c.node("QGemm", ["d", f32(0.1), i8(-128), s8(96, 7), f32(0.01), i8(0), rng.integers(-900, 900, 7, dtype=np.int32), f32(0.5), i8(3)], MS)
c.save()

# What quantize_dynamic writes: inputs quantized at run time, accumulators scaled by what came out.
for kind, product, x, w in (("matmul", "MatMulInteger", real(3, 16), u8(16, 5)), ("conv", "ConvInteger", real(1, 3, 6, 6), u8(4, 3, 3, 3))):
    c = Case("dynamic_" + kind)
    c.node("DynamicQuantizeLinear", [c.input("x", x)], output="q s z")
    weight_zero = rng.integers(100, 156, 5, dtype=np.uint8) if kind == "matmul" else z8(121)
    weight_scale = np.linspace(0.01, 0.02, 5).astype(np.float32) if kind == "matmul" else f32(0.01)
    attributes = {} if kind == "matmul" else {"pads": [1, 1, 1, 1]}
    c.node(product, ["q", w, "z", weight_zero], output="acc", **attributes)
    c.node("Cast", ["acc"], output="real", to=T.FLOAT)
    c.node("Mul", ["s", weight_scale], output="scale")
    c.node("Mul", ["real", "scale"], output="scaled")
    c.node("Add", ["scaled", real(5) if kind == "matmul" else real(1, 4, 1, 1)])
    c.save()
