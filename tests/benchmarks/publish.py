#!/usr/bin/python3
"""Writes what was measured into the project's README: a picture, tests/benchmarks/speed.svg, and a table.

usage: publish.py SPEED.CSV         what `tests/benchmarks/run --publish` does by itself

Both go between `<!-- speed -->` and `<!-- /speed -->`, under a line with date, machine and versions; both show OpenBLAS's own
choice of kernels. Nothing in them is written by hand.
"""
import csv
import pathlib
import re
import sys

from charts import draw_ratios

# What the table calls the workloads. Backward of single ops is in the picture only.
LABELS = {
    "a": "MLP 784-128-128-10, batch 64",
    "a_adam": "the same with Adam's step",
    "b": "50 residual blocks with LayerNorm, width 64, batch 32",
    "b_adam": "the same with Adam's step",
    "b100": "100 residual blocks",
    "c64": "Transformer encoder layer, d = 64, 32 tokens, batch 16",
    "c256": "the same, d = 256, 128 tokens, batch 8",
    "d": "character GPT, 4 layers, d = 128, 64 tokens, batch 16",
    "conv": "residual CNN, 7 convolutions with batch normalisation, batch 32",
    "e_layer_norm forward": "LayerNorm of (4096, 768), forward",
    "e_softmax forward": "softmax, forward",
    "e_gelu forward": "GELU, forward",
    "e_tanh forward": "tanh, forward",
    "f": "1,000 additions of 8 numbers",
}
BLOCK = re.compile(r"(<!-- speed -->\n).*?(<!-- /speed -->)", re.DOTALL)


def read(path):
    """(lines of what was measured where, rows) of a speed.csv."""
    lines = path.read_text().splitlines()
    about = [line[2:] for line in lines if line.startswith("# ")]
    rows = []
    for cells in csv.DictReader(line for line in lines if not line.startswith("#")):
        row = {"workload": cells["workload"], "kernels": cells["kernels"], "threads": int(cells["threads"])}
        row.update({key: float(cells[key]) for key in ("ours_min_ms", "pytorch_min_ms", "ratio", "target") if cells[key]})
        rows.append(row)
    return about, rows


def three_digits(ms):
    return f"{ms:.{3 if ms < 1 else 2 if ms < 10 else 1 if ms < 100 else 0}f}"


def table(rows):
    """One line for each workload: times and ratio on one thread, then the ratios on more."""
    by = {(row["workload"], row["threads"]): row for row in rows if "ratio" in row}
    threads = sorted({t for _, t in by})
    titles = ["", "xgrad, ms", "PyTorch, ms", "ratio", "target", *(f"ratio on {t} threads" for t in threads if t > 1)]
    lines = ["| " + " | ".join(titles).lstrip() + " |", "|---" * len(titles) + "|"]
    for name, label in LABELS.items():
        row = by.get((name, 1))
        if row:
            cells = [label, three_digits(row["ours_min_ms"]), three_digits(row["pytorch_min_ms"]), f"{row['ratio']:.2f}",
                     f"{row['target']:g}"]
            more = [by.get((name, t)) for t in threads if t > 1]
            lines.append("| " + " | ".join(cells + [f"{m['ratio']:.2f}" if m else "" for m in more]) + " |")
    return lines


def section(about, rows):
    what = "; ".join(line.rstrip(".") for line in about)
    return "\n".join(["![PyTorch's time over xgrad's for each workload, a line at 1 and marks at the targets]"
                      "(tests/benchmarks/speed.svg)", "",
                      f"The fastest of many training steps, forward and backward, one thread unless said otherwise. {what}.", "",
                      *table(rows), ""])  # fmt: skip


def publish(path, root):
    """Fills README.md's section under `root` from the CSV file `path`, and draws the picture."""
    about, rows = read(path)
    rows = [row for row in rows if row["kernels"] == "auto"]
    readme = root / "README.md"
    if not any("ratio" in row and row["threads"] == 1 for row in rows):
        sys.exit(f"publish: {path} holds no measurement on one thread with kernels auto")
    text, count = BLOCK.subn(lambda found: found[1] + section(about, rows) + found[2], readme.read_text())
    if count != 1:
        sys.exit(f"publish: {readme} needs <!-- speed --> and <!-- /speed --> once")
    readme.write_text(text)
    draw_ratios(root / "tests" / "benchmarks" / "speed.svg", rows, about)
    print(f"wrote {readme} and the picture beside it")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    publish(pathlib.Path(sys.argv[1]), pathlib.Path(__file__).resolve().parents[2])
