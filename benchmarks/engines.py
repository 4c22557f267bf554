"""How compare.py talks to the engines: peers in processes of their own that wait for their turns, and Octet's own program."""
import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


class Peer:
    """A process of peers.py for one engine, started when it is first needed and again after a crash."""

    def __init__(self, engine):
        self.engine, self.process = engine, None

    def ask(self, **question):
        if self.process is None or self.process.poll() is not None:
            command = [sys.executable, str(FOLDER / "peers.py"), self.engine]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith("{"):  # libraries print, too
                result = json.loads(line)
                if "error" in result:
                    raise RuntimeError(result["error"])
                return result
        self.process = None
        raise RuntimeError("the engine crashed")

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


class PeerModel:
    """One model in a peer, ready to run."""

    def __init__(self, peer, key, model, threads, inputs, precision):
        self.peer, self.key = peer, key
        peer.ask(do="load", key=key, model=str(model), threads=threads, inputs=str(inputs), precision=precision)

    def outputs(self, file):
        import numpy as np

        self.peer.ask(do="outputs", key=self.key, file=str(file))
        return list(np.load(file).values())

    def time(self, seconds):
        return self.peer.ask(do="time", key=self.key, seconds=seconds)


class OctetModel:
    """One .octet file, run by Octet's program once a turn."""

    def __init__(self, program, model, threads, batch, inputs, output_names):
        self.program, self.model, self.batch, self.inputs, self.names = program, model, batch, inputs, output_names
        self.options = ["--threads", str(threads), "--batch", str(batch)]
        self.isa, self.weight_bytes = "", 0

    def outputs(self, file):
        import numpy as np

        files = [f"{file}.{k}.npy" for k in range(len(self.names))]
        outs = [w for name, f in zip(self.names, files) for w in ("--out", f"{name}={f}")]
        self.call("run", "--data", str(self.inputs), *self.options, *outs)
        return [np.load(f) for f in files]

    def time(self, seconds):
        result = json.loads(self.call("bench", *self.options, "--seconds", str(seconds), "--warmup", str(min(0.1, seconds)), "--json", "-"))
        self.isa, self.weight_bytes = result["isa"], result["weight_bytes"]
        return {"min": result["latency_us"]["min"], "median": result["latency_us"]["p50"]}

    def macs(self):
        """Of one sample."""
        return sum(json.loads(self.call("explain", "--json", "-"))["macs"].values())

    def call(self, command, *options):
        return call_octet(self.program, command, str(self.model), *options)


def call_octet(program, *words):
    done = subprocess.run([str(program), *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}")
    return done.stdout
