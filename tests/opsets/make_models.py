#!/usr/bin/env python3
"""Makes the models of this folder: what operator sets 18 to 22 changed, as the current onnx package writes it.

Each goes to <name>_<opset>/ in the layout of ONNX's backend tests, with ONNX Runtime's outputs, which are compared with those of
onnx's own evaluator (differences are printed). Needs the Python packages onnx, onnxruntime and numpy:  make_models.py [FOLDER]
"""
import pathlib
import shutil
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

RANDOM = np.random.default_rng(7)
OPSETS = range(18, 23)


def real(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def ints(*values):
    return np.array(values, dtype=np.int64)


class Case:
    """One node: inputs are given at run time, constants are initializers; both in the node's order, by name."""

    def __init__(self, op, inputs, constants=None, outputs=1, since=18, until=22, name=None, **attributes):
        self.op, self.inputs, self.constants = op, inputs, list((constants or {}).items())
        self.outputs, self.since, self.until = outputs, since, until
        self.name, self.attributes = name or op.lower(), attributes

    def model(self, opset):
        names = list(self.inputs) + [n.strip() for n, _ in self.constants]  # blank: left out
        outputs = [f"y{i}" for i in range(self.outputs)]
        node = helper.make_node(self.op, names, outputs, **self.attributes)
        value = lambda n, a: helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        graph = helper.make_graph(
            [node], "graph", [value(n, a) for n, a in self.inputs.items()],
            [onnx.ValueInfoProto(name=n) for n in outputs],
            [numpy_helper.from_array(a, n) for n, a in self.constants if a is not None])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = min(model.ir_version, 10)
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        for output in inferred.graph.output:  # where the package cannot tell
            if not output.type.WhichOneof("value"):
                output.type.tensor_type.elem_type = TensorProto.FLOAT
        return inferred


def reductions():
    for op in ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare"):
        x = np.abs(real(2, 3, 4)) + 0.5
        yield Case("Reduce" + op, {"x": x}, {"axes": ints(-1)}, since=18, until=20, keepdims=0)
    yield Case("ReduceMean", {"x": real(2, 3, 4)}, since=18, until=18, name="reducemean_noop", noop_with_empty_axes=1)
    yield Case("ReduceMax", {"x": real(2, 3)}, since=18, until=18, name="reducemax_all", keepdims=1)


def moves():
    yield Case("Split", {"x": real(2, 7)}, outputs=3, name="split_num_outputs", axis=1, num_outputs=3)
    yield Case("Split", {"x": real(2, 6)}, {"split": ints(1, 5)}, outputs=2, until=18, axis=-1)
    yield Case("Pad", {"x": real(2, 3, 4)}, {"pads": ints(1, 2), "value": np.float32(1.5), "axes": ints(-1)}, name="pad_axes")
    yield Case("Pad", {"x": real(2, 3, 4)}, {"pads": ints(1, 0, 1, 2), "": None, "axes": ints(1, -1)}, name="pad_axes_edge", mode="edge")
    yield Case("ScatterND", {"x": real(4)}, {"i": ints([1], [3], [1]).reshape(3, 1), "u": real(3)}, name="scatternd_max", reduction="max", until=18)
    yield Case("ScatterElements", {"x": real(3, 3)}, {"i": ints(0, 2, 1).reshape(1, 3), "u": real(1, 3)}, name="scatterelements_min",
               reduction="min", axis=0, until=18)
    for op, constant in (("Reshape", ints(3, -1)), ("Unsqueeze", ints(0)), ("Expand", ints(2, 2, 6))):
        yield Case(op, {"x": real(2, 6) if op != "Expand" else real(2, 1, 6)}, {"shape": constant}, since=19)
    yield Case("Squeeze", {"x": real(2, 1, 6)}, {"axes": ints(1)}, since=21)
    yield Case("Transpose", {"x": real(2, 3, 4)}, since=21, perm=[2, 0, 1])
    yield Case("Flatten", {"x": real(2, 3, 4)}, since=21)
    yield Case("Cast", {"x": real(6)}, since=19, to=TensorProto.INT32)
    yield Case("ConstantOfShape", {}, {"shape": ints(2, 3)}, since=20)


def functions():
    yield Case("Mish", {"x": real(10)})
    for how in ("none", "tanh"):
        yield Case("Gelu", {"x": real(10)}, since=20, name="gelu_" + how, approximate=how)
    x = real(6)
    x[1], x[3], x[4] = np.nan, np.inf, -np.inf
    yield Case("IsNaN", {"x": x}, since=20)
    yield Case("IsInf", {"x": x}, since=20, detect_negative=0)
    for op in ("Elu", "Selu", "HardSigmoid", "HardSwish", "Softplus", "Softsign", "Round", "Cos", "Atanh", "ThresholdedRelu"):
        yield Case(op, {"x": np.tanh(real(10)) if op == "Atanh" else real(10)}, since=22)
    yield Case("EyeLike", {"x": real(3, 4)}, since=22, k=1)


def layers():
    image = real(1, 4, 5, 6)
    yield Case("Conv", {"x": image}, {"w": real(2, 4, 3, 3), "b": real(2)}, since=22, pads=[1, 1, 1, 1])
    yield Case("Conv", {"x": image, "w": real(2, 4, 3, 3)}, since=22, name="conv_weights", strides=[2, 1])
    yield Case("ConvTranspose", {"x": image}, {"w": real(4, 2, 3, 3)}, since=22, strides=[2, 2])
    for op in ("MaxPool", "AveragePool", "LpPool"):
        yield Case(op, {"x": image}, since=22, kernel_shape=[2, 3], pads=[0, 1, 0, 1])
    yield Case("MaxPool", {"x": image}, since=19, name="maxpool_dilated", kernel_shape=[2, 2], dilations=[2, 2])
    yield Case("AveragePool", {"x": image}, since=19, name="averagepool_dilated", kernel_shape=[2, 2], dilations=[2, 2])
    yield Case("AveragePool", {"x": image}, since=19, name="averagepool_ceil", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    yield Case("LpPool", {"x": image}, since=18, until=18, name="lppool_ceil", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, dilations=[1, 1])
    for op in ("GlobalAveragePool", "GlobalMaxPool"):
        yield Case(op, {"x": image}, since=22)
    yield Case("InstanceNormalization", {"x": image}, {"s": real(4), "b": real(4)}, since=22)
    yield Case("GroupNormalization", {"x": image}, {"s": real(4), "b": real(4)}, since=21, num_groups=2)
    yield Case("GroupNormalization", {"x": image}, {"s": real(2), "b": real(2)}, until=20, name="groupnormalization_of_groups", num_groups=2)
    yield Case("LayerNormalization", {"x": real(2, 3, 4)}, {"s": real(4), "b": real(4)}, since=17 + 1)
    for op, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
        yield Case(op, {"x": real(3, 1, 2)}, {"w": real(1, gates * 4, 2), "r": real(1, gates * 4, 4), "b": real(1, gates * 8)}, outputs=2, since=22, hidden_size=4)
    grid = RANDOM.uniform(-1.1, 1.1, (1, 3, 4, 2)).astype(np.float32)
    for mode in ("linear", "nearest", "cubic"):
        for padding in ("zeros", "border", "reflection") if mode == "linear" else ("zeros",):
            yield Case("GridSample", {"x": image, "grid": grid}, since=20, name=f"gridsample_{mode}_{padding}", mode=mode, padding_mode=padding)


def resizes():
    image = real(1, 2, 4, 6)
    yield Case("Resize", {"x": image}, {"": None, "s": np.array([1.5, 2], np.float32)}, name="resize_axes", axes=[3, 2], mode="linear")
    yield Case("Resize", {"x": image}, {"": None, " ": None, "sizes": ints(7, 8)}, name="resize_not_larger", axes=[2, 3], mode="linear",
               keep_aspect_ratio_policy="not_larger")
    yield Case("Resize", {"x": image}, {"": None, "s": np.array([1, 1, 2, 2], np.float32)}, name="resize_cubic", mode="cubic")
    yield Case("Resize", {"x": image}, {"": None, "s": np.array([1, 1, 0.6, 0.6], np.float32)}, since=19, name="resize_symmetric", mode="linear",
               coordinate_transformation_mode="half_pixel_symmetric")


def feeds(case, model):
    return {i.name: case.inputs[i.name] for i in model.graph.input}


def write(folder, case, opset):
    model = case.model(opset)
    given = feeds(case, model)
    got = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, given)
    for a, b in zip(got, ReferenceEvaluator(model).run(None, given)):
        if a.shape != b.shape or not np.allclose(a, b, rtol=1e-3, atol=1e-5, equal_nan=True):
            print(f"{case.name} {opset}: onnx's evaluator has other values than ONNX Runtime")
    test = folder / f"{case.name}_{opset}"
    data = test / "test_data_set_0"
    data.mkdir(parents=True)
    onnx.save(model, test / "model.onnx")
    for kind, names, arrays in (("input", [i.name for i in model.graph.input], list(given.values())), ("output", [o.name for o in model.graph.output], got)):
        for i, (name, array) in enumerate(zip(names, arrays)):
            (data / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(np.ascontiguousarray(array), name).SerializeToString())


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "models")
    shutil.rmtree(folder, ignore_errors=True)
    for cases in (reductions(), moves(), functions(), layers(), resizes()):
        for case in cases:
            for opset in sorted({case.since, case.until}):
                write(folder, case, opset)
    print(len(list(folder.iterdir())), "models in", folder)


if __name__ == "__main__":
    main()
