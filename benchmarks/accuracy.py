#!/usr/bin/env python3
"""Top-1 accuracy of every way to quantize, on whole test sets: writes docs/accuracy.md.

  benchmarks/accuracy.py --models FOLDER --mnist FOLDER [--fashion FOLDER] [--samples 500] [--no-peer]

FOLDER of models: mnist_mlp.onnx, lenet.onnx, mnist_resnet.onnx, fashion_lenet.onnx, fashion_mobilenet.onnx and
fashion_unbalanced.onnx; those that are missing are left out. Data: IDX files, gzip or not. ONNX Runtime's static int8
(per channel and per tensor, u8 activations) is measured beside, in a virtual environment made for it (PyPI).
"""
import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import ROOT, enter_environment

MODELS = {"mnist_mlp": "mnist", "lenet": "mnist", "mnist_resnet": "mnist",
          "fashion_lenet": "fashion", "fashion_mobilenet": "fashion", "fashion_unbalanced": "fashion"}
NORMALIZATION = {"mnist": (0.1307, 0.3081), "fashion": (0.2860, 0.3530)}
SCALE = 0.00392156862745098
CALIBRATORS = ["minmax", "moving-average", "percentile", "mse", "entropy", "cross-entropy", "auto"]
REPAIRS = ["none", "bias", "equalize", "all"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--fashion", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--no-peer", action="store_true", help="leave ONNX Runtime out")
    parser.add_argument("--octet", type=Path, default=ROOT / "build/release/bin/octet")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/accuracy.md")
    return parser.parse_args()


def data_file(folder, name):
    return next(p for p in (folder / f"{name}.gz", folder / name) if p.exists())


class Model:
    """One float model, its data, and what Octet makes of it."""

    def __init__(self, options, name, scratch):
        self.octet, self.samples, self.scratch = options.octet, options.samples, scratch
        self.path = options.models / f"{name}.onnx"
        folder = options.mnist if MODELS[name] == "mnist" else options.fashion
        mean, std = NORMALIZATION[MODELS[name]]
        self.mean, self.std = mean, std
        self.normalization = ["--scale", str(SCALE), "--mean", str(mean), "--std", str(std)]
        self.train = data_file(folder, "train-images-idx3-ubyte")
        self.test = data_file(folder, "t10k-images-idx3-ubyte")
        self.labels = data_file(folder, "t10k-labels-idx1-ubyte")

    def call(self, *words):
        done = subprocess.run([str(self.octet), *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout

    def accuracy(self, model, *words):
        return json.loads(self.call("eval", model, "--data", self.test, "--labels", self.labels, "--json", "-", *words))["accuracy"]

    def float_accuracy(self):
        return self.accuracy(self.path, *self.normalization)

    def static(self, calibrator, weights, repair):
        target = self.scratch / "static.octet"
        self.call("convert", self.path, "-o", target, "--data", self.train, "--samples", self.samples, *self.normalization,
                  "--calibrator", calibrator, "--weights", weights, "--repair", repair)
        return self.accuracy(target)

    def dynamic(self, weights, repair):
        target = self.scratch / "dynamic.octet"
        self.call("convert", self.path, "-o", target, "--mode", "dynamic", "--weights", weights, "--repair", repair)
        return self.accuracy(target, *self.normalization)

    def images(self, path, count=None):
        import numpy as np

        raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
        pixels = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 1, 28, 28)[:count]
        return ((pixels * SCALE - self.mean) / self.std).astype(np.float32)

    def onnxruntime(self, per_channel):
        """ONNX Runtime's quantize_static (min-max, QDQ, u8 activations, s8 weights), run by ONNX Runtime."""
        import numpy as np
        import onnxruntime
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        from peers import Samples

        prepared, target = self.scratch / "prepared.onnx", self.scratch / "quantized.onnx"
        quant_pre_process(str(self.path), str(prepared))
        name = onnxruntime.InferenceSession(str(prepared), providers=["CPUExecutionProvider"]).get_inputs()[0].name
        CalibrationDataReader.register(Samples)
        quantize_static(str(prepared), str(target), Samples([{name: image[None]} for image in self.images(self.train, self.samples)]),
                        quant_format=QuantFormat.QDQ, per_channel=per_channel, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
        session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
        images = self.images(self.test)
        answers = np.concatenate([session.run(None, {name: images[i:i + 500]})[0].argmax(1) for i in range(0, len(images), 500)])
        raw = gzip.open(self.labels).read() if self.labels.suffix == ".gz" else self.labels.read_bytes()
        return float((answers == np.frombuffer(raw, np.uint8, offset=8)).mean())


def percent(x):
    return f"{100 * x:.2f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def main():
    options = arguments()
    if not options.no_peer:
        enter_environment(ROOT / "build/venv-accuracy", ["numpy", "onnx", "onnxruntime", "sympy"])
    names = [n for n in MODELS if (options.models / f"{n}.onnx").exists()]
    with tempfile.TemporaryDirectory() as folder:
        models = {n: Model(options, n, Path(folder)) for n in names}
        isa = json.loads(models[names[0]].call("bench", models[names[0]].path, "--seconds", "0.01", "--json", "-"))["isa"]
        print("float", file=sys.stderr)
        real = {n: m.float_accuracy() for n, m in models.items()}
        lines = ["# Accuracy", "",
                 f"Top-1 accuracy in percent on the 10,000 test images of MNIST and Fashion-MNIST, {options.samples} training images for",
                 f"calibration. Made by `benchmarks/accuracy.py`; converted and run at {isa}. Calibration runs in float, whose last bits",
                 "differ between instruction sets, so that a conversion elsewhere may differ by an image or two. Defaults are",
                 "`--calibrator auto --repair all`, per-channel weights. What the words mean: [calibration.md](calibration.md).", "",
                 "`cross-entropy` is `mse` here: it differs only where a softmax reads what is quantized, and these models end in logits,",
                 "which the last layer writes in float.", ""]
        rows = [["float", *(percent(real[n]) for n in names)],
                ["Octet int8, defaults", *(percent(m.static("auto", "per-channel", "all")) for m in models.values())],
                ["Octet int8, defaults, per-tensor weights", *(percent(m.static("auto", "per-tensor", "all")) for m in models.values())],
                ["Octet dynamic", *(percent(m.dynamic("per-channel", "equalize")) for m in models.values())]]
        if not options.no_peer:
            for per_channel in (True, False):
                print("ONNX Runtime", file=sys.stderr)
                kind = "channel" if per_channel else "tensor"
                rows.append([f"ONNX Runtime static int8, per {kind}", *(percent(m.onnxruntime(per_channel)) for m in models.values())])
        lines += table(["", *names], rows)
        for weights in ("per-channel", "per-tensor"):
            lines += [f"## Static, {weights} weights", ""]
            rows = []
            for calibrator in CALIBRATORS:
                print(weights, calibrator, file=sys.stderr)
                for repair in REPAIRS:
                    rows.append([calibrator, repair, *(percent(m.static(calibrator, weights, repair)) for m in models.values())])
            lines += table(["calibrator", "repair", *names], rows)
        lines += ["## Dynamic", ""]
        rows = [[w, r, *(percent(m.dynamic(w, r)) for m in models.values())] for w in ("per-channel", "per-tensor") for r in ("none", "equalize")]
        lines += table(["weights", "repair", *names], rows)
    options.out.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
