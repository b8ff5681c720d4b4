#!/usr/bin/python3
"""PyTorch's side of the benchmark suite: the workloads of workloads.cpp in their strongest eager forms.

usage: peer.py FOLDER THREADS                              a server, see below
       peer.py FOLDER THREADS --memory NAME FORM [--adam]   bytes that steps need beyond weights and inputs

FOLDER/NAME holds the numbers of one workload as `xgrad_benchmarks write NAME FOLDER/NAME` wrote them. The
server reads one JSON object a line, {"name": "a", "adam": false, "seconds": 0.2, "forms": ["…"] or null}, and
answers with one line: for every form the largest relative error of result and gradients against ours, and, if
that is small enough, minimum and median of the times of single steps.
"""
import ctypes
import gc
import json
import math
import pathlib
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

TOLERANCE = 1e-5  # relative, of the result and of every gradient, in float
# Along the curves, up to millions of ReLUs are at work. The sum before one of them may be zero but for rounding, and then be
# positive on one side only: that one entry's gradient differs, and with it a little of all below.
CURVE_TOLERANCE = 2e-3
LEARNING_RATE = 1e-7  # as in workloads.cpp
WARM_UP_STEPS = 3


class Numbers:
    """What our side wrote for one workload."""

    def __init__(self, folder):
        self.folder = folder
        values, gradients = self.array("parameters"), self.array("gradients")
        self.values, self.gradients, at = {}, {}, 0
        for parameter in json.loads((folder / "description.json").read_text())["parameters"]:
            name, shape = parameter["name"], parameter["shape"]
            n = math.prod(shape)
            self.values[name] = values[at : at + n].reshape(shape)
            self.gradients[name] = gradients[at : at + n].reshape(shape)
            at += n
        self.output = self.array("output")

    def array(self, name):
        return torch.from_numpy(np.load(self.folder / f"{name}.npy"))


class Form:
    """One way to write a workload in PyTorch. Builders take parameters with `leaf` or give them to modules with
    `fill`, and set `forward`. Several of our parameters may be packed into one of PyTorch's."""

    def __init__(self, numbers):
        self.numbers = numbers
        self.leaves = []  # (tensor, names of our parameters)
        self.forward = None
        self.cotangent = None
        self.tolerance = TOLERANCE

    def leaf(self, *names):
        tensor = torch.cat([self.numbers.values[name] for name in names]).clone().requires_grad_()
        self.leaves.append((tensor, names))
        return tensor

    def fill(self, tensor, *names):
        with torch.no_grad():
            tensor.copy_(torch.cat([self.numbers.values[name] for name in names]))
        self.leaves.append((tensor, names))

    def step(self, optimizer=None):
        """Returns the nanoseconds that forward took, and the rest."""
        start = time.perf_counter_ns()
        for tensor, _ in self.leaves:
            tensor.grad = None
        y = self.forward()
        middle = time.perf_counter_ns()
        y.backward(self.cotangent)
        if optimizer:
            optimizer.step()
        return middle - start, time.perf_counter_ns() - middle

    def error(self):
        """The largest relative difference ‖ours - theirs‖/‖theirs‖ of the result and of the gradients. A
        gradient that is zero but for rounding (that of a key's bias: softmax ignores it) is held against
        1/1000 of all gradients together."""
        self.step()
        y = self.forward().detach()
        errors = [relative(self.numbers.output, y, 0)]
        everything = math.sqrt(sum(float(t.grad.double().norm()) ** 2 for t, _ in self.leaves))
        for tensor, names in self.leaves:
            ours = torch.cat([self.numbers.gradients[name] for name in names])
            errors.append(relative(ours, tensor.grad, 1e-3 * everything))
        assert {n for _, names in self.leaves for n in names} == set(self.numbers.values)
        return max(errors)


def relative(ours, theirs, floor):
    ours, theirs = ours.double(), theirs.double()
    error = float((ours.reshape(theirs.shape) - theirs).norm()) / max(float(theirs.norm()), floor)
    return error if math.isfinite(error) else math.inf


# Workloads. Each yields (name of the form, Form).


def mlp(numbers):
    x, labels = numbers.array("x"), numbers.array("labels")

    form = Form(numbers)
    w1, b1, w2, b2, w3, b3 = (form.leaf(f"{i}.{part}") for i in (0, 2, 4) for part in ("weight", "bias"))

    def forward():
        h = torch.relu_(F.linear(x, w1, b1))
        h = torch.relu_(F.linear(h, w2, b2))
        return F.cross_entropy(F.linear(h, w3, b3), labels)

    form.forward = forward
    yield "functional", form

    form = Form(numbers)
    model = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(True), nn.Linear(128, 128), nn.ReLU(True), nn.Linear(128, 10)
    )
    for i in (0, 2, 4):
        form.fill(model[i].weight, f"{i}.weight")
        form.fill(model[i].bias, f"{i}.bias")
    form.forward = lambda: F.cross_entropy(model(x), labels)
    yield "nn.Sequential", form


def residual_mlp(numbers):
    x, labels = numbers.array("x"), numbers.array("labels")
    width = x.shape[-1]
    depth = sum(name.endswith("gamma") for name in numbers.values)
    parts = ["0.gamma", "0.beta", "1.weight", "1.bias", "3.weight", "3.bias"]

    form = Form(numbers)
    blocks = [[form.leaf(f"{i}.branch.{part}") for part in parts] for i in range(depth)]
    head, bias = form.leaf(f"{depth}.weight"), form.leaf(f"{depth}.bias")

    def forward():
        y = x
        for gamma, beta, w1, b1, w2, b2 in blocks:
            h = torch.relu_(F.linear(F.layer_norm(y, (width,), gamma, beta), w1, b1))
            y = y + F.linear(h, w2, b2)
        return F.cross_entropy(F.linear(y, head, bias), labels)

    form.forward = forward
    yield "functional", form

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch = nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(True), nn.Linear(width, width)
            )

        def forward(self, x):
            return x + self.branch(x)

    form = Form(numbers)
    model = nn.Sequential(*(Block() for _ in range(depth)), nn.Linear(width, 10))
    for i in range(depth):
        for tensor, part in zip(model[i].parameters(), parts):
            form.fill(tensor, f"{i}.branch.{part}")
    form.fill(model[depth].weight, f"{depth}.weight")
    form.fill(model[depth].bias, f"{depth}.bias")
    form.forward = lambda: F.cross_entropy(model(x), labels)
    yield "nn.Sequential", form


LAYER = {  # nn.TransformerEncoderLayer's parameters and ours
    "self_attn.in_proj_weight": [f"attention.{part}.weight" for part in ("query", "key", "value")],
    "self_attn.in_proj_bias": [f"attention.{part}.bias" for part in ("query", "key", "value")],
    "self_attn.out_proj.weight": ["attention.output.weight"],
    "self_attn.out_proj.bias": ["attention.output.bias"],
    "linear1.weight": ["feed_forward.first.weight"],
    "linear1.bias": ["feed_forward.first.bias"],
    "linear2.weight": ["feed_forward.second.weight"],
    "linear2.bias": ["feed_forward.second.bias"],
    "norm1.weight": ["norm1.gamma"],
    "norm1.bias": ["norm1.beta"],
    "norm2.weight": ["norm2.gamma"],
    "norm2.bias": ["norm2.beta"],
}


def module_layer(form, prefix, d, heads, activation, pre, mask):
    layer = nn.TransformerEncoderLayer(d, heads, 4 * d, 0, activation, batch_first=True, norm_first=pre)
    parameters = dict(layer.named_parameters())
    for theirs, ours in LAYER.items():
        form.fill(parameters[theirs], *(prefix + name for name in ours))
    return lambda x: layer(x, mask)


def functional_layer(attend):
    """A layer with one matrix product for queries, keys and values; `attend` computes the heads."""

    def build(form, prefix, d, heads, activation, pre, mask):
        p = {theirs: form.leaf(*(prefix + name for name in ours)) for theirs, ours in LAYER.items()}
        qkv_w, qkv_b, out_w, out_b, w1, b1, w2, b2, g1, s1, g2, s2 = p.values()
        phi = torch.relu_ if activation == "relu" else F.gelu

        def attention(x):
            batch, tokens, _ = x.shape
            qkv = F.linear(x, qkv_w, qkv_b).view(batch, tokens, 3, heads, d // heads)
            y = attend(qkv, mask)
            return F.linear(y.transpose(1, 2).reshape(batch, tokens, d), out_w, out_b)

        def feed_forward(x):
            return F.linear(phi(F.linear(x, w1, b1)), w2, b2)

        def post(x):
            h = F.layer_norm(x + attention(x), (d,), g1, s1)
            return F.layer_norm(h + feed_forward(h), (d,), g2, s2)

        def pre_norm(x):
            h = x + attention(F.layer_norm(x, (d,), g1, s1))
            return h + feed_forward(F.layer_norm(h, (d,), g2, s2))

        return pre_norm if pre else post

    return build


def attend_matmul(qkv, mask):
    q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind()
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    if mask is not None:
        scores += mask
    return torch.softmax(scores, -1) @ v


def attend_baddbmm(qkv, mask):  # scale and mask inside the matrix product
    batch, tokens, _, heads, width = qkv.shape
    q, k, v = qkv.permute(2, 0, 3, 1, 4).reshape(3, batch * heads, tokens, width).unbind()
    base = qkv.new_empty(1) if mask is None else mask
    scores = torch.baddbmm(base, q, k.transpose(1, 2), beta=0 if mask is None else 1, alpha=width**-0.5)
    return torch.bmm(torch.softmax(scores, -1), v).view(batch, heads, tokens, width)


LAYER_FORMS = {
    "matmul": functional_layer(attend_matmul),
    "baddbmm": functional_layer(attend_baddbmm),
    "nn.TransformerEncoderLayer": module_layer,
}


def encoder_layer(heads):
    def build(numbers):
        target = numbers.array("target")
        for name, layer in LAYER_FORMS.items():
            form = Form(numbers)
            x = form.leaf("x")
            f = layer(form, "", x.shape[-1], heads, "relu", False, None)
            form.forward = lambda f=f, x=x: F.mse_loss(f(x), target)
            yield name, form

    return build


def character_gpt(numbers):
    text, following = numbers.array("text"), numbers.array("next").flatten()
    tokens = text.shape[1]
    mask = torch.full((tokens, tokens), -math.inf).triu(1)
    for name, layer in LAYER_FORMS.items():
        form = Form(numbers)
        characters, positions = form.leaf("characters.weight"), form.leaf("positions.weight")
        d = characters.shape[1]
        depth = sum(key.endswith("norm1.gamma") for key in numbers.values)
        layers = [layer(form, f"stack.{i}.", d, 4, "gelu", True, mask) for i in range(depth)]
        gamma, beta, head, bias = (
            form.leaf(key) for key in ("norm.gamma", "norm.beta", "head.weight", "head.bias")
        )

        def forward(layers=layers, p=(characters, positions, gamma, beta, head, bias)):
            characters, positions, gamma, beta, head, bias = p
            x = F.embedding(text, characters) + positions
            for f in layers:
                x = f(x)
            x = F.layer_norm(x, gamma.shape, gamma, beta)
            return F.cross_entropy(F.linear(x, head, bias).flatten(0, 1), following)

        form.forward = forward
        yield name, form


def residual_convolutions(numbers):
    x, labels = numbers.array("x"), numbers.array("labels")
    depth = sum(name.endswith("conv1.weight") for name in numbers.values)

    def batch_norm(h, gamma, beta, statistics):
        return F.batch_norm(h, *statistics, gamma, beta, training=True)

    for name, layout in {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}.items():
        form = Form(numbers)
        images = x.contiguous(memory_format=layout)

        def leaf(name, form=form, layout=layout):
            tensor = form.leaf(name)
            if tensor.dim() == 4:
                tensor = tensor.detach().contiguous(memory_format=layout).requires_grad_()
                form.leaves[-1] = tensor, (name,)
            return tensor

        def convolution(conv, norm, leaf=leaf):
            weight, gamma, beta = (leaf(key) for key in (f"{conv}.weight", f"{norm}.gamma", f"{norm}.beta"))
            statistics = torch.zeros(len(gamma)), torch.ones(len(gamma))
            return lambda h: batch_norm(F.conv2d(h, weight, padding=1), gamma, beta, statistics)

        stem = convolution("stem", "norm")
        blocks = [
            [convolution(f"blocks.{i}.conv{j}", f"blocks.{i}.norm{j}") for j in (1, 2)] for i in range(depth)
        ]
        head, bias = leaf("head.weight"), leaf("head.bias")

        def forward(images=images, stem=stem, blocks=blocks, head=head, bias=bias):
            h = torch.relu_(stem(images))
            for first, second in blocks:
                h = torch.relu_(second(torch.relu_(first(h))).add_(h))
            return F.cross_entropy(F.linear(h.mean((2, 3)), head, bias), labels)

        form.forward = forward
        if layout == torch.channels_last:  # its sums over channels are less exact: 2e-4 beside PyTorch's own other form
            form.tolerance = 1e-3
        yield name, form


def single_op(op):
    def build(numbers):
        def layer_norm(form, x):
            gamma, beta = form.leaf("gamma"), form.leaf("beta")
            return lambda: F.layer_norm(x, gamma.shape, gamma, beta)

        def bias_relu(form, x):
            beta = form.leaf("beta")
            return lambda: torch.relu(x + beta)

        def bias_relu_in_place(form, x):
            beta = form.leaf("beta")
            return lambda: torch.relu_(x + beta)

        forms = {
            "layer_norm": {"F.layer_norm": layer_norm},
            "softmax": {"torch.softmax": lambda form, x: lambda: torch.softmax(x, -1)},
            "gelu": {"F.gelu": lambda form, x: lambda: F.gelu(x)},
            "tanh": {"torch.tanh": lambda form, x: lambda: torch.tanh(x)},
            "exp": {"torch.exp": lambda form, x: lambda: torch.exp(x)},
            "bias_relu": {"relu": bias_relu, "relu_": bias_relu_in_place},
        }[op]
        for name, make in forms.items():
            form = Form(numbers)
            form.cotangent = numbers.array("cotangent")
            form.forward = make(form, form.leaf("x"))
            yield name, form

    return build


def tiny_adds(numbers):
    form = Form(numbers)
    x, step = form.leaf("x"), form.leaf("step")

    def forward():
        y = x
        for _ in range(1000):
            y = y + step
        return y.sum()

    form.forward = forward
    yield "add", form


def builder(name):
    name = name.removesuffix("_adam")
    if name.startswith("e_"):
        return single_op(name[2:])
    if name.startswith(("b", "depth", "width")):
        return residual_mlp
    return {
        "a": mlp,
        "c64": encoder_layer(4),
        "c256": encoder_layer(8),
        "conv": residual_convolutions,
        "d": character_gpt,
        "f": tiny_adds,
    }.get(name) or encoder_layer(4)  # tokens_…


# Measuring.


def with_optimizers(name, form, adam):
    """(name, optimiser or None) for every way to end a step."""
    if not adam:
        return [(name, None)]
    tensors = [tensor for tensor, _ in form.leaves]
    return [
        (f"{name}, Adam(foreach={foreach})", torch.optim.Adam(tensors, LEARNING_RATE, foreach=foreach))
        for foreach in (False, True)
    ]


def statistics(nanoseconds):
    ordered = sorted(nanoseconds)
    return {"min": ordered[0] * 1e-9, "median": ordered[len(ordered) // 2] * 1e-9}


def measure(form, optimizer, seconds):
    for _ in range(WARM_UP_STEPS):
        form.step(optimizer)
    gc.collect()
    gc.disable()  # a pause for the garbage collector would not be PyTorch's fault
    end = time.perf_counter() + seconds
    samples = []
    while time.perf_counter() < end or len(samples) < 3:
        samples.append(form.step(optimizer))
    gc.enable()
    forward, backward = zip(*samples)
    return {
        **statistics([sum(s) for s in samples]),
        "forward": statistics(forward),
        "backward": statistics(backward),
    }


class Server:
    def __init__(self, folder):
        self.folder = folder
        self.name = None  # of the workload whose forms are at hand

    def answer(self, request):
        if (request["name"], request["adam"]) != self.name:
            self.forms = {}
            self.name = request["name"], request["adam"]
            for name, form in builder(request["name"])(Numbers(self.folder / request["name"])):
                error = form.error()
                for full_name, optimizer in with_optimizers(name, form, request["adam"]):
                    self.forms[full_name] = form, optimizer, error
        curve = request["name"].startswith(("depth_", "width_", "tokens_"))
        result = {}
        for name, (form, optimizer, error) in self.forms.items():
            tolerance = CURVE_TOLERANCE if curve else form.tolerance
            if request["forms"] is None or name in request["forms"]:
                times = measure(form, optimizer, request["seconds"]) if error <= tolerance else None
                result[name] = {"error": error, "times": times}
        return result

    def run(self):
        for line in sys.stdin:
            print(json.dumps(self.answer(json.loads(line))), flush=True)


def status(key):
    """A line of /proc/self/status in bytes."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def memory(folder, name, wanted, adam):
    # What libraries take when they are first used is not the step's.
    x = torch.full((256, 256), 0.01, requires_grad=True)
    torch.relu(x @ x).sum().backward()
    del x
    numbers = Numbers(folder / name)
    for form_name, form in builder(name)(numbers):
        for full_name, optimizer in with_optimizers(form_name, form, adam):
            if full_name == wanted:
                gc.collect()
                ctypes.CDLL(None).malloc_trim(0)  # freed memory goes back, so that steps must ask for theirs
                pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
                before = status("VmRSS")
                for _ in range(5):
                    form.step(optimizer)
                print(json.dumps({"bytes": status("VmHWM") - before}))


def main():
    folder, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    if len(sys.argv) > 3:
        memory(folder, sys.argv[4], sys.argv[5], "--adam" in sys.argv)
    else:
        Server(folder).run()


if __name__ == "__main__":
    main()
