#!/usr/bin/python3
"""Measures xgrad against PyTorch and the machine; run it by tests/benchmarks/run, which builds what it needs.

Every figure is the least, or the median, over the single training steps of several rounds; in a round both
sides are measured one directly after the other, so that what else the machine does hits both.
"""
import argparse
import csv
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile

from charts import CURVES, draw_curves, draw_ratios, setting
from publish import publish

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's PyTorch
REAL_CORES = 1.7  # below, two threads share a processor and the round says nothing about two threads

OPS = ["layer_norm", "softmax", "gelu", "tanh", "exp", "bias_relu"]
TABLE = ["a", "a_adam", "b", "b_adam", "b100", "c64", "c256", "d", "conv", *(f"e_{op}" for op in OPS), "f"]
QUICK_POINTS = {"depth": [10, 50, 200], "width": [32, 128, 256], "tokens": [16, 64, 256]}

# PyTorch's time over ours: what the project sets out to reach, on one thread and on two, and what it dreams of.
TARGETS = {
    1: {"a": 1.4, "a_adam": 2.1, "b": 6, "b_adam": 14, "b100": 7, "c64": 1.7, "c256": 1.2, "d": 1.35,
        "e_layer_norm forward": 2.2, "e_layer_norm backward": 2.2, "e_softmax forward": 2, "e_tanh forward": 7,
        "e_exp forward": 2.7, "e_bias_relu forward": 2.7, "f": 20},
    2: {"a": 1.7, "b": 6, "c64": 2.2, "c256": 1.4, "d": 1.45},
}  # fmt: skip
MOONSHOTS = {
    1: {"a": 1.7, "b": 8, "b100": 9, "c64": 2.1, "c256": 1.35, "d": 1.7, "f": 100},
    2: {"a": 2, "b": 14, "c64": 2.8, "c256": 1.6, "d": 1.9},
}


def die(message, code=1):
    print(f"benchmarks/run: {message}", file=sys.stderr)
    sys.exit(code)


def say(*words):
    print(*words, flush=True)


# The two sides.


def json_of(command, environment):
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        die(f"{pathlib.Path(command[0]).name} failed:\n{done.stderr.strip()}")
    return json.loads(done.stdout)


class Ours:
    def __init__(self, program, data, environment):
        self.program, self.data, self.environment = program, data, environment

    def __call__(self, *words):
        return json_of([self.program, *words], self.environment)

    def write(self, name):
        return self("write", name, self.data / name)

    def measure(self, name, seconds):
        """The counters of a step, and those of its matrix products or None."""
        report = self(
            f"--benchmark_filter=^{name}(/products)?/manual_time$",
            f"--benchmark_min_time={seconds}",
            "--benchmark_format=json",
        )
        step, products = None, None
        for entry in report["benchmarks"]:
            if "/products/" not in entry["name"]:
                step = entry
            elif not entry.get("error_occurred"):
                products = entry
        return step, products


class Theirs:
    """PyTorch, in a process that stays and waits between rounds."""

    def __init__(self, data, threads, environment):
        self.command = [PYTHON, str(HERE / "peer.py"), str(data), str(threads)]
        self.environment = environment
        self.process = subprocess.Popen(
            self.command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def measure(self, name, adam, seconds, forms):
        request = {"name": name, "adam": adam, "seconds": seconds, "forms": forms}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            die(f"peer.py ended while it measured {name} (its message is above)")
        return json.loads(answer)

    def memory(self, name, form, adam):
        words = ["--memory", name, form] + (["--adam"] if adam else [])
        return json_of(self.command + words, self.environment)["bytes"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# One workload.


class Times:
    """Least and median over rounds; the median is that of the rounds' medians."""

    def __init__(self):
        self.minima, self.medians = [], []

    def add(self, least, median):
        self.minima.append(least)
        self.medians.append(median)

    @property
    def least(self):
        return min(self.minima)

    @property
    def median(self):
        return statistics.median(self.medians)


# Parts of a step, and what their counters in Google Benchmark's report begin with.
PARTS = {"": "", "forward": "forward_", "backward": "backward_"}


class Measurement:
    def __init__(self):
        self.ours = {part: Times() for part in PARTS}
        self.products = Times()
        self.theirs = {}  # form -> part -> Times
        self.errors = {}  # form -> largest relative difference
        self.differ = False  # whether it is too large in any form

    def add_ours(self, step, products):
        for part, prefix in PARTS.items():
            self.ours[part].add(step[prefix + "min"], step[prefix + "median"])
        if products:
            self.products.add(products["min"], products["median"])

    def add_theirs(self, answer):
        for form, result in answer.items():
            self.errors[form] = result["error"]
            times = result["times"]
            if times is None:
                self.differ = True
            else:
                parts = self.theirs.setdefault(form, {part: Times() for part in PARTS})
                for part in PARTS:
                    t = times[part] if part else times
                    parts[part].add(t["min"], t["median"])

    def best(self, part=""):
        return min(self.theirs, key=lambda form: self.theirs[form][part].least)

    def contenders(self):
        """Forms that may yet turn out to be the fastest."""
        return sorted(
            {
                form
                for part in PARTS
                for form, times in self.theirs.items()
                if times[part].least < 1.25 * self.theirs[self.best(part)][part].least
            }
        )


class Session:
    """One setting: kernels and threads."""

    def __init__(self, options, data, kernels, threads):
        self.options, self.kernels, self.threads = options, kernels, threads
        environment = dict(os.environ, OPENBLAS_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
        environment.pop("OPENBLAS_CORETYPE", None)
        if kernels != "auto":
            environment["OPENBLAS_CORETYPE"] = kernels
        self.ours = Ours(options.program, data, environment)
        self.theirs = Theirs(data, threads, environment)
        self.fit = self.has_its_cores()
        self.machine = self.ours("machine", threads)

    def has_its_cores(self):
        """Whether two threads have a processor each; waits a little for that."""
        return self.threads == 1 or any(self.ours("cores")["cores"] >= REAL_CORES for _ in range(8))

    def measure(self, name, rounds, seconds):
        """What the workload needs, and its times; none if the processors were never there."""
        facts = self.ours.write(name)
        result, forms = Measurement(), None
        for _ in range(rounds):
            if not self.has_its_cores():
                continue
            if not self.fit:  # what was measured at the beginning says nothing about two processors
                self.machine, self.fit = self.ours("machine", self.threads), True
            answer = self.theirs.measure(name, name.endswith("_adam"), seconds, forms)
            if not self.has_its_cores():
                continue
            result.add_theirs(answer)
            if result.differ:
                break
            forms = result.contenders()
            result.add_ours(*self.ours.measure(name, seconds))
        return facts, result

    def rows(self, name, rounds, seconds):
        """The lines of the table for one workload; those of single ops come in two parts."""
        facts, m = self.measure(name, rounds, seconds)
        for part in ("forward", "backward") if name.startswith("e_") else ("",):
            label = f"{name} {part}".strip()
            row = {
                "workload": label,
                "threads": self.threads,
                "kernels": self.kernels,
                "target": TARGETS[min(self.threads, 2)].get(label, 1),
                "moonshot": MOONSHOTS[min(self.threads, 2)].get(label),
            }
            if m.errors:
                row["error"] = max(m.errors.values())
            if m.theirs and not m.differ:
                form = m.best(part)
                ours, theirs = m.ours[part], m.theirs[form][part]
                row.update(
                    ours_min_ms=ours.least * 1e3,
                    ours_median_ms=ours.median * 1e3,
                    pytorch_min_ms=theirs.least * 1e3,
                    pytorch_median_ms=theirs.median * 1e3,
                    pytorch_form=form,
                    ratio=theirs.least / ours.least,
                )
                if m.products.minima:
                    row["products_ms"] = m.products.least * 1e3
                    row["limit_ms"] = facts["flops"] / self.machine["sgemm"] * 1e3
                elif part:
                    row["limit_ms"] = facts[f"{part}_bytes"] / self.machine["triad"] * 1e3
                if "limit_ms" in row:
                    row["share"] = row["limit_ms"] / row["ours_min_ms"]
                if self.threads == 1 and part != "forward":
                    row["ours_peak_mb"] = self.ours("memory", name)["bytes"] / 1e6
                    row["pytorch_peak_mb"] = self.theirs.memory(name, form, name.endswith("_adam")) / 1e6
            yield row


# What is printed and written.

COLUMNS = [
    ("workload", "workload", "{}", 22),
    ("ours_min_ms", "ours ms", "{:.3f}", 8),
    ("ours_median_ms", "median", "{:.3f}", 8),
    ("pytorch_min_ms", "PyTorch", "{:.3f}", 8),
    ("pytorch_median_ms", "median", "{:.3f}", 8),
    ("ratio", "ratio", "{:.2f}", 6),
    ("target", "target", "{:g}", 6),
    ("moonshot", "moon", "{:g}", 5),
    ("products_ms", "gemm ms", "{:.3f}", 8),
    ("limit_ms", "limit", "{:.3f}", 8),
    ("share", "share", "{:.0%}", 5),
    ("ours_peak_mb", "MB ours", "{:.1f}", 7),
    ("pytorch_peak_mb", "PyTorch", "{:.1f}", 7),
    ("error", "error", "{:.0e}", 6),
]
FIELDS = [key for key, *_ in COLUMNS] + ["threads", "kernels", "pytorch_form"]


def line(row):
    cells = []
    for key, _, form, width in COLUMNS:
        value = row.get(key)
        text = "" if value is None else form.format(value)
        cells.append(text.ljust(width) if key == "workload" else text.rjust(width))
    return " ".join(cells).rstrip()


FEWER = ", on fewer threads"


def remark(row):
    if "ratio" not in row:
        return "  results DIFFER" if "error" in row else "  not measured: two threads had no processor each"
    mark = "" if row["ratio"] >= row["target"] else "  below target" if row["ratio"] >= 1 else "  SLOWER"
    return mark + ("  (PyTorch on fewer threads)" if row["pytorch_form"].endswith(FEWER) else "")


def heading():
    return " ".join(t.ljust(w) if t == "workload" else t.rjust(w) for _, t, _, w in COLUMNS)


def first_match(pattern, text, otherwise):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1) if found else otherwise


def blas_says(question, kernels):
    """openblas_get_config or openblas_get_corename, under these kernels."""
    environment = dict(os.environ)
    environment.pop("OPENBLAS_CORETYPE", None)
    if kernels != "auto":
        environment["OPENBLAS_CORETYPE"] = kernels
    code = f"""
import ctypes
f = ctypes.CDLL('libopenblas.so.0').{question}
f.restype = ctypes.c_char_p
print(f().decode())"""
    done = subprocess.run([PYTHON, "-c", code], env=environment, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def description(kernels, quick):
    """What was measured where, line by line."""
    cpu = first_match(r"^model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text(), platform.machine())
    system = first_match(r'^PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text(), platform.system())
    compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    torch = subprocess.run(
        [PYTHON, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True
    )
    settings = [f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith(("OPENBLAS_", "OMP_"))]
    cores = ", ".join(f"{k} = {blas_says('openblas_get_corename', k)}" for k in kernels)
    return [
        f"{datetime.date.today()}, {cpu}, {os.cpu_count()} processors, {system}",
        f"xgrad {commit.stdout.strip() or '(no git)'} with {compiler}; "
        f"PyTorch {torch.stdout.strip()} (Debian), eager; float32",
        f"{' '.join(blas_says('openblas_get_config', 'auto').split()[:2])}; kernels: {cores}",
        ("quick: few short rounds, rough; " if quick else "")
        + f"exported: {' '.join(settings) or 'no setting of OpenBLAS or OpenMP'}",
    ]


def write_csv(path, fields, rows, about):
    with open(path, "w", newline="") as file:
        for text in about:
            file.write(f"# {text}\n")
        writer = csv.DictWriter(file, fields, extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})


# The whole.


def parse():
    parser = argparse.ArgumentParser(prog="tests/benchmarks/run", description=__doc__, allow_abbrev=False)
    parser.error = lambda message: die(f"{message} (--help lists the options)", 2)
    parser.add_argument("--check", action="store_true", help="only look whether these options make sense")
    parser.add_argument("--program", type=pathlib.Path, help="our side, built")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--publish", action="store_true")
    parser.add_argument("--workload", action="append", default=[])
    parser.add_argument("--threads", default="1,2" if os.cpu_count() > 1 else "1")
    parser.add_argument("--kernels", help="auto, or OpenBLAS's name of a processor")
    options = parser.parse_args()
    try:
        options.threads = [int(word) for word in options.threads.split(",")]
    except ValueError:
        options.threads = []
    if not options.threads or min(options.threads) < 1:
        parser.error("--threads takes numbers from 1, such as 1 or 1,2")
    known = TABLE + list(CURVES)
    asked = [word for words in options.workload for word in words.split(",")] or known
    for word in asked:
        if word not in known + ["e"]:
            parser.error(f"there is no workload {word}: choose among e, {', '.join(known)}")
    options.table = [n for n in TABLE if n in asked or ("e" in asked and n.startswith("e_"))]
    options.curves = [n for n in CURVES if n in asked]
    options.kernels = options.kernels.split(",") if options.kernels else default_kernels()
    options.rounds, options.seconds = (2, 0.05) if options.quick else (5, 0.25)
    return options


def default_kernels():
    """OpenBLAS's own choice, and what is exported; where that is nothing and the processor has AVX-512, the
    AVX2 kernels, which many machines are left with."""
    exported = os.environ.get("OPENBLAS_CORETYPE")
    if not exported and "avx512f" in pathlib.Path("/proc/cpuinfo").read_text():
        exported = "Haswell"
    return ["auto"] + ([exported] if exported else [])


def strongest(row, rows):
    """`row`, but with PyTorch on fewer threads where that was faster: who has two processors may use one."""
    what = row["workload"], row["kernels"]
    same = [r for r in rows if (r["workload"], r["kernels"]) == what and "ratio" in r]
    best = min(same, key=lambda r: r["pytorch_min_ms"], default=row)
    if "ratio" in row and best["pytorch_min_ms"] < row["pytorch_min_ms"]:
        row.update({key: best[key] for key in ("pytorch_min_ms", "pytorch_median_ms")})
        row["pytorch_form"] = best["pytorch_form"].removesuffix(FEWER) + FEWER
        row["ratio"] = row["pytorch_min_ms"] / row["ours_min_ms"]
    return row


def measure_table(options, data):
    rows = []
    for kernels in options.kernels:
        for threads in options.threads:
            session = Session(options, data, kernels, threads)
            m = session.machine
            say(
                f"\n{setting(threads, kernels)}: sgemm {m['sgemm'] / 1e9:.0f} GFLOP/s, triad "
                f"{m['triad'] / 1e9:.0f} GB/s at the size of the ops, {m['memory_triad'] / 1e9:.0f} from memory"
                + ("" if session.fit else " (two threads share a processor just now)")
            )
            say(heading())
            for name in options.table:
                for row in session.rows(name, options.rounds, options.seconds):
                    rows.append(strongest(row, rows))
                    say(line(row) + remark(row))
            session.theirs.close()
    return rows


def measure_curves(options, data):
    points = []
    if not options.curves:
        return points
    session = Session(options, data, "auto", 1)
    for curve in options.curves:
        title, unit, numbers = CURVES[curve]
        say(f"\n{title}: ms a step, ours, PyTorch, ratio")
        for n in QUICK_POINTS[curve] if options.quick else numbers:
            _, m = session.measure(f"{curve}_{n}", max(2, options.rounds // 2), options.seconds)
            if m.differ:
                die(f"{curve} {n}: results differ, relative {max(m.errors.values()):.1e}")
            ours, theirs = m.ours[""].least * 1e3, m.theirs[m.best()][""].least * 1e3
            points.append(
                {
                    "curve": curve,
                    "n": n,
                    "ours_min_ms": ours,
                    "pytorch_min_ms": theirs,
                    "ratio": theirs / ours,
                    "pytorch_form": m.best(),
                    "error": max(m.errors.values()),
                }
            )
            say(f"{n:6d} {unit:8} {ours:10.3f} {theirs:10.3f} {theirs / ours:6.2f}")
    session.theirs.close()
    return points


def main():
    options = parse()
    if options.check:
        return
    options.out.mkdir(parents=True, exist_ok=True)
    about = description(options.kernels, options.quick)
    say("\n".join(about))
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder)
        rows = measure_table(options, data) if options.table else []
        points = measure_curves(options, data)
    if rows:
        write_csv(options.out / "speed.csv", FIELDS, rows, about)
        draw_ratios(options.out / "speed.svg", rows, about)
        if options.publish:
            publish(options.out / "speed.csv", HERE.parent.parent)
    if points:
        fields = ["curve", "n", "ours_min_ms", "pytorch_min_ms", "ratio", "pytorch_form", "error"]
        write_csv(options.out / "scaling.csv", fields, points, about)
        draw_curves(options.out / "scaling.svg", points, about)

    say()
    wrong = [row for row in rows if "ratio" not in row and "error" in row]
    for threads, kernels in dict.fromkeys((row["threads"], row["kernels"]) for row in rows):
        below = [
            f"{row['workload']} {row['ratio']:.2f} of {row['target']:g}"
            for row in rows
            if (row["threads"], row["kernels"]) == (threads, kernels) and row.get("ratio", 1e9) < row["target"]
        ]
        say(f"below target, {setting(threads, kernels)}: {', '.join(below) or 'none'}")
    for row in wrong:
        where = f"{row['workload']}, {setting(row['threads'], row['kernels'])}"
        say(f"results differ, relative {row['error']:.1e}: {where}")
    say(f"Tables and charts are in {options.out}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
