#!/usr/bin/env python3
"""Makes the models of tests/quantized_networks: small networks as NNCF and PyTorch quantize them, with inputs and ONNX Runtime's outputs.

    python3 -m venv venv && venv/bin/pip install onnx onnxruntime numpy nncf
    venv/bin/python tests/quantized_networks/make_networks.py nncf
    python3 tests/quantized_networks/make_networks.py torch FOLDER     # PyTorch 1.13: writes models to FOLDER
    venv/bin/python tests/quantized_networks/make_networks.py run FOLDER

Each folder has ONNX's layout of a backend test: model.onnx, test_data_set_0/{input,output}_0.pb.
"""
import os
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)
IMAGES = rng.standard_normal((64, 3, 12, 12)).astype(np.float32)
TOKENS = rng.standard_normal((64, 6, 16)).astype(np.float32)


def save(name, model, x):
    """The model with its input and ONNX Runtime's output."""
    import onnx
    import onnxruntime as ort
    from onnx import numpy_helper

    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    y = session.run(None, {session.get_inputs()[0].name: x})[0]
    folder = os.path.join(HERE, name)
    os.makedirs(os.path.join(folder, "test_data_set_0"), exist_ok=True)
    onnx.save(model, os.path.join(folder, "model.onnx"))
    for what, value in (("input_0", x), ("output_0", y)):
        with open(os.path.join(folder, "test_data_set_0", what + ".pb"), "wb") as file:
            file.write(numpy_helper.from_array(value).SerializeToString())
    print(name, y.shape, sorted({n.op_type for n in model.graph.node}))


class Net:
    """An ONNX graph being built: every call names its output."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, value):
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(value), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def __call__(self, op, *inputs, **attributes):
        from onnx import helper

        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self.nodes.append(helper.make_node(op, names, [f"t{len(self.nodes)}"], name=f"{op}_{len(self.nodes)}", **attributes))
        return self.nodes[-1].output[0]

    def model(self, shape):
        from onnx import TensorProto, helper

        self.nodes[-1].output[0] = "y"
        info = lambda name, s: helper.make_tensor_value_info(name, TensorProto.FLOAT, s)
        graph = helper.make_graph(self.nodes, "net", [info("x", ["n", *shape])], [info("y", None)], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def weights(*shape):
    return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def images():
    """Inverted residuals with ReLU6, a max-pool and a concatenation, which have no quantizers of their own, a mean and a product."""
    net = Net()
    x = net("Relu", net("Conv", "x", weights(8, 3, 3, 3), weights(8, 1).ravel(), pads=[1] * 4))
    x = net("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    y = net("Clip", net("Conv", x, weights(16, 8, 1, 1) * 3, weights(16, 1).ravel()), np.float32(0), np.float32(6))
    y = net("Clip", net("Conv", y, weights(16, 1, 3, 3) * 2, weights(16, 1).ravel(), pads=[1] * 4, group=16), np.float32(0), np.float32(6))
    y = net("Conv", y, weights(8, 16, 1, 1), weights(8, 1).ravel())
    x = net("Concat", net("Add", x, y), x, axis=1)
    x = net("Relu", net("Conv", x, weights(12, 16, 3, 3), weights(12, 1).ravel(), strides=[2, 2]))
    x = net("Flatten", net("GlobalAveragePool", x))
    net("Gemm", x, weights(10, 12) * 8, weights(10, 1).ravel(), transB=1)
    return net.model([3, 12, 12])


def attention():
    net = Net()
    q, k, v = (net("Add", net("MatMul", "x", weights(16, 16)), weights(16, 1).ravel()) for _ in range(3))
    scores = net("Mul", net("MatMul", q, net("Transpose", k, perm=[0, 2, 1])), np.float32(0.25))
    x = net("Add", "x", net("MatMul", net("MatMul", net("Softmax", scores, axis=-1), v), weights(16, 16)))
    x = net("Relu", net("Add", net("MatMul", x, weights(16, 32)), weights(32, 1).ravel()))
    net("ReduceMean", net("MatMul", x, weights(32, 10)), axes=[1], keepdims=0)
    return net.model([6, 16])


def make_nncf():
    import logging

    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, QuantizationParameters

    nncf.set_log_level(logging.ERROR)
    per_tensor = AdvancedQuantizationParameters(weights_quantization_params=QuantizationParameters(per_channel=False))
    ways = {
        "nncf_performance": (images(), IMAGES, dict(preset=nncf.QuantizationPreset.PERFORMANCE)),
        "nncf_mixed": (images(), IMAGES, dict(preset=nncf.QuantizationPreset.MIXED)),
        "nncf_per_tensor": (images(), IMAGES, dict(preset=nncf.QuantizationPreset.MIXED, advanced_parameters=per_tensor)),
        "nncf_transformer": (attention(), TOKENS, dict(model_type=nncf.ModelType.TRANSFORMER)),
    }
    for name, (model, x, how) in ways.items():
        data = nncf.Dataset([x[i : i + 1] for i in range(len(x))], lambda item: {"x": item})
        quantized = nncf.quantize(model, data, subset_size=len(x), **how)
        del quantized.metadata_props[:]
        save(name, quantized, x[:8])


def make_torch(folder):
    import copy

    import torch
    import torch.nn.functional as F
    from torch import nn
    from torch.ao import quantization as tq
    from torch.ao.quantization import quantize_fx

    torch.manual_seed(7)
    x = torch.from_numpy(IMAGES)

    class Eager(nn.Module):
        def __init__(self):
            super().__init__()
            self.quant, self.dequant = tq.QuantStub(), tq.DeQuantStub()
            self.conv, self.norm, self.relu = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()
            self.depthwise, self.last, self.swish = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Linear(16, 10), nn.Hardswish()
            self.add, self.cat = torch.ao.nn.quantized.FloatFunctional(), torch.ao.nn.quantized.FloatFunctional()

        def forward(self, x):
            x = self.relu(self.norm(self.conv(self.quant(x))))
            y = self.depthwise(x)
            x = self.cat.cat([self.add.add_relu(x, y), self.swish(y)], 1)
            x = torch.flatten(F.adaptive_avg_pool2d(F.max_pool2d(x, 2), 1), 1)
            return self.dequant(self.last(x))

    class Traced(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.up = nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.Conv2d(8, 12, 1)
            self.depthwise, self.relu6, self.last = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU6(), nn.Linear(12, 10)

        def forward(self, x):
            x = F.relu(self.norm(self.conv(x)))
            x = x + self.relu6(self.depthwise(x))
            x = F.leaky_relu(self.up(x), 0.1)
            return self.last(F.avg_pool2d(torch.sigmoid(x), 5).flatten(1))

    def settled(model):
        with torch.no_grad():
            for _ in range(3):
                model.train()(x)
        return model.eval()

    def export(model, name):
        torch.onnx.export(model, x[:1], f"{folder}/{name}.onnx", opset_version=13, input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})

    eager, traced = settled(Eager()), settled(Traced())
    for engine, kind in (("qnnpack", "per_tensor"), ("onednn", "per_channel")):
        torch.backends.quantized.engine = engine
        weight = tq.default_weight_observer if engine == "qnnpack" else tq.default_per_channel_weight_observer
        config = tq.QConfig(activation=tq.HistogramObserver.with_args(reduce_range=False), weight=weight)
        model = tq.fuse_modules(copy.deepcopy(eager), [["conv", "norm", "relu"]])
        model.qconfig = config
        tq.prepare(model, inplace=True)(x)
        export(tq.convert(model), f"torch_eager_{kind}")
        mapping = tq.get_default_qconfig_mapping("qnnpack" if engine == "qnnpack" else "fbgemm")
        model = quantize_fx.prepare_fx(copy.deepcopy(traced), mapping, (x[:1],))
        model(x)
        export(quantize_fx.convert_fx(model), f"torch_fx_{kind}")
    # Quantization-aware training: BatchNormalization is undone behind the convolution whose weights it has been folded into.
    fake = lambda observer, **how: tq.FakeQuantize.with_args(observer=observer, **how)
    model = copy.deepcopy(eager).train()
    model.qconfig = tq.QConfig(
        activation=fake(tq.MovingAverageMinMaxObserver, quant_min=0, quant_max=255),
        weight=fake(tq.MovingAveragePerChannelMinMaxObserver, quant_min=-128, quant_max=127, dtype=torch.qint8, qscheme=torch.per_channel_symmetric))
    model = tq.prepare_qat(tq.fuse_modules_qat(model, [["conv", "norm", "relu"]]))
    with torch.no_grad():
        model(x)
    model.eval().apply(tq.disable_observer)
    export(model, "torch_qat")


def run(folder):
    import onnx

    for name in sorted(os.listdir(folder)):
        if not name.startswith("torch_") or not name.endswith(".onnx"):
            continue
        model = onnx.load(os.path.join(folder, name))
        for node in model.graph.node:
            node.doc_string = ""
        save(name[:-5], model, IMAGES[:8])


if __name__ == "__main__":
    {"nncf": make_nncf, "torch": make_torch, "run": run}[sys.argv[1]](*sys.argv[2:])
