"""The peers of compare.py: how each makes its own best int8 model, and a worker that runs models of one engine.

Worker: peers.py ENGINE. It answers each line of JSON on standard input with one on standard output:
  {"do": "load", "key": K, "model": FILE, "threads": N, "inputs": FILE.npz, "precision": P}   {"loaded": K}
  {"do": "outputs", "key": K, "file": FILE.npz}     runs once; the outputs in the model's order as out0, out1, ...
  {"do": "time", "key": K, "seconds": S}            runs for that long, at least once: {"min": us, "median": us, "runs": N}
  {"do": "drop"}                                    forgets every model
and with {"error": MESSAGE} where that failed.

Converter: peers.py litert MODEL.onnx FLOAT.tflite INT8.tflite SAMPLES.npz, in an environment with TensorFlow.
"""
import contextlib
import json
import statistics
import sys
import time

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
    model, prepared, target = model.resolve(), prepared.resolve(), target.resolve()
    try:
        with contextlib.chdir(target.parent):  # where it fails it leaves files behind
            quant_pre_process(str(model), str(prepared))
    except Exception:  # its symbolic shape inference gives up on some models
        quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
    quantize_static(str(prepared), str(target), Samples(samples), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


def quantize_nncf(model, target, samples):
    """OpenVINO's own: nncf.quantize, preset MIXED; a transformer is announced as such, as its documentation says."""
    import nncf
    import openvino

    ir = openvino.Core().read_model(str(model))
    tokens = any(v.dtype == np.int64 for v in samples[0].values())
    quantized = nncf.quantize(ir, nncf.Dataset(samples), preset=nncf.QuantizationPreset.MIXED, subset_size=len(samples),
                              model_type=nncf.ModelType.TRANSFORMER if tokens else None)
    openvino.save_model(quantized, str(target), compress_to_fp16=False)


def convert_litert(model, float_target, int8_target, samples_file):
    """onnx2tf to TensorFlow, then its converter: float, and full-integer with per-channel weights and s8 activations."""
    import subprocess
    from pathlib import Path

    import onnx
    import tensorflow as tf

    model, float_target, int8_target = Path(model), Path(float_target), Path(int8_target)
    folder = float_target.with_suffix(".saved_model")
    names = [i.name for i in onnx.load(str(model)).graph.input]
    arrays = dict(np.load(samples_file))
    source = folder.with_suffix(".onnx")  # a copy: onnx2tf may write into the file it is given
    source.write_bytes(model.read_bytes())
    # onnx2tf tries its work on images it would download; it takes any it finds where it runs.
    images = np.random.default_rng(0).random((20, 128, 128, 3), dtype=np.float32)
    np.save(folder.parent / "calibration_image_sample_data_20x128x128x3_float32.npy", images)
    subprocess.run([sys.executable, "-m", "onnx2tf", "-i", str(source), "-o", str(folder), "-nuo", "-n", "-osd", "-b", "1"], check=True,
                   cwd=folder.parent, stdout=subprocess.DEVNULL)
    float_target.write_bytes(next(folder.glob("*_float32.tflite")).read_bytes())

    def representative():
        for k in range(len(arrays[names[0]])):
            yield [litert_layout(arrays[n][k:k + 1]) for n in names]

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
    def __init__(self, model, threads, inputs, _):
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
    def __init__(self, model, threads, inputs, precision):
        import openvino

        core = openvino.Core()
        if precision not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") + ["FP32"]:
            raise RuntimeError(f"this CPU has no {precision}")
        network = core.read_model(model)
        network.reshape({i: inputs[i.get_any_name()].shape for i in network.inputs})
        self.compiled = core.compile_model(network, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": {"FP32": "f32", "BF16": "bf16"}[precision]})
        self.request = self.compiled.create_infer_request()
        for i in self.compiled.inputs:
            self.request.set_tensor(i, openvino.Tensor(inputs[i.get_any_name()]))
        self.run = self.request.infer

    def outputs(self):
        self.run()
        return [self.request.get_output_tensor(k).data.copy() for k in range(len(self.compiled.outputs))]


class LiteRt:
    def __init__(self, model, threads, inputs, _):
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(model, num_threads=threads)
        values = [litert_layout(v) for v in inputs.values()]
        details = self.interpreter.get_input_details()
        for detail, value in zip(details, values):
            if tuple(detail["shape"]) != value.shape:
                self.interpreter.resize_tensor_input(detail["index"], value.shape)
        self.interpreter.allocate_tensors()
        for detail, value in zip(details, values):
            scale, zero = detail["quantization"]
            if detail["dtype"] == np.int8:
                value = np.clip(np.rint(value / scale) + zero, -128, 127)
            self.interpreter.set_tensor(detail["index"], value.astype(detail["dtype"]))
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
    while not latencies or clock() < end:
        start = clock()
        run()
        latencies.append((clock() - start) * 1e6)
    return {"min": min(latencies), "median": statistics.median(latencies), "runs": len(latencies)}


def answer(engine, loaded, ask):
    if ask["do"] == "drop":
        loaded.clear()
        return {}
    if ask["do"] == "load":
        loaded[ask["key"]] = ENGINES[engine](ask["model"], ask["threads"], dict(np.load(ask["inputs"])), ask["precision"])
        loaded[ask["key"]].run()
        return {"loaded": ask["key"]}
    model = loaded[ask["key"]]
    if ask["do"] == "time":
        return measure(model.run, ask["seconds"])
    np.savez(ask["file"], **{f"out{i}": o for i, o in enumerate(model.outputs())})
    return {"saved": ask["file"]}


def main():
    if len(sys.argv) == 6:
        convert_litert(*sys.argv[2:])
        return
    loaded = {}
    for line in sys.stdin:
        try:
            result = answer(sys.argv[1], loaded, json.loads(line))
        except Exception as error:  # the caller decides what a peer's failure means
            result = {"error": " ".join(str(error).split())[:300] or type(error).__name__}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
