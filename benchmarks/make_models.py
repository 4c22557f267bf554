#!/usr/bin/env python3
"""Float models of published architectures with seeded random weights, for compare.py: latency does not depend on the weights' values.

  benchmarks/make_models.py FOLDER [NAME ...]      names: resnet8 ad01 mobilenet_v2 resnet50

Needs the packages onnx and numpy. Weights are He-initialised (convolutions are taken to have BatchNormalization folded in; those that
end a residual branch are scaled down, so that activations stay in range). The batch dimension is free.
"""
import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """An ONNX graph, written down layer by layer. Images are [batch, channels, height, width]."""

    def __init__(self, name, shape):
        self.name, self.random = name, np.random.default_rng(0)
        self.nodes, self.weights = [], []
        self.input = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", *shape])

    def node(self, op, inputs, **attributes):
        output = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def constant(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def product(self, shape, gain):
        """He-normal weights and small biases."""
        weights = self.random.standard_normal(shape) * gain * np.sqrt(2 / np.prod(shape[1:]))
        return [self.constant(weights.astype(np.float32)), self.constant((0.05 * self.random.standard_normal(shape[0])).astype(np.float32))]

    def activation(self, x, kind):
        if kind == "relu6":
            return self.node("Clip", [x, self.constant(np.float32(0)), self.constant(np.float32(6))])
        return self.node("Relu", [x]) if kind == "relu" else x

    def conv(self, x, channels_in, channels, kernel=1, stride=1, groups=1, kind="relu", gain=1.0):
        pad = kernel // 2
        y = self.node("Conv", [x, *self.product((channels, channels_in // groups, kernel, kernel), gain)], kernel_shape=[kernel] * 2,
                      strides=[stride] * 2, pads=[pad] * 4, group=groups)
        return self.activation(y, kind)

    def dense(self, x, inputs, outputs, kind=None):
        return self.activation(self.node("Gemm", [x, *self.product((outputs, inputs), 1.0)], transB=1), kind)

    def classify(self, x, channels, classes):
        return self.dense(self.node("Flatten", [self.node("GlobalAveragePool", [x])], axis=1), channels, classes)

    def save(self, folder, last, size):
        output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", size])
        self.nodes[-1].output[0] = "output"
        assert last == self.nodes[-1].name
        graph = helper.make_graph(self.nodes, self.name, [self.input], [output], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, str(Path(folder) / f"{self.name}.onnx"))


def resnet8(folder):
    """MLPerf Tiny image classification: three stages of one residual block on 32x32."""
    b = Builder("resnet8", (3, 32, 32))
    x, width = b.conv("input", 3, 16, 3), 16
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        y = b.conv(b.conv(x, width, channels, 3, stride), channels, channels, 3, kind=None, gain=0.5)
        skip = x if stride == 1 else b.conv(x, width, channels, 1, stride, kind=None, gain=0.7)
        x, width = b.activation(b.node("Add", [y, skip]), "relu"), channels
    b.save(folder, b.classify(x, 64, 10), 10)


def ad01(folder):
    """MLPerf Tiny anomaly detection: a fully connected autoencoder."""
    b = Builder("ad01", (640,))
    x, sizes = "input", [640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640]
    for k, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        x = b.dense(x, inputs, outputs, "relu" if k < len(sizes) - 2 else None)
    b.save(folder, x, 640)


def mobilenet_v2(folder):
    b = Builder("mobilenet_v2", (3, 224, 224))
    x, width = b.conv("input", 3, 32, 3, 2, kind="relu6"), 32
    for expand, channels, repeats, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for k in range(repeats):
            wide, step = width * expand, stride if k == 0 else 1
            y = x if expand == 1 else b.conv(x, width, wide, kind="relu6")
            y = b.conv(y, wide, wide, 3, step, groups=wide, kind="relu6")
            y = b.conv(y, wide, channels, kind=None, gain=0.7)
            x = b.node("Add", [x, y]) if step == 1 and width == channels else y
            width = channels
    b.save(folder, b.classify(b.conv(x, width, 1280, kind="relu6"), 1280, 1000), 1000)


def resnet50(folder):
    b = Builder("resnet50", (3, 224, 224))
    x, width = b.conv("input", 3, 64, 7, 2), 64
    x = b.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for narrow, repeats, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for k in range(repeats):
            step, channels = stride if k == 0 else 1, 4 * narrow
            y = b.conv(b.conv(b.conv(x, width, narrow), narrow, narrow, 3, step), narrow, channels, kind=None, gain=0.3)
            skip = b.conv(x, width, channels, 1, step, kind=None, gain=0.7) if k == 0 else x
            x, width = b.activation(b.node("Add", [y, skip]), "relu"), channels
    b.save(folder, b.classify(x, width, 1000), 1000)


MODELS = {f.__name__: f for f in (resnet8, ad01, mobilenet_v2, resnet50)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all by default")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MODELS):
        parser.error("no such network: " + ", ".join(sorted(unknown)))
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.names or MODELS:
        MODELS[name](options.folder)


if __name__ == "__main__":
    main()
