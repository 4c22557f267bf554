#!/usr/bin/env python3
"""Real architectures beside ONNX Runtime: writes docs/real-networks.md.

  benchmarks/real_networks.py MODEL.onnx ... [--samples 256] [--calibration 32] [--calibrate MODEL=N]

Each model's float outputs, and those of Octet's and ONNX Runtime's int8 models, both calibrated on the same data, are compared over
the same samples with the float outputs of ONNX Runtime. Inputs are made here, seeded: see DATA. A network of recurrent layers is
compared with ONNX Runtime's dynamic quantization. ONNX Runtime is installed into a virtual environment (PyPI).
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import ROOT, cpu, enter_environment, input_shapes, sqnr

PACKAGES = ["numpy", "onnx", "onnxruntime", "sympy"]
TOLERANCE = 1e-4  # of float outputs, relative to the largest
MARGIN_DB = 2.0   # below ONNX Runtime's int8 this is a defect


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--samples", type=int, default=256, help="that are compared")
    parser.add_argument("--calibration", type=int, default=32, help="samples that both calibrate on")
    parser.add_argument("--calibrate", action="append", default=[], metavar="MODEL=N", help="fewer for one model")
    parser.add_argument("--octet", type=Path, default=ROOT / "build/release/bin/octet")
    parser.add_argument("--venv", type=Path, default=ROOT / "build/venv-ort")
    parser.add_argument("--keep", type=Path, help="a folder for the int8 models, which are made only once; a temporary one by default")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/real-networks.md")
    return parser.parse_args()


# ---- data


def smooth_images(random, shape):
    """Noise of many scales, as images have: sums of coarse noise blown up. About normal, each channel by itself."""
    import numpy as np

    total = np.zeros(shape, np.float32)
    h, w = shape[-2:]
    for cell in (1, 4, 16, 64):
        if cell > max(h, w):
            break
        coarse = random.standard_normal((*shape[:-2], -(-h // cell), -(-w // cell))).astype(np.float32)
        total += np.repeat(np.repeat(coarse, cell, -2), cell, -1)[..., :h, :w]
    return total / 2


def normalized_images(random, shapes):
    return {name: smooth_images(random, shape) for name, shape in shapes.items()}


def unit_images(random, shapes):
    import numpy as np

    return {name: np.clip(0.5 + 0.25 * smooth_images(random, shape), 0, 1).astype(np.float32) for name, shape in shapes.items()}


def cepstra(random, shapes):
    """Mel-frequency coefficients as a keyword model takes them: a large first one, then ever smaller ones, drifting in time."""
    import numpy as np

    (name, shape), = shapes.items()
    drift = np.cumsum(random.standard_normal(shape), axis=2) / np.sqrt(1 + np.arange(shape[2]))[:, None]
    size = np.array([30.0] + [12.0 / np.sqrt(k) for k in range(1, shape[3])])
    centre = np.array([-40.0] + [0.0] * (shape[3] - 1))
    return {name: (centre + size * drift).astype(np.float32)}


def noise(random, shapes):
    import numpy as np

    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def tokens(padded):
    def make(random, shapes):
        import numpy as np

        n, length = shapes["ids"]
        lengths = random.integers(length // 8, length + 1, n) if padded else np.full(n, length)
        mask = (np.arange(length)[None] < lengths[:, None]).astype(np.int64)
        return {"ids": random.integers(1000, 30000, (n, length)).astype(np.int64), "mask": mask}

    return make


# Of each model: name of the case -> calibration data, samples that are compared.
DATA = {
    "kws": {"": (cepstra, cepstra)},
    "vww": {"": (unit_images, unit_images)},
    "lstm": {"": (noise, noise)},
    "bert": {"calibrated on whole sequences": (tokens(False), tokens(False)),
             "calibrated on whole, run on padded": (tokens(False), tokens(True)),
             "calibrated on padded, run on padded": (tokens(True), tokens(True))},
}
IMAGES = {"": (normalized_images, normalized_images)}
DATA_IN_WORDS = """Data is made by the script, seeded: for networks of images, noise of several scales that is normal (for `vww`, clipped to
[0, 1]); for `kws`, cepstra with a large first coefficient that drift in time; for `lstm`, normal noise; for `bert`, random tokens, all
of the length or padded to it. All models but `kws` and `vww` have random weights."""


# ---- engines


class Case:
    """A model, calibration data and samples, and what both engines make of them."""

    def __init__(self, options, path, name, make, folder):
        import numpy as np

        self.options, self.path, self.name, self.folder = options, path, name, folder
        self.stem = path.stem + ("-" + name.replace(" ", "-").replace(",", "") if name else "")
        self.count = int(dict(c.split("=") for c in options.calibrate).get(path.stem, options.calibration))
        random = np.random.default_rng(0)
        self.calibration = make[0](random, input_shapes(path, {}, self.count)[0])
        self.samples = make[1](np.random.default_rng(1), input_shapes(path, {}, options.samples)[0])
        self.files = {what: folder / f"{self.stem}-{what}.npz" for what in ("calibration", "samples")}
        np.savez(self.files["calibration"], **self.calibration)
        np.savez(self.files["samples"], **self.samples)

    def data(self, what):
        return [w for name in self.samples for w in ("--data", f"{name}={self.files[what]}")]

    def octet(self, *words):
        done = subprocess.run([str(self.options.octet), *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout

    def run_octet(self, model):
        import numpy as np
        import onnx

        names = [o.name for o in onnx.load(str(self.path), load_external_data=False).graph.output]
        files = [self.folder / f"{self.stem}-out{k}.npy" for k in range(len(names))]
        self.octet("run", model, *self.data("samples"), "--batch", 8, *[w for n, f in zip(names, files) for w in ("--out", f"{n}={f}")])
        return [np.load(f) for f in files]

    def run_onnxruntime(self, model):
        import numpy as np
        import onnxruntime

        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        parts = []
        for k in range(0, self.options.samples, 8):
            parts.append(session.run(None, {n: v[k:k + 8] for n, v in self.samples.items()}))
        return [np.concatenate(p) for p in zip(*parts)]

    def is_recurrent(self):
        import onnx

        return any(n.op_type in ("LSTM", "GRU") for n in onnx.load(str(self.path), load_external_data=False).graph.node)

    def onnxruntime_int8(self):
        import peers

        target = self.folder / f"{self.stem}.int8.onnx"
        if target.exists():
            return target
        if self.is_recurrent():
            from onnxruntime.quantization import QuantType, quantize_dynamic

            quantize_dynamic(str(self.path), str(target), weight_type=QuantType.QInt8)
        else:
            samples = [{n: v[k:k + 1] for n, v in self.calibration.items()} for k in range(self.count)]
            peers.quantize_onnxruntime(self.path, target, samples)
        return target

    def octet_int8(self):
        target = self.folder / f"{self.stem}.octet"
        self.octet("convert", self.path, "-o", target, *self.data("calibration"))
        return target


def compare_case(case):
    import numpy as np

    reference = case.run_onnxruntime(case.path)
    real = case.run_octet(case.path)
    difference = max(float(np.abs(a.astype(np.float64) - b).max() / np.abs(b).max()) for a, b in zip(real, reference))
    model = case.octet_int8()
    explained = json.loads(case.octet("explain", model, "--json", "-"))
    macs = sum(n["macs"] for n in explained["nodes"])
    int8 = sum(n["macs"] for n in explained["nodes"] if n["type"] in ("u8", "s8"))
    reasons = {}
    for n in explained["nodes"]:
        if n["reason"]:
            reasons.setdefault(n["reason"], []).append(n["name"])
    return {"model": case.path.stem, "case": case.name, "calibration": case.count, "float_difference": difference,
            "octet_db": sqnr(reference, case.run_octet(model)), "onnxruntime_db": sqnr(reference, case.run_onnxruntime(case.onnxruntime_int8())),
            "int8_macs": int8 / macs if macs else 1.0, "reasons": reasons}


# ---- report


def markdown(options, rows):
    lines = ["# Real networks beside ONNX Runtime", "",
             f"`benchmarks/real_networks.py`, {options.samples} samples each, on {cpu('model name')}. The reference is float ONNX Runtime. Float:",
             "the largest difference of Octet's float outputs, relative to the largest output. int8: signal to error of the outputs, in dB; ONNX",
             "Runtime's is `quantize_static` (u8 activations, s8 weights per channel) on the same calibration data, for `lstm` `quantize_dynamic`.", "",
             *DATA_IN_WORDS.splitlines(), "",
             "| model | calibration samples | float difference | int8 Octet dB | int8 ONNX Runtime dB | multiply-accumulates in int8 |",
             "|---|---|---|---|---|---|"]
    for r in rows:
        name = r["model"] + (f", {r['case']}" if r["case"] else "")
        lines.append(f"| {name} | {r['calibration']} | {r['float_difference']:.1e} | {r['octet_db']:.1f} | {r['onnxruntime_db']:.1f} | {100 * r['int8_macs']:.2f} % |")
    lines += ["", "Nodes that stay in float, as `octet explain` gives them:", ""]
    told = set()
    for r in rows:
        if r["model"] in told:
            continue
        told.add(r["model"])
        each = [f"{', '.join(f'`{n}`' for n in names[:4])}{' ...' if len(names) > 4 else ''}: {reason}" for reason, names in r["reasons"].items()]
        lines.append(f"- {r['model']}: {'; '.join(each) if each else 'none'}.")
    return "\n".join(lines) + "\n"


def main():
    options = arguments()
    enter_environment(options.venv, PACKAGES)
    sys.path.insert(0, str(ROOT / "benchmarks"))
    rows, failures = [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for path in options.models:
            for name, make in DATA.get(path.stem, IMAGES).items():
                row = compare_case(Case(options, path.resolve(), name, make, folder))
                rows.append(row)
                print({k: v for k, v in row.items() if k != "reasons"}, file=sys.stderr, flush=True)
                if row["float_difference"] > TOLERANCE or row["octet_db"] < row["onnxruntime_db"] - MARGIN_DB:
                    failures.append(f"{row['model']} {row['case']}".strip())
    options.out.write_text(markdown(options, rows))
    if failures:
        sys.exit("behind: " + "; ".join(failures))


if __name__ == "__main__":
    main()
