#!/usr/bin/env python3
"""Octet beside ONNX Runtime, OpenVINO and LiteRT: the same models, threads and batch, alternating, in one process tree.

  benchmarks/compare.py MODEL.onnx ... [--threads 1] [--batch 1] [--rounds 5] [--seconds 0.3] [--out build/compare]

The first run makes a virtual environment with the peers (PyPI). Each peer's own best int8 model is made from the same
calibration data as Octet's; outputs are compared with float (SQNR); each peer's fixed cost of a call is measured with
a network of one addition and subtracted. Writes compare.md and compare.json into --out, and the table to standard output.
LiteRT needs --litert (TensorFlow and onnx2tf are installed to convert), and is left out where that conversion fails.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["numpy", "onnx", "onnxruntime", "openvino", "nncf", "ai-edge-litert", "sympy"]
LITERT_PACKAGES = ["tensorflow-cpu", "tf_keras", "onnx2tf", "onnx-graphsurgeon", "sng4onnx", "psutil", "onnxsim"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5, help="how often the engines take turns")
    parser.add_argument("--seconds", type=float, default=0.3, help="of each turn")
    parser.add_argument("--samples", type=int, default=64, help="calibration samples")
    parser.add_argument("--shape", action="append", default=[], metavar="INPUT=1,d1,...", help="sizes the model leaves open")
    parser.add_argument("--data", action="append", default=[], metavar="MODEL=FILE.npz", help="calibration data of one model; normal noise by default")
    parser.add_argument("--litert", action="store_true")
    parser.add_argument("--octet", type=Path, default=ROOT / "build/release/bin/octet")
    parser.add_argument("--peak", type=Path, default=ROOT / "build/release/bin/machine_peak")
    parser.add_argument("--out", type=Path, default=ROOT / "build/compare")
    return parser.parse_args()


def enter_environment(folder, packages):
    """Runs this program again inside a virtual environment that has the peers."""
    python = folder / "bin/python"
    if Path(sys.prefix).resolve() == folder.resolve():
        return
    marker = folder / "packages.txt"
    if not marker.exists() or marker.read_text() != " ".join(packages):
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        print("installing", *packages, file=sys.stderr)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True, stdout=sys.stderr)
        marker.write_text(" ".join(packages))
    os.execv(str(python), [str(python), *sys.argv])


# ---- models and data


def input_shapes(model, given, batch):
    """Shape of every input at a batch; the leading open dimension is the batch."""
    import onnx

    graph = onnx.load(str(model), load_external_data=False).graph
    constants = {t.name for t in graph.initializer}
    shapes, types = {}, {}
    for i in graph.input:
        if i.name in constants:
            continue
        sizes = [d.dim_value or None for d in i.type.tensor_type.shape.dim]
        sizes = [*given[i.name]] if i.name in given else sizes
        if None in sizes[1:]:
            sys.exit(f"{model}: input '{i.name}' leaves a size open: give --shape {i.name}=1,...")
        sizes[0] = batch if i.name in given or sizes[0] is None else sizes[0]
        shapes[i.name], types[i.name] = sizes, onnx.helper.tensor_dtype_to_np_dtype(i.type.tensor_type.elem_type)
    return shapes, types


def make_samples(shapes, types, count, seed):
    """Seeded noise, normal for reals; integer inputs get small token ids, or ones where the name says it is a mask."""
    import numpy as np

    random = np.random.default_rng(seed)

    def one(name):
        if types[name] == np.float32:
            return random.standard_normal(shapes[name]).astype(np.float32)
        return np.ones(shapes[name], types[name]) if "mask" in name else random.integers(0, 1000, shapes[name]).astype(types[name])

    return [{name: one(name) for name in shapes} for _ in range(count)]


def load_samples(path, shapes, count):
    """Samples of an .npz file whose arrays are named like the inputs."""
    import numpy as np

    arrays = dict(np.load(path))
    return [{name: arrays[name][k:k + 1].reshape(shapes[name]) for name in shapes} for k in range(min(count, len(next(iter(arrays.values())))))]


# ---- engines


class Worker:
    """A peer in a process of its own that waits for its turns."""

    def __init__(self, engine, model, threads, inputs):
        command = [sys.executable, str(ROOT / "benchmarks/peers.py"), engine, str(model), str(threads), str(inputs)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.read()

    def read(self):
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("the engine refused the model")
            if line.startswith("{"):
                return json.loads(line)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.read()

    def outputs(self, file):
        import numpy as np

        self.ask(f"outputs {file}")
        return list(np.load(file).values())

    def time(self, seconds):
        latencies = self.ask(f"time {seconds}")["us"]
        return min(latencies), statistics.median(latencies)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Octet:
    """Octet's own program, once a turn."""

    def __init__(self, program, model, threads, batch, inputs, output_names, shape_options):
        self.program, self.model, self.inputs, self.names, self.shapes = program, model, inputs, output_names, shape_options
        self.options = ["--threads", str(threads), "--batch", str(batch)]
        self.batch = batch

    def outputs(self, file):
        import numpy as np

        files = [f"{file}.{k}.npy" for k in range(len(self.names))]
        outs = [w for name, f in zip(self.names, files) for w in ("--out", f"{name}={f}")]
        self.call("run", "--data", str(self.inputs), "--batch", str(self.batch), *outs)
        return [np.load(f) for f in files]

    def time(self, seconds):
        result = json.loads(self.call("bench", *self.options, "--seconds", str(seconds), "--json", "-"))
        self.isa = result["isa"]
        return result["latency_us"]["min"], result["latency_us"]["p50"]

    def call(self, command, *options):
        shapes = self.shapes if str(self.model).endswith(".onnx") else []
        done = subprocess.run([str(self.program), command, str(self.model), *options, *shapes], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr else f"exit code {done.returncode}")
        return done.stdout

    def close(self):
        pass


def prepare(options, model, folder, samples, inputs, shape_options):
    """Everything that can run the model: name -> how to start it. What fails is reported and left out."""
    import numpy as np
    import onnx

    import peers

    calibration = folder / "calibration.npz"
    np.savez(calibration, **{n: np.concatenate([s[n] for s in samples]) for n in samples[0]})
    names = [o.name for o in onnx.load(str(model), load_external_data=False).graph.output]
    ort_int8, nncf_int8 = folder / "onnxruntime_int8.onnx", folder / "openvino_int8.xml"
    octet_int8, lite_f32, lite_int8 = folder / "octet_int8.octet", folder / "litert_f32.tflite", folder / "litert_int8.tflite"

    def convert():
        data = [w for n in samples[0] for w in ("--data", f"{n}={calibration}" if len(samples[0]) > 1 else str(calibration))]
        done = subprocess.run([str(options.octet), "convert", str(model), "-o", str(octet_int8), *data, *shape_options], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])

    def start(engine, file):
        return lambda: Worker(engine, file, options.threads, inputs)

    def octet(file):
        return lambda: Octet(options.octet, file, options.threads, options.batch, inputs, names, shape_options)

    plans = {"onnxruntime f32": (None, start("onnxruntime", model)),
             "onnxruntime int8": (lambda: peers.quantize_onnxruntime(model, ort_int8, samples), start("onnxruntime", ort_int8)),
             "openvino f32": (None, start("openvino", model)),
             "openvino int8": (lambda: peers.quantize_nncf(model, nncf_int8, samples), start("openvino", nncf_int8)),
             "openvino int8 (QDQ)": (None, start("openvino", ort_int8)),
             "octet f32": (None, octet(model)),
             "octet int8": (convert, octet(octet_int8))}
    if options.litert:
        plans["litert f32"] = (lambda: peers.convert_litert(model, lite_f32, lite_int8, samples), start("litert", lite_f32))
        plans["litert int8"] = (None, start("litert", lite_int8))
    engines = {}
    for name, (make, begin) in plans.items():
        try:
            if make is not None:
                make()
            engines[name] = begin()
        except Exception as error:  # a peer that cannot is part of the result
            print(f"{model.name}: {name}: {str(error).splitlines()[0]}", file=sys.stderr)
    return engines


# ---- measuring


def sqnr(reference, outputs):
    """10 log10(signal / noise) in dB over all outputs; 200 where there is no error."""
    import numpy as np

    signal = sum(float((r.astype(np.float64) ** 2).sum()) for r in reference)
    noise = sum(float(((r.astype(np.float64) - o.astype(np.float64).reshape(r.shape)) ** 2).sum()) for r, o in zip(reference, outputs))
    return 200.0 if noise == 0 else 10 * float(np.log10(max(signal, 1e-300) / noise))


def compare_model(options, model, overhead):
    import numpy as np

    folder = options.out / f"{model.stem}-b{options.batch}"
    folder.mkdir(parents=True, exist_ok=True)
    given = {k: [int(d) for d in v.split(",")] for k, v in (s.split("=") for s in options.shape)}
    shapes, types = input_shapes(model, given, 1)
    data = dict(d.split("=", 1) for d in options.data).get(model.stem)
    samples = load_samples(data, shapes, options.samples) if data else make_samples(shapes, types, options.samples, 0)
    run_shapes, _ = input_shapes(model, given, options.batch)
    inputs = folder / "inputs.npz"
    np.savez(inputs, **{n: np.resize(np.concatenate([s[n] for s in samples[-options.batch:]]), run_shapes[n]) for n in run_shapes})
    shape_options = [w for s in options.shape if s.split("=")[0] in shapes for w in ("--shape", s)]
    engines = prepare(options, model, folder, samples, inputs, shape_options)
    rows = {}
    try:
        if "onnxruntime f32" not in engines:
            sys.exit(f"{model}: ONNX Runtime, whose float outputs are the reference, cannot run it")
        reference = engines["onnxruntime f32"].outputs(folder / "reference.npz")
        for name, engine in engines.items():
            rows[name] = {"sqnr_db": round(sqnr(reference, engine.outputs(folder / f"{name.replace(' ', '_')}.npz")), 1), "turns": []}
        for _ in range(options.rounds):
            for name, engine in engines.items():
                rows[name]["turns"].append(engine.time(options.seconds))
    finally:
        for engine in engines.values():
            engine.close()
    for name, row in rows.items():
        best = min(t[0] for t in row["turns"])
        row["min_us"], row["median_us"] = round(best, 2), round(statistics.median(t[1] for t in row["turns"]), 2)
        row["net_us"] = round(max(best - overhead.get(name.split()[0], 0.0), 0.01), 2)
        del row["turns"]
    return {"model": model.stem, "engines": rows, **ratios(rows), "isa": getattr(engines.get("octet int8"), "isa", "")}


def ratios(rows):
    """The best peer's time over Octet's, calls' fixed costs subtracted from the peers'."""
    peers = {n: r["net_us"] for n, r in rows.items() if not n.startswith("octet")}
    if "octet int8" not in rows or not peers:
        return {"best_peer": None, "ratio": None}
    best = min(peers, key=peers.get)
    return {"best_peer": best, "ratio": round(peers[best] / rows["octet int8"]["min_us"], 2)}


def measure_overhead(options):
    """Microseconds of a call that does next to nothing, for each engine."""
    import onnx
    from onnx import TensorProto, helper

    path = options.out / "one_add.onnx"
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])
    one = helper.make_tensor("one", TensorProto.FLOAT, [1, 4], [1.0] * 4)
    graph = helper.make_graph([helper.make_node("Add", ["x", "one"], ["y"], name="add")], "one_add", [value("x")], [value("y")], [one])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    alone = argparse.Namespace(**{**vars(options), "rounds": 3, "batch": 1, "shape": [], "data": []})
    rows = compare_model(alone, path, {})["engines"]
    return {name.split()[0]: rows[name]["min_us"] for name in rows if name.endswith("f32")}


def machine(options):
    """CPU, and what it can at most: {"isa": GMAC/s of its dot products, "l2_gb_s": reads from L2}, where machine_peak is built."""
    name = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.processor())
    peak = json.loads(subprocess.run([str(options.peak)], capture_output=True, text=True, check=True).stdout) if options.peak.exists() else {}
    return {"cpu": name, "peak": peak}


# ---- report


def markdown(result):
    engines = sorted({n for m in result["models"] for n in m["engines"]}, key=lambda n: (n.startswith("octet"), n))
    lines = [f"CPU {result['machine']['cpu']}, Octet's ISA {result['models'][0]['isa']}, {result['threads']} thread(s), batch {result['batch']}.",
             "Microseconds, the best of all turns; in brackets dB of signal to error against float ONNX Runtime. The ratio is the best",
             "peer's time less the fixed cost of its calls, over Octet's int8 time (nothing subtracted).", ""]
    if result["machine"]["peak"]:
        lines[1:1] = ["Measured peak: " + ", ".join(f"{k} {v}" for k, v in result["machine"]["peak"].items()) + "."]
    lines += ["| model | " + " | ".join(engines) + " | best peer | ratio |", "|---|" + "---|" * (len(engines) + 2)]
    lines.append("| (fixed cost of a call) | " + " | ".join(str(result["overhead_us"].get(n.split()[0], "")) for n in engines) + " | | |")
    for m in result["models"]:
        cells = [f"{m['engines'][n]['min_us']} ({m['engines'][n]['sqnr_db']})" if n in m["engines"] else "-" for n in engines]
        lines.append(f"| {m['model']} | " + " | ".join(cells) + f" | {m['best_peer']} | {m['ratio']} |")
    return "\n".join(lines) + "\n"


def main():
    options = arguments()
    packages = PACKAGES + (LITERT_PACKAGES if options.litert else [])
    enter_environment(ROOT / "build" / ("venv-litert" if options.litert else "venv"), packages)
    sys.path.insert(0, str(ROOT / "benchmarks"))
    if not options.octet.exists():
        sys.exit(f"{options.octet} is missing: cmake --preset release && cmake --build --preset release")
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    overhead = measure_overhead(options)
    result = {"machine": machine(options), "threads": options.threads, "batch": options.batch, "overhead_us": overhead, "models": []}
    for model in options.models:
        print(model.stem, file=sys.stderr)
        result["models"].append(compare_model(options, model.resolve(), overhead))
        (options.out / "compare.json").write_text(json.dumps(result, indent=1) + "\n")
        (options.out / "compare.md").write_text(markdown(result))
    print(markdown(result))


if __name__ == "__main__":
    main()
