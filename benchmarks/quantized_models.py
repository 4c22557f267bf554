#!/usr/bin/env python3
"""Models quantized by ONNX Runtime and NNCF, converted by Octet, and Octet's models exported and run by ONNX Runtime.

    python3 -m venv venv && venv/bin/pip install onnx onnxruntime numpy nncf
    venv/bin/python benchmarks/quantized_models.py --octet build/release/bin/octet MODEL.onnx=DATA.npy ...

DATA.npy holds real inputs, samples first; the first 200 calibrate, all of them compare. Prints a table in Markdown: for every way of
quantizing, SQNR and top-1 agreement of Octet's outputs with those of ONNX Runtime, which runs the same file; and, as a measure, of
ONNX Runtime's own outputs without its optimizations with those with them.
"""
import argparse
import logging
import os
import subprocess
import tempfile

import nncf
import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, QuantizationParameters

U8, S8 = QuantType.QUInt8, QuantType.QInt8
WAYS = {
    "QDQ, u8 and s8 per channel": dict(quant_format=QuantFormat.QDQ, per_channel=True, activation_type=U8, weight_type=S8),
    "QDQ, s8 and s8 per channel": dict(quant_format=QuantFormat.QDQ, per_channel=True, activation_type=S8, weight_type=S8),
    "QDQ, u8 and u8, weights asymmetric": dict(quant_format=QuantFormat.QDQ, per_channel=False, activation_type=U8, weight_type=U8,
                                               extra_options={"WeightSymmetric": False}),
    "QOperator, u8 and s8 per channel": dict(quant_format=QuantFormat.QOperator, per_channel=True, activation_type=U8, weight_type=S8),
    "QOperator, s8 and s8 per tensor": dict(quant_format=QuantFormat.QOperator, per_channel=False, activation_type=S8, weight_type=S8),
}
NNCF_WAYS = {
    "NNCF, performance": dict(preset=nncf.QuantizationPreset.PERFORMANCE),
    "NNCF, mixed": dict(preset=nncf.QuantizationPreset.MIXED),
    "NNCF, mixed, weights per tensor": dict(
        preset=nncf.QuantizationPreset.MIXED,
        advanced_parameters=AdvancedQuantizationParameters(weights_quantization_params=QuantizationParameters(per_channel=False))),
}


class Reader(CalibrationDataReader):
    def __init__(self, name, x):
        self.batches = iter([{name: x[i : i + 10]} for i in range(0, len(x), 10)])

    def get_next(self):
        return next(self.batches, None)


def quantize_nncf(path, to, name, x, how):
    nncf.set_log_level(logging.ERROR)
    data = nncf.Dataset([x[i : i + 1] for i in range(len(x))], lambda sample: {name: sample})
    onnx.save(nncf.quantize(onnx.load(path), data, subset_size=len(x), **how), to)


def run_onnx(path, x, batch=50, optimize=True):
    options = ort.SessionOptions()
    if not optimize:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: x[i : i + batch]})[0] for i in range(0, len(x), batch)]), session.get_outputs()[0].name


def compare(wanted, got):
    wanted, got = wanted.astype(np.float64), got.astype(np.float64)
    noise = ((wanted - got) ** 2).sum()
    sqnr = "equal" if noise == 0 else f"{10 * np.log10((wanted**2).sum() / noise):.1f} dB"
    return f"{sqnr} | {100 * (wanted.argmax(-1) == got.argmax(-1)).mean():.1f} %"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--octet", default="build/release/bin/octet")
    parser.add_argument("models", nargs="+", metavar="MODEL.onnx=DATA.npy")
    options = parser.parse_args()

    def octet(*args):
        subprocess.run([options.octet, *args], check=True, stdout=subprocess.DEVNULL)

    def run_octet(model, data, output, folder):
        octet("run", model, "--data", data, "--out", f"{output}={folder}/y.npy", "--batch", "50")
        return np.load(f"{folder}/y.npy")

    print("| model | quantized | SQNR | same top-1 | ONNX Runtime, not optimized: SQNR | same top-1 |\n|---|---|---|---|---|---|")
    for entry in options.models:
        model, data = entry.split("=", 1)
        x = np.load(data)
        title = os.path.splitext(os.path.basename(model))[0]
        with tempfile.TemporaryDirectory() as folder:
            prepared = f"{folder}/prepared.onnx"
            quant_pre_process(model, prepared, skip_symbolic_shape=True)
            name = ort.InferenceSession(prepared).get_inputs()[0].name
            for way, how in (WAYS | NNCF_WAYS).items():
                if way in WAYS:
                    quantize_static(prepared, f"{folder}/q.onnx", Reader(name, x[:200]), **how)
                else:
                    quantize_nncf(model, f"{folder}/q.onnx", name, x[:200], how)
                wanted, output = run_onnx(f"{folder}/q.onnx", x)
                octet("convert", f"{folder}/q.onnx", "-o", f"{folder}/q.octet")
                got = run_octet(f"{folder}/q.octet", data, output, folder)
                plain = run_onnx(f"{folder}/q.onnx", x, optimize=False)[0]
                print(f"| {title} | {way} | {compare(wanted, got)} | {compare(wanted, plain)} |", flush=True)
            octet("convert", model, "-o", f"{folder}/m.octet", "--data", data, "--samples", str(min(200, len(x))), "--calibrator", "minmax")
            octet("export", f"{folder}/m.octet", "-o", f"{folder}/m.onnx")
            wanted = run_octet(f"{folder}/m.octet", data, output, folder)
            print(f"| {title} | octet export | {compare(wanted, run_onnx(f'{folder}/m.onnx', x)[0])} | | |", flush=True)
            octet("convert", f"{folder}/m.onnx", "-o", f"{folder}/again.octet")
            same = np.array_equal(wanted, run_octet(f"{folder}/again.octet", data, output, folder))
            print(f"| {title} | octet export, convert again | {'same bytes' if same else 'DIFFERENT'} | | | |", flush=True)


if __name__ == "__main__":
    main()
