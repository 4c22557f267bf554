#!/usr/bin/env python3
"""Octet beside ONNX Runtime, OpenVINO and LiteRT: the same models, threads and batch, alternating, in one process tree.

  benchmarks/compare.py --models FOLDER... [--runs 1x1,1x2,8x1,32x1] [--seconds 0.1] [--rounds 3] [--out docs/performance.md]
  benchmarks/compare.py MODEL.onnx ... --runs 1x1

FOLDERs hold the networks of the goals by name (see NETWORKS); what is missing and can be made (make_models.py) is made, the
rest is skipped and said to be. --runs lists batch x threads. The first run makes a virtual environment with the peers (PyPI)
in build/; --litert makes a second one with TensorFlow and onnx2tf, which LiteRT's models are made with.

Each peer's own best int8 model is made from the same calibration data as Octet's, and kept in --work for the next time.
Outputs are compared with float (SQNR); each peer's fixed cost of a call, measured with a network of one addition, is
subtracted from its times and from nobody else's. Writes Markdown and, beside it, JSON. What stands in the Markdown file
from the line "<!-- by hand" on is kept.
"""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["numpy", "onnx", "onnxruntime", "openvino", "nncf", "ai-edge-litert", "sympy"]
LITERT_PACKAGES = ["numpy", "onnx", "tensorflow-cpu", "tf_keras", "onnx2tf", "onnx-graphsurgeon", "sng4onnx", "psutil", "onnxsim", "ai-edge-litert"]
NETWORKS = ["mnist_mlp", "lenet", "mnist_resnet", "kws", "resnet8", "vww", "ad01", "mobilenet_v2", "resnet50", "bert"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="MODEL.onnx", help="instead of the networks of the goals")
    parser.add_argument("--models", nargs="+", type=Path, default=[], metavar="FOLDER", help="where the networks of the goals are")
    parser.add_argument("--only", nargs="+", default=NETWORKS, metavar="NAME", help="of these networks")
    parser.add_argument("--runs", default="1x1,1x2,8x1,8x2,32x1,32x2", metavar="BATCHxTHREADS,...")
    parser.add_argument("--rounds", type=int, default=3, help="how often the engines take turns")
    parser.add_argument("--seconds", type=float, default=0.1, help="of each turn")
    parser.add_argument("--samples", type=int, default=32, help="calibration samples")
    parser.add_argument("--shape", action="append", default=[], metavar="INPUT=1,d1,...", help="sizes a model leaves open")
    parser.add_argument("--data", action="append", default=[], metavar="MODEL=FILE.npz", help="calibration data of one model; normal noise by default")
    parser.add_argument("--litert", action="store_true", help="LiteRT, too")
    parser.add_argument("--venv", type=Path, default=ROOT / "build/venv", help="environment with the peers; made if it is not there")
    parser.add_argument("--litert-venv", type=Path, default=ROOT / "build/venv-litert", help="environment with TensorFlow; likewise")
    parser.add_argument("--octet", type=Path, default=ROOT / "build/release/bin/octet")
    parser.add_argument("--work", type=Path, default=ROOT / "build/compare", help="folder of prepared models")
    parser.add_argument("--out", type=Path, default=ROOT / "build/compare/compare.md")
    return parser.parse_args()


def make_environment(folder, packages):
    """A virtual environment with the packages; one that was made by somebody else is taken as it is."""
    python, marker = folder / "bin/python", folder / "packages.txt"
    if python.exists() and (not marker.exists() or marker.read_text() == " ".join(packages)):
        return python
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    print("installing", *packages, file=sys.stderr)
    subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True, stdout=sys.stderr)
    marker.write_text(" ".join(packages))
    return python


def enter_environment(folder, packages):
    """Runs this program again inside a virtual environment that has the peers."""
    if Path(sys.prefix).resolve() != folder.resolve():
        python = make_environment(folder, packages)
        os.execv(str(python), [str(python), *sys.argv])


# ---- models and data


def find_models(options):
    """(paths, {name: why it is missing}) of the networks to measure."""
    import make_models

    found, missing = [], {}
    for name in [] if options.files else options.only:
        path = next((f / f"{name}.onnx" for f in options.models if (f / f"{name}.onnx").exists()), options.work / f"{name}.onnx")
        if not path.exists() and name in make_models.MODELS:
            make_models.MODELS[name](options.work)
        if path.exists():
            found.append(path)
        else:
            missing[name] = f"no {name}.onnx in the folders given"
    return [*options.files, *found], missing


def input_shapes(model, given, batch):
    """Shape and type of every input at a batch; the leading open dimension is the batch."""
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
            raise RuntimeError(f"input '{i.name}' leaves a size open: give --shape {i.name}=1,...")
        sizes[0] = batch if i.name in given or sizes[0] is None else sizes[0]
        shapes[i.name], types[i.name] = sizes, onnx.helper.tensor_dtype_to_np_dtype(i.type.tensor_type.elem_type)
    return shapes, types, [o.name for o in graph.output]


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


class Network:
    """A float model, its samples, and what every engine runs of it: self.forms is {column: (engine, file, precision)}."""

    def __init__(self, options, path):
        import numpy as np

        self.name, self.path, self.options = path.stem, path.resolve(), options
        self.folder = options.work / path.stem
        self.folder.mkdir(parents=True, exist_ok=True)
        given = {k: [int(d) for d in v.split(",")] for k, v in (s.split("=") for s in options.shape)}
        shapes, types, self.outputs = input_shapes(path, given, 1)
        self.given = {k: v for k, v in given.items() if k in shapes}
        data = dict(d.split("=", 1) for d in options.data).get(path.stem)
        self.samples = load_samples(data, shapes, options.samples) if data else make_samples(shapes, types, options.samples, 0)
        self.calibration = self.folder / "calibration.npz"
        np.savez(self.calibration, **{n: np.concatenate([s[n] for s in self.samples]) for n in shapes})
        self.forms, self.failures = {}, {}

    def inputs(self, batch):
        """File with the inputs of one run."""
        import numpy as np

        shapes, _, _ = input_shapes(self.path, self.given, batch)
        if any(s[0] != batch for s in shapes.values()):
            raise RuntimeError(f"its batch is not open: cannot run {batch} at a time")
        file = self.folder / f"inputs-{batch}.npz"
        np.savez(file, **{n: np.resize(np.concatenate([s[n] for s in self.samples]), shapes[n]) for n in shapes})
        return file

    def prepare(self):
        import peers

        f, octet, litert = self.folder, self.options.octet, self.options.litert
        shape = [w for k, v in self.given.items() for w in ("--shape", f"{k}={','.join(map(str, v))}")]
        many = len(self.samples[0]) > 1
        data = [w for n in self.samples[0] for w in ("--data", f"{n}={self.calibration}" if many else str(self.calibration))]
        plans = [
            ("onnxruntime f32", "onnxruntime", self.path, "FP32", None),
            ("onnxruntime int8", "onnxruntime", f / "onnxruntime_int8.onnx", "FP32", lambda t: peers.quantize_onnxruntime(self.path, t, self.samples)),
            ("openvino f32", "openvino", self.path, "FP32", None),
            ("openvino bf16", "openvino", self.path, "BF16", None),
            ("openvino int8", "openvino", f / "openvino_int8.xml", "FP32", lambda t: peers.quantize_nncf(self.path, t, self.samples)),
            ("openvino int8 (QDQ)", "openvino", f / "onnxruntime_int8.onnx", "FP32", None),
            *([("litert f32", "litert", f / "litert_f32.tflite", "", self.make_litert), ("litert int8", "litert", f / "litert_int8.tflite", "", self.make_litert)] if litert else []),
            ("octet f32", "octet", f / "octet_f32.octet", "", lambda t: self.convert(t, "--mode", "float", *shape)),
            ("octet int8", "octet", f / "octet_int8.octet", "", lambda t: self.convert(t, *data, *shape)),
        ]
        for column, engine, file, precision, make in plans:
            try:
                sources = [self.path, octet] if engine == "octet" else [self.path]
                if make is not None and not (file.exists() and all(file.stat().st_mtime > s.stat().st_mtime for s in sources)):
                    file.unlink(missing_ok=True)
                    make(file)
                if not file.exists():
                    raise RuntimeError("could not be made")
                self.forms[column] = (engine, file, precision)
            except Exception as error:  # a peer that cannot is part of the result
                self.fail(column, error)

    def make_litert(self, _):
        """Both of LiteRT's models at once; a failure to quantize leaves the float one."""
        words = ["litert", self.path, self.folder / "litert_f32.tflite", self.folder / "litert_int8.tflite", self.calibration]
        done = subprocess.run([str(self.options.litert_venv / "bin/python"), str(ROOT / "benchmarks/peers.py"), *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0 and not words[2].exists():
            raise RuntimeError(done.stderr.strip().splitlines()[-1])

    def convert(self, target, *words):
        from engines import call_octet

        call_octet(self.options.octet, "convert", str(self.path), "-o", str(target), *words)

    def fail(self, column, error):
        self.failures[column] = (str(error).splitlines() or [type(error).__name__])[0][:200]
        print(f"  {self.name}: {column}: {self.failures[column]}", file=sys.stderr)


# ---- measuring


def sqnr(reference, outputs):
    """10 log10(signal / noise) in dB over all outputs; 200 where there is no error."""
    import numpy as np

    signal = sum(float((r.astype(np.float64) ** 2).sum()) for r in reference)
    noise = sum(float(((r.astype(np.float64) - o.astype(np.float64).reshape(r.shape)) ** 2).sum()) for r, o in zip(reference, outputs))
    return 200.0 if noise == 0 else 10 * float(np.log10(max(signal, 1e-300) / noise))


def measure(options, peers, network, batch, threads, overhead):
    """Rows {column: times, SQNR} of one network at one batch and number of threads; engines take turns."""
    from engines import OctetModel, PeerModel

    inputs = network.inputs(batch)
    running, rows, reference = {}, {}, None
    for column, (engine, file, precision) in network.forms.items():
        try:
            running[column] = OctetModel(options.octet, file, threads, batch, inputs, network.outputs) if engine == "octet" else PeerModel(
                peers[engine], column, file, threads, inputs, precision)
            outputs = running[column].outputs(network.folder / "outputs.npz")
            reference = reference or outputs
            rows[column] = {"sqnr_db": round(sqnr(reference, outputs), 1), "turns": []}
        except Exception as error:
            running.pop(column, None)
            network.fail(f"{column} {batch}x{threads}", error)
    for _ in range(options.rounds):
        for column in rows:
            rows[column]["turns"].append(running[column].time(options.seconds))
    for column, row in rows.items():
        turns = row.pop("turns")
        row["us"] = min(t["min"] for t in turns)
        row["median_us"] = sorted(t["median"] for t in turns)[len(turns) // 2]
        row["net_us"] = max(row["us"] - overhead.get(column.split()[0], 0.0), 0.01)
    for peer in peers.values():
        if peer.process is not None:
            peer.ask(do="drop")
    int8 = running.get("octet int8")
    facts = {"isa": int8.isa, "weight_bytes": int8.weight_bytes, "macs": int8.macs()} if int8 else {}
    return {"model": network.name, "batch": batch, "threads": threads, **facts, "engines": rows}


def measure_overhead(options, peers, threads):
    """Microseconds of a call that does next to nothing, for each engine."""
    import onnx
    from onnx import TensorProto, helper

    path = options.work / "one_add.onnx"
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4])
    one = helper.make_tensor("one", TensorProto.FLOAT, [4], [1.0] * 4)
    graph = helper.make_graph([helper.make_node("Add", ["x", "one"], ["y"], name="add")], "one_add", [value("x")], [value("y")], [one])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    network = Network(argparse.Namespace(**{**vars(options), "shape": [], "data": []}), path)
    network.prepare()
    network.forms = {c: form for c, form in network.forms.items() if c.endswith("f32")}
    rows = measure(options, peers, network, 1, threads, {})["engines"]
    return {column.split()[0]: row["us"] for column, row in rows.items()}


def cpu(key):
    """What the system says of its first CPU: "model name", "flags"."""
    return next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith(key)), "")


def machine(options):
    """CPU, versions, and what one core can at most: GMAC/s of each instruction set's dot products, GB/s of reads from L2."""
    import importlib.metadata

    program = options.work / "machine_peak"
    sources = [ROOT / "benchmarks/machine_peak.cc", ROOT / "benchmarks/peak.cc", ROOT / "kernels/isa.cc"]
    subprocess.run(["c++", "-std=c++20", "-O2", f"-I{ROOT}", *map(str, sources), "-o", str(program)], check=True)
    peak = json.loads(subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout)
    versions = {p: importlib.metadata.version(p) for p in ("onnxruntime", "openvino", "nncf", "ai-edge-litert")}
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    flags = sorted(set(cpu("flags").split()) & {"avx2", "avx_vnni", "avx512_vnni", "avx512_vbmi", "avx512_bf16", "amx_int8"})
    return {"cpu": cpu("model name"), "cores": os.cpu_count(), "flags": flags, "peak": peak, "versions": {"octet": commit, **versions}}


def main():
    options = arguments()
    enter_environment(options.venv, PACKAGES)
    if options.litert:
        make_environment(options.litert_venv, LITERT_PACKAGES)
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import report
    from engines import Peer

    if not options.octet.exists():
        sys.exit(f"{options.octet} is missing: cmake --preset release && cmake --build --preset release")
    options.work, options.out = options.work.resolve(), options.out.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    start, runs = time.time(), [tuple(map(int, r.split("x"))) for r in options.runs.split(",")]
    paths, missing = find_models(options)
    peers = {engine: Peer(engine) for engine in ("onnxruntime", "openvino", "litert")}
    result = {"machine": machine(options), "seconds": options.seconds, "rounds": options.rounds, "overhead_us": {}, "missing": missing, "failures": {}, "rows": []}
    for threads in sorted({t for _, t in runs}):
        result["overhead_us"][str(threads)] = measure_overhead(options, peers, threads)
    for path in paths:
        print(f"{time.time() - start:6.0f} s  {path.stem}", file=sys.stderr)
        network = Network(options, path)
        network.prepare()
        for batch, threads in runs:
            try:
                result["rows"].append(measure(options, peers, network, batch, threads, result["overhead_us"][str(threads)]))
            except RuntimeError as error:
                network.fail(f"{batch}x{threads}", error)
        result["failures"].update({f"{network.name}: {column}": why for column, why in network.failures.items()})
        result["took_s"] = round(time.time() - start)
        report.write(options.out, result)
    for peer in peers.values():
        peer.close()
    print(options.out.read_text())


if __name__ == "__main__":
    main()
