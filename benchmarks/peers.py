"""The peers of compare.py: how each makes its own best int8 model, and a worker that runs one model.

Worker: peers.py ENGINE MODEL THREADS INPUTS.npz. It answers each line on standard input with one line of JSON:
  outputs FILE.npz   runs once and saves the outputs in the model's order as out0, out1, ...
  time SECONDS       runs for that long (at least three times) and gives {"us": [every single latency]}
"""
import json
import sys
import time
from pathlib import Path

import numpy as np


# ---- int8 models


class Samples:
    """Calibration data for ONNX Runtime: one dictionary of inputs a sample."""

    def __init__(self, samples):
        self.left = iter(samples)

    def get_next(self):
        return next(self.left, None)


def quantize_onnxruntime(model, target, samples):
    """QDQ, per channel, u8 activations, s8 weights: what ONNX Runtime documents for x86 with VNNI."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    CalibrationDataReader.register(Samples)
    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(str(model), str(prepared))
    quantize_static(str(prepared), str(target), Samples(samples), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


def quantize_nncf(model, target, samples):
    """OpenVINO's own: nncf.quantize, preset MIXED."""
    import nncf
    import openvino

    ir = openvino.Core().read_model(str(model))
    quantized = nncf.quantize(ir, nncf.Dataset(samples), preset=nncf.QuantizationPreset.MIXED, subset_size=len(samples))
    openvino.save_model(quantized, str(target), compress_to_fp16=False)


def convert_litert(model, float_target, int8_target, samples):
    """onnx2tf to TensorFlow, then its converter: float, and full-integer with per-channel weights and s8 activations."""
    import subprocess

    import onnx
    import tensorflow as tf

    folder = float_target.with_suffix(".saved_model")
    names = [i.name for i in onnx.load(str(model)).graph.input]
    source = folder.with_suffix(".onnx")  # a copy: onnx2tf may write into the file it is given
    source.write_bytes(model.read_bytes())
    subprocess.run([sys.executable, "-m", "onnx2tf", "-i", str(source), "-o", str(folder), "-nuo", "-n", "-osd",
                    "-b", str(len(next(iter(samples[0].values()))))], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    float_target.write_bytes(next(folder.glob("*_float32.tflite")).read_bytes())

    def representative():
        for sample in samples:
            yield [litert_layout(sample[n]) for n in names]

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    int8_target.write_bytes(converter.convert())


def litert_layout(x):
    """onnx2tf makes images channels-last."""
    return np.ascontiguousarray(np.moveaxis(x, 1, -1)) if x.ndim >= 3 else x


# ---- running


class OnnxRuntime:
    def __init__(self, model, threads, inputs):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        for name, value in inputs.items():
            self.binding.bind_cpu_input(name, value)
        for output in self.session.get_outputs():
            self.binding.bind_output(output.name)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def outputs(self):
        self.run()
        return self.binding.copy_outputs_to_cpu()


class OpenVino:
    def __init__(self, model, threads, inputs):
        import openvino

        core = openvino.Core()
        network = core.read_model(model)
        network.reshape({i: inputs[i.get_any_name()].shape for i in network.inputs})
        compiled = core.compile_model(network, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1})
        self.request = compiled.create_infer_request()
        for i in compiled.inputs:
            self.request.set_tensor(i, openvino.Tensor(inputs[i.get_any_name()]))
        self.run = self.request.infer
        self.count = len(compiled.outputs)

    def outputs(self):
        self.run()
        return [self.request.get_output_tensor(k).data.copy() for k in range(self.count)]


class LiteRt:
    def __init__(self, model, threads, inputs):
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(model, num_threads=threads)
        values = [litert_layout(v) for v in inputs.values()]
        for detail, value in zip(self.interpreter.get_input_details(), values):
            if tuple(detail["shape"]) != value.shape:
                self.interpreter.resize_tensor_input(detail["index"], value.shape)
        self.interpreter.allocate_tensors()
        for detail, value in zip(self.interpreter.get_input_details(), values):
            scale, zero = detail["quantization"]
            if detail["dtype"] == np.int8:
                value = np.clip(np.rint(value / scale) + zero, -128, 127).astype(np.int8)
            self.interpreter.set_tensor(detail["index"], value)
        self.run = self.interpreter.invoke

    def outputs(self):
        self.run()
        results = []
        for detail in self.interpreter.get_output_details():
            value = self.interpreter.get_tensor(detail["index"])
            scale, zero = detail["quantization"]
            results.append((value.astype(np.float32) - zero) * scale if value.dtype == np.int8 else value)
        return results


ENGINES = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "litert": LiteRt}


def measure(run, seconds):
    latencies, clock = [], time.perf_counter
    end = clock() + seconds
    while len(latencies) < 3 or clock() < end:
        start = clock()
        run()
        latencies.append((clock() - start) * 1e6)
    return latencies


def main():
    engine, model, threads, inputs = sys.argv[1:]
    peer = ENGINES[engine](model, int(threads), dict(np.load(inputs)))
    for _ in range(3):
        peer.run()
    print(json.dumps({"ready": Path(model).name}), flush=True)
    for line in sys.stdin:
        word, argument = line.split()
        if word == "outputs":
            np.savez(argument, **{f"out{i}": o for i, o in enumerate(peer.outputs())})
            answer = {"saved": argument}
        else:
            answer = {"us": measure(peer.run, float(argument))}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
