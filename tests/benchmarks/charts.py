"""The charts of the benchmark suite, drawn with gnuplot. Colours are Okabe and Ito's, as in the project's other figures."""
import subprocess
import sys

COLOURS = ["#D55E00", "#0072B2", "#009E73", "#CC79A7"]

# The workloads in few words; others keep their names.
SHORT = {
    "a": "MLP", "a_adam": "MLP + Adam", "b": "50 blocks", "b_adam": "50 blocks + Adam", "b100": "100 blocks",
    "c64": "encoder, d = 64", "c256": "encoder, d = 256", "d": "character GPT", "conv": "residual CNN", "f": "8 numbers + 8",
}  # fmt: skip

CURVES = {
    "depth": ("residual MLP, width 64", "blocks", [10, 20, 50, 100, 200, 500, 1000]),
    "width": ("residual MLP, 10 blocks", "width", [32, 64, 128, 256, 512]),
    "tokens": ("encoder layer, d = 64, 4 heads", "tokens", [16, 32, 64, 128, 256, 512]),
}


def setting(threads, kernels):
    return f"{threads} thread{'s' if threads > 1 else ''}, kernels {kernels}"


def short(name):
    if name in SHORT:
        return SHORT[name]
    words = name.removeprefix("e_").replace("layer_norm", "LayerNorm").replace("bias_relu", "bias + ReLU").replace("gelu", "GELU")
    return words.replace("forward", "fwd").replace("backward", "bwd")


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


FOOT = 15  # pixels of a line below the picture


def gnuplot(path, height, title, about, body):
    """A picture of the title, what `body` draws, and a footer that says what was measured where."""
    script = [
        f"set terminal svg size 800,{height} background rgb 'white' font 'sans-serif,11' fontscale 1.2",
        f"set encoding utf8; set output {quoted(str(path))}; set multiplot",
        "set border 3 lc rgb '#606060'; set tics nomirror out scale .6",
        "set grid ytics lc rgb '#E4E4E4' lw 1 lt 1",
        f"set label 1 {quoted(title)} at screen .018, 1 - 22./{height} noenhanced font ',14'",
    ]
    for i, text in enumerate(about):
        place = f"at screen .018, {FOOT * (len(about) - i) - 5}./{height} noenhanced font ',8.5' textcolor rgb '#505050'"
        script.append(f"set label {i + 2} {quoted(text)} {place}")
    script += body + ["unset multiplot"]
    done = subprocess.run(["gnuplot"], input="\n".join(script) + "\n", capture_output=True, text=True)
    if done.returncode != 0:
        print(f"benchmarks: gnuplot could not draw {path}:\n{done.stderr.strip()}", file=sys.stderr)
        sys.exit(1)


def draw_ratios(path, rows, about):
    """Bars from 1 up where xgrad is faster, down where it is slower; black marks are targets."""
    rows = [row for row in rows if "ratio" in row]
    names = list(dict.fromkeys(row["workload"] for row in rows))
    series = list(dict.fromkeys((row["threads"], row["kernels"]) for row in rows))
    if not names:
        return
    width = 0.8 / len(series)
    body, plots = [], []
    for s, (threads, kernels) in enumerate(series):
        body.append(f"$bars{s} << EOD")
        for row in rows:
            if (row["threads"], row["kernels"]) == (threads, kernels):
                x = names.index(row["workload"]) + (s - (len(series) - 1) / 2) * width
                body.append(f"{x:.4f} {row['ratio']:.5g} {row['target']:g}")
        body.append("EOD")
        colour, title = COLOURS[s % len(COLOURS)], quoted(setting(threads, kernels))
        bar = f"using 1:2:($1-{0.46 * width}):($1+{0.46 * width}):(1):2 with boxxyerror"
        plots.append(f"$bars{s} {bar} lc rgb '{colour}' title {title}")
        mark = f"using ($1-{width / 2}):3:({width}):(0) with vectors nohead lc rgb 'black' lw 2"
        plots.append(f"$bars{s} {mark} " + ("title 'target'" if s == len(series) - 1 else "notitle"))
    tics = ", ".join(f"{quoted(short(name))} {i}" for i, name in enumerate(names))
    low = min([0.5, *(0.9 * row["ratio"] for row in rows)])
    height = 420 + FOOT * len(about)
    body += [
        "set lmargin at screen .08; set rmargin at screen .98",
        f"set tmargin at screen 1 - 66./{height}; set bmargin at screen {105 + FOOT * len(about)}./{height}",
        "set style fill solid .85 noborder",
        f"set xrange [-.6:{len(names) - 0.4}]; set xtics rotate by 45 right noenhanced font ',9' ({tics})",
        f"set logscale y; set yrange [{low:g}:*]; set ylabel 'PyTorch''s time / ours' font ',10' offset 1",
        "set ytics (.2, .5, 1, 2, 5, 10, 20, 50, 100, 200) font ',9'",
        f"set key at screen .98, 1 - 34./{height} right top horizontal font ',9' samplen 1.5",
        "set arrow from graph 0, first 1 to graph 1, first 1 nohead lc rgb '#303030' lw 1.5 front",
        "plot " + ", ".join(plots),
    ]
    gnuplot(path, height, "How much faster than PyTorch: training steps on one CPU", about, body)


def draw_curves(path, points, about):
    curves = [name for name in CURVES if any(p["curve"] == name for p in points)]
    if not curves:
        return
    body = ["set logscale xy; set format y '%g'; set grid xtics lc rgb '#F0F0F0' lw 1 lt 1"]
    height = 330 + FOOT * len(about)
    for i, curve in enumerate(curves):
        title, unit, _ = CURVES[curve]
        mine = [p for p in points if p["curve"] == curve]
        body.append(f"${curve} << EOD")
        body += [f"{p['n']} {p['ours_min_ms']:.6g} {p['pytorch_min_ms']:.6g}" for p in mine]
        left, right = 0.075 + i / 3 * 0.96, 0.02 + (i + 1) / 3 * 0.96
        tics = ", ".join(str(p["n"]) for p in mine)
        body += [
            "EOD",
            f"set lmargin at screen {left:.4f}; set rmargin at screen {right:.4f}",
            f"set tmargin at screen 1 - 62./{height}; set bmargin at screen {75 + FOOT * len(about)}./{height}",
            f"set title {quoted(title)} font ',9' offset 0,-.5",
            f"set xlabel {quoted(unit)} font ',10' offset 0,-.3",
            f"set ylabel {quoted('ms a step' if i == 0 else '')} font ',10' offset 1.5",
            f"set xrange [{mine[0]['n'] / 1.3}:{mine[-1]['n'] * 1.3}]",
            f"set xtics rotate by 45 right ({tics}) font ',9'; set ytics font ',9'",
            "set key top left Left reverse samplen 1.5 font ',9'",
            f"plot ${curve} using 1:3 with linespoints lc rgb '{COLOURS[1]}' lw 2 pt 5 ps .6 title 'PyTorch', "
            f"${curve} using 1:2 with linespoints lc rgb '{COLOURS[0]}' lw 2 pt 7 ps .6 title 'xgrad'",
        ]
        if i == 0:  # titles of the whole are drawn once
            body += [f"unset label {j}" for j in range(1, len(about) + 2)]
    gnuplot(path, height, "How the time of a training step grows (one thread)", about, body)
