"""The page compare.py writes: method, tables, and whatever stands in the file from the line "<!-- by hand" on."""
import json

BY_HAND = "<!-- by hand"
EMPTY = f"{BY_HAND}: kept by compare.py, which writes everything above -->\n"

# Best peer's time over Octet's int8 time, one sample on one thread; 1.3 for every other batch and number of threads.
GOALS = {"mnist_mlp": 3, "lenet": 3, "mnist_resnet": 3, "kws": 3, "vww": 3, "resnet8": 3, "ad01": 2, "mobilenet_v2": 2, "bert": 2, "resnet50": 1.5}
OTHER_GOAL = 1.3
SHARE_GOAL = 55  # percent of the measured peak, where it asks for more than physics has
PEAK_OF = {"amx": "avx512vnni", "avx512": "avx2", "reference": "avx2"}  # instruction sets whose own dot product is not measured


def best_peer(row):
    peers = {c: e["net_us"] for c, e in row["engines"].items() if not c.startswith("octet")}
    return min(peers, key=peers.get) if peers else None


def ratio(row):
    peer, own = best_peer(row), row["engines"].get("octet int8")
    return row["engines"][peer]["net_us"] / own["us"] if peer and own else None


def share(row, peak):
    """(percent of the measured peak, of what): dot products, or reads from L2 where every weight is used once."""
    own = row["engines"].get("octet int8")
    if own is None or not row.get("macs"):
        return None
    macs = row["macs"] * row["batch"]
    if macs < 2 * row["weight_bytes"]:
        return 100 * row["weight_bytes"] / own["us"] / 1e3 / (peak["l2_gb_s"] * row["threads"]), "L2"
    isa = PEAK_OF.get(row["isa"], row["isa"])
    return 100 * macs / own["us"] / 1e3 / (peak[f"{isa}_gmacs"] * row["threads"]), isa


def verdict(row, peak):
    goal = GOALS.get(row["model"]) if (row["batch"], row["threads"]) == (1, 1) else OTHER_GOAL
    r, s = ratio(row), share(row, peak)
    if goal is None or r is None:
        return "", ""
    met = "yes" if r >= goal else f"by its share ({SHARE_GOAL} %)" if s and s[0] >= SHARE_GOAL else "no"
    return f"{goal:g}", met


def number(us):
    return f"{us:.2f}" if us < 100 else f"{us:.1f}" if us < 1000 else f"{us:,.0f}"


def table(rows, overhead, peak):
    columns = list(dict.fromkeys(c for row in rows for c in row["engines"]))
    columns.sort(key=lambda c: c.startswith("octet"))
    lines = ["| network | " + " | ".join(columns) + " | best peer | ratio | goal | met | % of peak |", "|---|" + "---:|" * len(columns) + "---|---:|---:|---|---:|",
             "| (fixed cost of a call) | " + " | ".join(number(overhead[c.split()[0]]) if c.split()[0] in overhead else "" for c in columns) + " | | | | | |"]
    for row in rows:
        cells = [f"{number(e['us'])} ({e['sqnr_db']:.0f})" if (e := row["engines"].get(c)) else "-" for c in columns]
        r, s = ratio(row), share(row, peak)
        goal, met = verdict(row, peak)
        lines.append(f"| {row['model']} | " + " | ".join(cells) + f" | {best_peer(row)} | {'-' if r is None else f'**{r:.2f}**'} | {goal} | {met} | " +
                     ("-" if s is None else f"{s[0]:.0f} of {s[1]}") + " |")
    return lines


def head(result):
    m = result["machine"]
    isa = next((row["isa"] for row in result["rows"] if row.get("isa")), "?")
    versions = ", ".join(f"{name} {version}" for name, version in m["versions"].items())
    peak = ", ".join(f"{name.removesuffix('_gmacs')} {value} GMAC/s" for name, value in m["peak"].items() if name.endswith("_gmacs"))
    return ["# Performance", "",
            "Octet beside ONNX Runtime, OpenVINO and LiteRT, as `benchmarks/compare.py` measured it. Machines differ: only ratios of one run count.", "",
            f"- Machine: {m['cpu']}, {m['cores']} cores, {', '.join(m['flags'])}; Octet's instruction set: `{isa}`.",
            f"- Measured peak of one core: {peak}; {m['peak']['l2_gb_s']} GB/s read from L2.",
            f"- Versions: {versions}.", "",
            "## How it is measured", "",
            f"Every engine runs the same float model and int8 models made of it from the same calibration data, on the same input, with the same batch and threads. They take turns, "
            f"{result['rounds']} turns of {result['seconds']:g} s each, all started by one process; the time is the fastest run of all turns, in microseconds. In brackets is the ratio of signal to "
            "error in dB against the outputs of float ONNX Runtime (200: equal); networks with random weights lose more than trained ones.", "",
            "ONNX Runtime: `quantize_static`, QDQ, per channel, u8 activations, `run_with_iobinding`. OpenVINO: `nncf.quantize` preset MIXED, and ONNX Runtime's QDQ file; hint LATENCY, one "
            "stream, `infer()`; bf16 where the CPU has it. LiteRT: full-integer conversion, `invoke()`. The fixed cost of a call from Python, measured with a network of one addition, is "
            "subtracted from a peer's time before it is compared; nothing is subtracted from Octet's.", "",
            "**ratio** is the best peer's time, of all its precisions, over Octet's int8 time. **% of peak**: multiply-accumulates a second as a share of what the dot-product instruction "
            "reaches from registers, times the threads; where every weight is used only once, bytes of weights a second as a share of reads from L2.", ""]


def write(path, result):
    by_hand = EMPTY
    if path.exists() and BY_HAND in (old := path.read_text()):
        by_hand = old[old.index(BY_HAND):]
    lines = head(result)
    for batch, threads in sorted({(row["batch"], row["threads"]) for row in result["rows"]}):
        rows = [row for row in result["rows"] if (row["batch"], row["threads"]) == (batch, threads)]
        lines += [f"## Batch {batch}, {threads} thread{'s' if threads > 1 else ''}", "",
                  *table(rows, result["overhead_us"][str(threads)], result["machine"]["peak"]), ""]
    missing = {**result["missing"], **result["failures"]}
    if missing:
        lines += ["## Not measured", "", *(f"- {what}: {why}" for what, why in missing.items()), ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n" + by_hand)
    path.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
