#!/usr/bin/python3
"""Golden numbers for the tests, computed by PyTorch in float64.

For every op and module of xgrad: inputs, a random cotangent, PyTorch's output and PyTorch's gradient of every
input (for a module also of every parameter); for the optimisers: the parameters after every step. Only this
script needs PyTorch (Debian 12: python3-torch 1.13); building and testing need its output, which is committed:

  <op>.npy     all numbers of one op, one after the other (1-D float64)
  cases.json   op, case, attributes, and for each array its role, name, shape and offset in the .npy

Every op has a seed of its own, so a new case at the end of an op changes no other number.

usage: generate.py [FOLDER]        (default: the folder of this script)
"""
import json
import math
import pathlib
import sys
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.stateless import functional_call

torch.set_num_threads(1)
cases = []
numbers = {}  # op -> list of flat arrays
rngs = {}


class Op:
    """Collects the cases of one op; its methods draw random arrays from the op's own generator."""

    def __init__(self, name):
        self.name = name
        self.rng = np.random.RandomState(zlib.crc32(name.encode()))
        self.flat = numbers.setdefault(name, [])
        self.offset = 0

    def normal(self, *shape):
        return self.rng.standard_normal(shape)

    def positive(self, *shape):
        return self.rng.uniform(.3, 3, shape)

    def off_zero(self, *shape):
        """Both signs, at least 0.1 away from 0."""
        return self.rng.choice([-1., 1.], shape) * self.rng.uniform(.1, 2, shape)

    def distinct(self, *shape):
        """No two entries closer than 0.1, so that a maximum is no tie."""
        return .1 * self.rng.permutation(int(np.prod(shape))).reshape(shape) - .3 + self.rng.uniform(0, .01, shape)

    def mask(self, *shape):
        return np.asarray(self.rng.uniform(size=shape) < .4)

    def whole(self, high, *shape):
        return self.rng.randint(0, high, shape)

    def _put(self, role, name, array):
        array = np.asarray(array, dtype=np.float64)
        entry = {"role": role, "name": name, "shape": list(array.shape), "offset": self.offset}
        self.flat.append(array.ravel())
        self.offset += array.size
        return entry

    def case(self, name, f, inputs, constants=None, smooth=True, **attributes):
        """f(inputs…) in PyTorch. `constants` are arrays that get no gradient. smooth=False: a point where central
        differences cannot judge (a kink, a tie, NaN, huge curvature)."""
        tensors = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in inputs.items()}
        arrays = [self._put("input", k, v) for k, v in inputs.items()]
        arrays += [self._put("constant", k, v) for k, v in (constants or {}).items()]
        y = f(*tensors.values())
        arrays.append(self._put("output", "y", y.detach().numpy()))
        if tensors:
            dy = self.normal(*y.shape)
            arrays.append(self._put("cotangent", "dy", dy))
            y.backward(torch.tensor(dy))
            for k, t in tensors.items():
                arrays.append(self._put("gradient", k, torch.zeros_like(t) if t.grad is None else t.grad))
        self._append(name, attributes, smooth, arrays)

    def without_pytorch(self, name, inputs, output_shape, **attributes):
        """For an op whose randomness is xgrad's own: there is nothing to compare but its own differences."""
        arrays = [self._put("input", k, v) for k, v in inputs.items()]
        arrays.append(self._put("cotangent", "dy", self.normal(*output_shape)))
        self._append(name, attributes, True, arrays)

    def _append(self, name, attributes, smooth, arrays):
        cases.append({"op": self.name, "case": name, "smooth": smooth, "attributes": attributes, "arrays": arrays})


# --- elementwise -------------------------------------------------------------------------------------------

BROADCASTS = [("same shape", (3, 4), (3, 4)), ("row", (2, 3, 4), (4,)), ("column", (3, 1), (2, 3, 4)),
              ("both sides", (2, 1, 4), (3, 1)), ("scalar left", (), (2, 3)), ("scalar right", (2, 3), ()),
              ("scalars", (), ()), ("size-1 axes", (1, 1), (5,)), ("no entries", (0, 3), (1, 3))]


def binary(name, f, a_like="normal", b_like="normal"):
    op = Op(name)
    for case, a, b in BROADCASTS:
        op.case(case, f, {"a": getattr(op, a_like)(*a), "b": getattr(op, b_like)(*b)})
    return op


binary("add", torch.add)
binary("sub", torch.sub)
binary("mul", torch.mul)
binary("div", torch.div, b_like="off_zero")
binary("add_relu", lambda a, b: torch.relu(a + b))
op = binary("maximum", torch.maximum)
op.case("ties", torch.maximum, {"a": [[1., 2, 3], [0, -1, 5]], "b": [[1., 0, 3], [0, 4, -5]]}, smooth=False)

SHAPES = [("vector", (5,)), ("three axes", (2, 3, 4)), ("scalar", ()), ("size-1 axis", (1, 7)), ("no entries", (0, 2))]


def unary(name, f, like="normal", far=None, at_zero=False):
    op = Op(name)
    for case, shape in SHAPES:
        op.case(case, f, {"x": getattr(op, like)(*shape)})
    if far:
        op.case("far out", f, {"x": far}, smooth=False)
    if at_zero:
        op.case("at zero", f, {"x": [0., -.5, 0., 2.]}, smooth=False)
    return op


FAR = [-800., -100., -40., -20., -5., 5., 20., 40., 100., 800.]
unary("neg", torch.neg)
unary("sqrt", torch.sqrt, "positive")
unary("exp", torch.exp)
unary("log", torch.log, "positive", far=[1e-30, 1e-3, 1e30])
unary("abs", torch.abs, "off_zero", at_zero=True)
unary("relu", torch.relu, "off_zero", at_zero=True)
unary("sigmoid", torch.sigmoid, far=FAR)
unary("tanh", torch.tanh, far=FAR)
unary("softplus", lambda x: F.softplus(x, threshold=40), far=FAR)
unary("gelu", F.gelu, far=FAR)
unary("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), far=FAR)

op = Op("leaky_relu")
for slope in (.01, .3):
    for case, shape in SHAPES:
        op.case(f"{case}, slope {slope}", lambda x: F.leaky_relu(x, slope), {"x": op.off_zero(*shape)}, slope=slope)

op = Op("pow")
for exponent in (2., 3., -1.):
    for case, shape in SHAPES:
        op.case(f"{case}, x^{exponent:g}", lambda x: x**exponent, {"x": op.off_zero(*shape)}, exponent=exponent)
for exponent in (.5, 1.7, -.3, 1., 0.):
    op.case(f"positive, x^{exponent:g}", lambda x: x**exponent, {"x": op.positive(2, 3)}, exponent=exponent)
op.case("0^2", lambda x: x**2., {"x": [0., 1., -1.]}, smooth=False, exponent=2.)

op = Op("where")
for case, m, a, b in [("same shape", (3, 4), (3, 4), (3, 4)), ("mask row", (4,), (3, 4), (3, 4)),
                      ("all broadcast", (2, 1, 1), (3, 1), (4,)), ("scalar branch", (2, 3), (), (2, 3)),
                      ("size-1 axes", (1, 3), (1, 1), (2, 1))]:
    mask = op.mask(*m)
    op.case(case, lambda a, b: torch.where(torch.tensor(mask), a, b), {"a": op.normal(*a), "b": op.normal(*b)},
            {"mask": mask})

op = Op("masked_fill")
for case, x, m, value in [("same shape", (3, 4), (3, 4), -2.5), ("mask row", (2, 3, 4), (4,), 0.),
                          ("mask column", (2, 3, 4), (3, 1), 7.), ("scalar", (), (), 1.)]:
    mask = op.mask(*m)
    op.case(case, lambda x: x.masked_fill(torch.from_numpy(mask), value), {"x": op.normal(*x)}, {"mask": mask},
            value=value)

# --- matrix products ---------------------------------------------------------------------------------------

op = Op("matmul")
for case, a, b in [("2-D", (3, 4), (4, 2)), ("square", (3, 3), (3, 3)), ("1 x 1", (1, 1), (1, 1)),
                   ("outer", (3, 1), (1, 4)), ("inner", (1, 5), (5, 1)), ("batched a", (2, 3, 4), (4, 5)),
                   ("batched b", (3, 4), (2, 4, 5)), ("batched", (2, 3, 4), (2, 4, 5)),
                   ("broadcast batches", (2, 1, 3, 4), (5, 4, 2)), ("broadcast both", (2, 1, 3, 2), (1, 3, 2, 4)),
                   ("a is broadcast", (1, 3, 4), (2, 4, 2)), ("four axes", (2, 2, 3, 4), (2, 2, 4, 3)),
                   ("nothing to sum", (2, 0), (0, 3)), ("no batches", (0, 3, 4), (4, 2))]:
    op.case(case, torch.matmul, {"a": op.normal(*a), "b": op.normal(*b)})

op = Op("linear")
for case, x, out in [("matrix", (5, 3), 4), ("batched", (2, 4, 3), 2), ("vector", (3,), 2), ("1 to 1", (2, 1), 1),
                     ("four axes", (2, 1, 3, 5), 3)]:
    op.case(case, F.linear, {"x": op.normal(*x), "weight": op.normal(out, x[-1]), "bias": op.normal(out)})
    op.case(case + ", no bias", F.linear, {"x": op.normal(*x), "weight": op.normal(out, x[-1])})

# --- convolution and pooling -------------------------------------------------------------------------------

op = Op("conv2d")
for case, x, w, stride, padding in [
        ("3x3, same size", (2, 3, 5, 4), (4, 3, 3, 3), 1, 1), ("no padding", (1, 2, 4, 5), (3, 2, 3, 3), 1, 0),
        ("1x1", (2, 3, 4, 3), (2, 3, 1, 1), 1, 0), ("1x1, stride 2", (2, 3, 5, 4), (2, 3, 1, 1), 2, 0),
        ("1x1, padding", (1, 2, 2, 3), (3, 2, 1, 1), 1, 1), ("stride 2", (2, 2, 6, 5), (3, 2, 3, 3), 2, 1),
        ("stride 3, pixels left over", (1, 2, 8, 9), (2, 2, 2, 2), 3, 0), ("kernel not square", (2, 2, 4, 5), (3, 2, 2, 3), 1, 1),
        ("even kernel", (1, 1, 4, 4), (1, 1, 4, 4), 1, 2), ("kernel as large as the image", (2, 2, 3, 4), (5, 2, 3, 4), 1, 0),
        ("image smaller than the kernel", (1, 2, 1, 2), (2, 2, 3, 3), 1, 1), ("wide padding", (1, 1, 2, 2), (2, 1, 2, 2), 2, 3),
        ("one of all", (1, 1, 1, 1), (1, 1, 1, 1), 1, 0), ("no images", (0, 2, 3, 3), (2, 2, 3, 3), 1, 1)]:
    for bias in (True, False):
        op.case(case + ("" if bias else ", no bias"), lambda *a: F.conv2d(*a, stride=stride, padding=padding),
                {"x": op.normal(*x), "weight": op.normal(*w), **({"bias": op.normal(w[0])} if bias else {})},
                stride=stride, padding=padding)

POOLS = [("2x2", (2, 3, 4, 6), 2, 2, 0), ("pixels left over", (1, 2, 5, 7), 2, 2, 0), ("overlapping", (2, 2, 5, 6), 3, 2, 1),
         ("one step at a time", (1, 1, 4, 4), 2, 1, 0), ("gaps", (1, 2, 7, 7), 2, 3, 1), ("1x1", (2, 1, 3, 2), 1, 1, 0),
         ("the whole image", (2, 3, 3, 3), 3, 3, 0), ("one pixel", (1, 2, 1, 1), 2, 1, 1), ("no images", (0, 2, 4, 4), 2, 2, 0)]
for name, f in (("max_pool2d", F.max_pool2d), ("avg_pool2d", F.avg_pool2d)):
    op = Op(name)
    for case, x, pool, stride, padding in POOLS:
        op.case(case, lambda x: f(x, pool, stride, padding), {"x": op.distinct(*x)}, size=pool, stride=stride,
                padding=padding)
    if name == "max_pool2d":
        op.case("ties", lambda x: f(x, 2, 2), {"x": [[[[1., 1, 0, 3], [1, 0, 3, 3], [2, 2, 5, 4], [2, 2, 5, 5]]]]}, smooth=False,
                size=2, stride=2, padding=0)
        op.case("NaN", lambda x: f(x, 2, 2), {"x": [[[[1., math.nan, 0, 3], [2, 0, 1, 4]]]]}, smooth=False, size=2, stride=2,
                padding=0)

op = Op("global_average_pool")
for case, x in [("images", (2, 3, 4, 5)), ("one pixel", (3, 2, 1, 1)), ("one channel", (2, 1, 3, 3)), ("no images", (0, 2, 2, 2))]:
    op.case(case, lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), {"x": op.normal(*x)})

# --- reductions --------------------------------------------------------------------------------------------

REDUCTIONS = [("all of a matrix", (3, 4), []), ("all, kept", (3, 4), []), ("rows", (3, 4), [0]),
              ("last axis", (2, 3, 4), [-1]), ("outer axes", (2, 3, 4), [0, 2]), ("middle axis", (2, 3, 4), [1]),
              ("unordered axes", (2, 3, 4), [-1, 0]), ("four axes", (2, 3, 2, 3), [1, -1]), ("vector", (6,), [0]),
              ("size-1 axes", (1, 5, 1), [0, 1])]


def every(x, axes):
    return tuple(axes) if axes else tuple(range(x.dim()))


def reduction(name, f, like="normal", scalar=True):
    """f(x, tuple of axes, keepdims)."""
    op = Op(name)
    for i, (case, shape, axes) in enumerate(REDUCTIONS):
        for keepdims in ([False, True] if i > 1 else [i == 1]):
            op.case(case + (", keepdims" if keepdims and i > 1 else ""), lambda x: f(x, every(x, axes), keepdims),
                    {"x": getattr(op, like)(*shape)}, axes=axes, keepdims=keepdims)
    if scalar:
        op.case("scalar", lambda x: f(x.reshape(1), (0,), False), {"x": getattr(op, like)()}, axes=[], keepdims=False)
    return op


op = reduction("sum", lambda x, axes, keep: x.sum(axes, keepdim=keep))
op.case("no entries", lambda x: x.sum(0), {"x": op.normal(0, 3)}, axes=[0], keepdims=False)
reduction("mean", lambda x, axes, keep: x.mean(axes, keepdim=keep))
op = reduction("max", lambda x, axes, keep: x.amax(axes, keepdim=keep), "distinct")
op.case("ties", lambda x: x.amax(1), {"x": [[1., 3, 3, 0], [2, 2, 2, 2], [5, 1, 1, 1]]}, smooth=False, axes=[1],
        keepdims=False)
op = reduction("logsumexp", lambda x, axes, keep: torch.logsumexp(x, axes, keepdim=keep))
op.case("far out", lambda x: torch.logsumexp(x, 1), {"x": [[1000., 1001, 999], [-1000, -1000, -1000], [0, 800, -800]]},
        smooth=False, axes=[1], keepdims=False)

op = Op("variance")
for divisor, unbiased in (("population", False), ("sample", True)):
    for i, (case, shape, axes) in enumerate(REDUCTIONS):
        if unbiased and case == "size-1 axes":
            axes = [1]
        for keepdims in ([False, True] if i > 1 else [i == 1]):
            op.case(f"{case}, {divisor}" + (", keepdims" if keepdims and i > 1 else ""),
                    lambda x: torch.var(x, every(x, axes), unbiased, keepdim=keepdims),
                    {"x": op.normal(*shape)}, axes=axes, keepdims=keepdims, divisor=divisor)
op.case("one entry, population", lambda x: torch.var(x, 1, False), {"x": op.normal(3, 1)}, smooth=False, axes=[1],
        keepdims=False, divisor="population")
op.case("one entry, sample", lambda x: torch.var(x, 1, True), {"x": op.normal(3, 1)}, smooth=False, axes=[1],
        keepdims=False, divisor="sample")

# --- shape -------------------------------------------------------------------------------------------------

op = Op("reshape")
for case, x, shape in [("flatten", (2, 3), [6]), ("worked out", (2, 3, 4), [4, -1]), ("more axes", (6,), [1, 3, 2]),
                       ("to scalar", (1, 1), []), ("from scalar", (), [1, 1]), ("no entries", (0, 4), [2, 0])]:
    op.case(case, lambda x: x.reshape(shape), {"x": op.normal(*x)}, shape=shape)

op = Op("transpose")
for case, x, axes in [("matrix", (2, 3), []), ("reversed", (2, 3, 4), []), ("cycle", (2, 3, 4), [2, 0, 1]),
                      ("negative", (2, 3, 4), [0, -1, -2]), ("four axes", (2, 3, 1, 2), [0, 2, 1, 3]),
                      ("vector", (4,), []), ("scalar", (), [])]:
    op.case(case, lambda x: x.permute(axes or tuple(reversed(range(x.dim())))), {"x": op.normal(*x)}, axes=axes)

op = Op("swap_axes")
for case, x, a, b in [("matrix", (2, 3), 0, 1), ("last two", (2, 3, 4), -1, -2), ("heads", (2, 3, 2, 4), 1, 2),
                      ("same axis", (2, 3), 1, 1)]:
    op.case(case, lambda x: x.transpose(a, b), {"x": op.normal(*x)}, a=a, b=b)

op = Op("slice")
for case, x, axis, begin, end, step in [("front", (5,), 0, 0, 2, 1), ("middle", (4, 6), 1, 1, 4, 1),
                                        ("from the end", (4, 6), -1, -3, -1, 1), ("clipped", (3, 4), 0, 1, 99, 1),
                                        ("step", (2, 7, 3), 1, 0, 7, 2), ("step, offset", (2, 7), 1, 1, 6, 3),
                                        ("empty", (3, 4), 1, 3, 1, 1), ("below the front", (4,), 0, -99, 2, 1)]:
    where = (slice(None),) * (axis % len(x)) + (slice(begin, end, step),)
    op.case(case, lambda x: x[where], {"x": op.normal(*x)}, axis=axis, begin=begin, end=end, step=step)

for name, f, table in [
        ("concatenate", torch.cat, [("vectors", [(2,), (3,)], 0), ("rows", [(2, 3), (1, 3), (4, 3)], 0),
                                    ("columns", [(2, 3), (2, 1)], -1), ("middle", [(2, 1, 3), (2, 2, 3)], 1),
                                    ("one part", [(2, 3)], 0), ("an empty part", [(0, 3), (2, 3)], 0)]),
        ("stack", torch.stack, [("scalars", [(), (), ()], 0), ("rows", [(3,), (3,)], 0), ("columns", [(3,), (3,)], -1),
                                ("middle", [(2, 3), (2, 3), (2, 3)], 1), ("one part", [(2, 3)], 2)])]:
    op = Op(name)
    for case, shapes, axis in table:
        op.case(case, lambda *parts: f(parts, axis), {f"part {i}": op.normal(*s) for i, s in enumerate(shapes)},
                axis=axis)

op = Op("broadcast_to")
for case, x, shape in [("row", (4,), [3, 4]), ("column", (3, 1), [3, 4]), ("scalar", (), [2, 3]),
                       ("both", (2, 1, 3), [2, 4, 3]), ("same", (2, 3), [2, 3]), ("to no entries", (1, 3), [0, 3])]:
    op.case(case, lambda x: x.expand(shape), {"x": op.normal(*x)}, shape=shape)

op = Op("gather")
for case, x, axis, indices in [("rows", (4, 3), 0, (6, 3)), ("columns", (3, 5), 1, (3, 2)),
                               ("last of three", (2, 3, 4), -1, (2, 3, 1)), ("vector", (5,), 0, (7,))]:
    index = op.whole(x[axis], *indices)
    op.case(case, lambda x: x.gather(axis, torch.tensor(index)), {"x": op.normal(*x)}, {"indices": index}, axis=axis)

op = Op("embedding")
for case, table, indices in [("sequence", (5, 3), (4,)), ("batch", (4, 2), (2, 6)), ("one token", (3, 4), ()),
                             ("one feature", (6, 1), (2, 2, 2)), ("no tokens", (3, 2), (0,))]:
    index = op.whole(table[0], *indices)
    op.case(case, lambda t: F.embedding(torch.tensor(index, dtype=torch.int64), t), {"table": op.normal(*table)},
            {"indices": index})

# --- softmax, layer norm, attention ------------------------------------------------------------------------

for name, f in [("softmax", torch.softmax), ("log_softmax", torch.log_softmax)]:
    op = Op(name)
    for case, x, axis in [("vector", (5,), -1), ("matrix", (3, 4), -1), ("columns", (3, 4), 0), ("middle", (2, 3, 4), 1),
                          ("last of three", (2, 3, 4), 2), ("size-1 axis", (3, 1), -1), ("first", (2, 3, 2), -3)]:
        op.case(case, lambda x: f(x, axis), {"x": op.normal(*x)}, axis=axis)
    op.case("far out", lambda x: f(x, 1), {"x": [[1000., 1001, 999], [-1000, 0, 1000], [-5, -5, -5]]}, smooth=False,
            axis=1)


def layer_norm(x, gamma, beta, eps, divisor, axes):
    if divisor == "population":
        return F.layer_norm(x, x.shape[-axes:], gamma, beta, eps)
    dims = tuple(range(-axes, 0))
    y = (x - x.mean(dims, keepdim=True)) / torch.sqrt(x.var(dims, unbiased=True, keepdim=True) + eps)
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta


op = Op("layer_norm")


def layer_norm_case(case, x, gamma=True, beta=True, eps=1e-5, divisor="population", axes=1, smooth=True):
    x = np.array(x, dtype=np.float64)
    inputs = {"x": x}
    if gamma:
        inputs["gamma"] = op.normal(*x.shape[-axes:])
    if beta:
        inputs["beta"] = op.normal(*x.shape[-axes:])

    def f(x, *affine):
        affine = list(affine)
        return layer_norm(x, affine.pop(0) if gamma else None, affine.pop(0) if beta else None, eps, divisor, axes)
    op.case(case, f, inputs, smooth=smooth, eps=eps, divisor=divisor, axes=axes, gamma=gamma, beta=beta)


for case, shape in [("vector", (6,)), ("matrix", (3, 4)), ("three axes", (2, 3, 5))]:
    for affine, gamma, beta in [("", True, True), (", plain", False, False), (", gamma", True, False), (", beta", False, True)]:
        layer_norm_case(case + affine, op.normal(*shape), gamma, beta)
        layer_norm_case(case + affine + ", sample", op.normal(*shape), gamma, beta, divisor="sample")
for eps in (0., 1e-12, 1e-3, .1):
    layer_norm_case(f"eps {eps:g}", op.normal(3, 4), eps=eps)
    layer_norm_case(f"eps {eps:g}, sample", op.normal(3, 4), eps=eps, divisor="sample")
for axes in (2, 3):
    for divisor in ("population", "sample"):
        layer_norm_case(f"{axes} axes, {divisor}", op.normal(2, 3, 4), divisor=divisor, axes=axes)
        layer_norm_case(f"{axes} axes of four, plain, {divisor}", op.normal(2, 2, 3, 2), False, False,
                        divisor=divisor, axes=axes)
layer_norm_case("offset", 10 + op.normal(3, 8))
layer_norm_case("wide", 30 * op.normal(2, 16))
layer_norm_case("one feature", op.normal(3, 1), smooth=False)
layer_norm_case("constant row", [[2., 2, 2, 2], [1, 2, 3, 4]], smooth=False)
layer_norm_case("constant row, eps 0", [[2., 2, 2, 2], [1, 2, 3, 4]], gamma=False, beta=False, eps=0., smooth=False)


for affine in (True, False):  # gains of their own for neighbouring rows
    x, shape = op.normal(2, 3, 4), (3, 4)
    inputs = {"x": x, **({"gamma": op.normal(*shape), "beta": op.normal(*shape)} if affine else {"beta": op.normal(*shape)})}
    op.case("two rows of gains" if affine else "two rows of shifts",
            lambda x, *p: F.layer_norm(x, (4,)) * (p[0] if affine else 1) + p[-1], inputs,
            eps=1e-5, divisor="population", axes=1)

op = Op("rms_norm")
for case, x, gamma, eps in [("vector", op.normal(6), True, 1e-5), ("matrix", op.normal(3, 4), True, 1e-5),
                            ("plain", op.normal(3, 5), False, 1e-5), ("three axes", op.normal(2, 3, 4), True, 1e-3),
                            ("eps 0", op.normal(2, 3), True, 0.), ("offset", 10 + op.normal(3, 4), True, 1e-6),
                            ("wide", 30 * op.normal(2, 37), True, 1e-5), ("one feature", op.normal(3, 1), False, .5),
                            ("zeros", np.zeros((2, 3)), True, 1e-2)]:
    op.case(case, lambda x, gamma=None: x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * (1 if gamma is None else gamma),
            {"x": x, **({"gamma": op.normal(x.shape[-1])} if gamma else {})}, eps=eps)

CHANNELS = [("matrix", (4, 6)), ("sequence", (2, 6, 4)), ("images", (2, 6, 2, 2)), ("long run", (2, 2, 37))]
AFFINE = [("", True, True), (", plain", False, False), (", gamma", True, False), (", beta", False, True)]


def per_channel(numbers, x):
    return numbers.reshape(-1, *[1] * (x.ndim - 2))


def channel_case(op, case, normalise, x, gamma, beta, **attributes):
    names = ["gamma"] * gamma + ["beta"] * beta

    def f(x, *affine):
        affine, y = dict(zip(names, affine)), normalise(x)
        y = y * per_channel(affine["gamma"], x) if gamma else y
        return y + per_channel(affine["beta"], x) if beta else y
    op.case(case, f, {"x": x, **{name: op.normal(x.shape[1]) for name in names}}, **attributes)


op = Op("channel_layer_norm")
for case, shape in CHANNELS:
    for affine, gamma, beta in AFFINE:
        channel_case(op, case + affine, lambda x: F.layer_norm(x.movedim(1, -1), (x.shape[1],), None, None, 1e-3).movedim(-1, 1),
                     op.normal(*shape), gamma, beta, eps=1e-3, divisor="population")
    channel_case(op, case + ", sample", lambda x: (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, keepdim=True) + .1),
                 op.normal(*shape), True, True, eps=.1, divisor="sample")

op = Op("group_norm")
for case, shape in CHANNELS:
    for groups in (1, 2, shape[1]):
        if groups == shape[1] and len(shape) == 2:
            continue  # one value each: nothing but beta
        for affine, gamma, beta in AFFINE if groups == 2 else AFFINE[:1]:
            channel_case(op, f"{case}, {groups} groups{affine}", lambda x: F.group_norm(x, groups, None, None, 1e-3),
                         op.normal(*shape), gamma, beta, groups=groups, eps=1e-3, divisor="population")
        channel_case(op, f"{case}, {groups} groups, sample", lambda x: layer_norm(
            x.reshape(x.shape[0], groups, -1), None, None, .1, "sample", 1).reshape(x.shape),
            op.normal(*shape), True, True, groups=groups, eps=.1, divisor="sample")

op = Op("batch_norm")


def batch_norm_case(case, x, gamma=True, beta=True, eps=1e-5, smooth=True, statistics=None):
    x = np.array(x, dtype=np.float64)
    names = ["gamma"] * gamma + ["beta"] * beta
    inputs = {"x": x, **{name: op.normal(x.shape[1]) for name in names}}

    def f(x, *affine):
        affine = dict(zip(names, affine))
        mean, variance = (None, None) if statistics is None else map(torch.tensor, statistics.values())
        return F.batch_norm(x, mean, variance, affine.get("gamma"), affine.get("beta"), statistics is None, 0., eps)
    op.case(case, f, inputs, statistics, smooth=smooth, eps=eps)


CHANNELS = [("matrix", (4, 3)), ("sequence", (2, 3, 4)), ("images", (2, 3, 2, 2)), ("wide matrix", (3, 37)),
            ("long run", (2, 2, 37)), ("one channel", (5, 1))]

for case, shape in CHANNELS:
    for affine, gamma, beta in AFFINE:
        batch_norm_case(case + affine, op.normal(*shape), gamma, beta)
for eps in (1e-12, 1e-3, .1):
    batch_norm_case(f"eps {eps:g}", op.normal(3, 2, 2), eps=eps)
batch_norm_case("one sample", op.normal(1, 3, 4))
batch_norm_case("two samples", op.normal(2, 5), eps=.5)  # with less, y is ±1 and dx almost 0
batch_norm_case("five axes", op.normal(2, 2, 1, 2, 3))
batch_norm_case("offset", 10 + op.normal(6, 3))
batch_norm_case("constant channel", [[1., 2], [1, 3], [1, 7]], smooth=False)

op = Op("frozen_batch_norm")
for case, shape in CHANNELS + [("one value", (1, 3))]:
    for affine, gamma, beta in AFFINE:
        batch_norm_case(case + affine, op.normal(*shape), gamma, beta, 1e-3,
                        statistics={"mean": op.normal(shape[1]), "variance": op.positive(shape[1])})


def attention(q, k, v, mask, causal, scale):
    scores = q @ k.transpose(-1, -2) * (scale or 1 / math.sqrt(q.shape[-1]))
    hidden = torch.zeros(scores.shape, dtype=torch.bool)
    if mask is not None:
        hidden = hidden | torch.tensor(mask)
    if causal:
        hidden = hidden | torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    blind = hidden.all(-1, keepdim=True)  # a query without keys: weights 0, by convention
    weights = torch.softmax(scores.masked_fill(hidden & ~blind, -math.inf), -1)
    return weights.masked_fill(blind, 0.) @ v


op = Op("attention")
for case, q, tk, dv, m, causal, scale in [
        ("one sequence", (3, 4), 3, 4, None, False, 0.), ("batch", (2, 3, 4), 3, 4, None, False, 0.),
        ("heads", (2, 2, 3, 4), 3, 4, None, False, 0.), ("longer memory", (2, 3, 4), 5, 4, None, False, 0.),
        ("other value width", (2, 3, 4), 5, 2, None, False, 0.), ("one token", (2, 1, 3), 1, 3, None, False, 0.),
        ("one feature", (3, 1), 4, 1, None, False, 0.), ("scale", (2, 3, 4), 3, 4, None, False, 1.3),
        ("causal", (4, 3), 4, 3, None, True, 0.), ("causal batch", (2, 2, 4, 3), 4, 3, None, True, 0.),
        ("mask", (2, 3, 4), 4, 4, "keys differ", False, 0.), ("padding", (2, 2, 3, 4), 4, 4, "padding", False, 0.),
        ("full mask", (2, 3, 4), 4, 4, "full", False, .5), ("mask and causal", (2, 4, 3), 4, 3, "padding 3", True, 0.),
        ("blind query", (2, 3, 4), 4, 4, "blind", False, 0.)]:
    t = q[-2]
    mask = {None: None,
            "keys differ": np.array([[0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 0, 1]], bool),
            "padding": np.array([[0, 0, 0, 1], [0, 0, 1, 1]], bool).reshape(2, 1, 1, 4),
            "padding 3": np.array([[0, 0, 0, 1], [0, 0, 1, 1]], bool).reshape(2, 1, 4),
            "full": np.array([[[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 1]], [[1, 1, 1, 0], [0, 0, 0, 0], [0, 1, 1, 0]]], bool),
            "blind": np.array([[0, 1, 0, 0], [1, 1, 1, 1], [1, 1, 0, 1]], bool)}[m]
    op.case(case, lambda q, k, v: attention(q, k, v, mask, causal, scale),
            {"q": op.normal(*q), "k": op.normal(*q[:-2], tk, q[-1]), "v": op.normal(*q[:-2], tk, dv)},
            {} if mask is None else {"mask": mask}, causal=causal, scale=scale)

def attention_heads(q, k, v, heads, *options):
    """Each head by itself on its columns; the mask is that of all heads, or has one matrix for each."""
    mask, rest = options[0], options[1:]
    parts = [x.chunk(heads, -1) for x in (q, k, v)]
    one = [None if mask is None else mask[..., i % mask.shape[-3], :, :] if mask.ndim > 2 else mask for i in range(heads)]
    return torch.cat([attention(*(x[i] for x in parts), one[i], *rest) for i in range(heads)], -1)


for case, q, tk, width, m, causal, scale, heads in [
        ("two heads", (3, 4), 3, 4, None, False, 0., 2), ("four heads, batch", (2, 3, 8), 3, 8, None, False, 0., 4),
        ("heads, longer memory, other value width", (2, 3, 4), 5, 6, None, False, 0., 2),
        ("heads of one feature", (2, 3, 3), 3, 3, None, False, .7, 3), ("heads, causal", (2, 4, 6), 4, 6, None, True, 0., 3),
        ("heads, mask", (2, 3, 4), 4, 4, (3, 4), False, 0., 2), ("heads, padding", (2, 3, 4), 4, 4, (2, 1, 1, 4), False, 0., 2),
        ("heads, a mask each", (2, 3, 4), 4, 4, (2, 2, 3, 4), False, 0., 2),
        ("heads, a mask each, no batch axis", (3, 4), 3, 4, (2, 3, 3), True, 0., 2),
        ("heads, two batch axes", (2, 2, 3, 4), 2, 2, None, False, 0., 2)]:
    mask = None if m is None else op.mask(*m) & (np.arange(m[-1]) > 0)  # the first key is always seen
    op.case(case, lambda q, k, v: attention_heads(q, k, v, heads, mask, causal, scale),
            {"q": op.normal(*q), "k": op.normal(*q[:-2], tk, q[-1]), "v": op.normal(*q[:-2], tk, width)},
            {} if mask is None else {"mask": mask}, causal=causal, scale=scale, heads=heads)

op = Op("dropout")
for case, shape, p in [("half", (4, 5), .5), ("tenth", (30,), .1), ("most", (2, 3, 4), .8), ("none", (3, 2), 0.),
                       ("scalar", (), .3)]:
    op.without_pytorch(case, {"x": op.off_zero(*shape)}, shape, p=p, seed=7)

# --- losses ------------------------------------------------------------------------------------------------

LABELS = [("batch", (4, 3)), ("one sample", (1, 5)), ("sequence", (2, 3, 4)), ("one class", (3, 1)), ("no batch axis", (4,))]


def flat_loss(f, logits, labels, **options):
    return f(logits.reshape(-1, logits.shape[-1]), torch.tensor(np.asarray(labels).reshape(-1)), **options)


for name, f in [("cross_entropy", F.cross_entropy), ("nll_loss", F.nll_loss)]:
    op = Op(name)

    def loss_case(case, shape, labels, logits=None, smooth=True, **options):
        x = op.normal(*shape) if logits is None else np.array(logits)
        op.case(case, lambda x: flat_loss(f, x, labels, **options), {"x": x}, {"labels": labels}, smooth=smooth,
                **{"ignore_index": -100, "label_smoothing": 0., "reduction": "mean", **options})
    for case, shape in LABELS:
        for reduction_name in ("mean", "sum"):
            labels = op.whole(shape[-1], *shape[:-1])
            loss_case(f"{case}, {reduction_name}", shape, labels, reduction=reduction_name)
            some = np.array(op.whole(shape[-1], *shape[:-1]))
            some.reshape(-1)[1::2] = -100
            loss_case(f"{case}, {reduction_name}, some ignored", shape, some, reduction=reduction_name)
            if f is F.cross_entropy:
                loss_case(f"{case}, {reduction_name}, smoothed", shape, labels, reduction=reduction_name,
                          label_smoothing=.1)
                loss_case(f"{case}, {reduction_name}, smoothed, some ignored", shape, some, reduction=reduction_name,
                          label_smoothing=.3)
    loss_case("own ignore index", (4, 3), np.array([0, 2, 0, 1]), ignore_index=0)
    loss_case("all ignored, sum", (2, 3), np.array([-100, -100]), smooth=False, reduction="sum")
    loss_case("all ignored, mean", (2, 3), np.array([-100, -100]), smooth=False)
    if f is F.cross_entropy:
        loss_case("far out", (2, 3), np.array([0, 2]), [[-1000., 0, 1000], [500, -500, 500]], smooth=False)

op = Op("cross_entropy_probabilities")
for case, shape in LABELS:
    for reduction_name in ("mean", "sum"):
        for smoothing in (0., .2):
            for kind in ("soft", "one-hot"):
                if kind == "soft":
                    target = op.positive(*shape)
                    target /= target.sum(-1, keepdims=True)
                else:
                    target = np.eye(shape[-1])[op.whole(shape[-1], *shape[:-1])]
                op.case(f"{case}, {kind}, {reduction_name}" + (", smoothed" if smoothing else ""),
                        lambda x: F.cross_entropy(x.reshape(-1, shape[-1]), torch.tensor(target.reshape(-1, shape[-1])),
                                                  reduction=reduction_name, label_smoothing=smoothing),
                        {"x": op.normal(*shape)}, {"target": target}, label_smoothing=smoothing,
                        reduction=reduction_name)

op = Op("bce_with_logits")
for case, shape in [("vector", (5,)), ("matrix", (3, 2)), ("scalar", ()), ("size-1 axis", (4, 1))]:
    for reduction_name in ("mean", "sum"):
        target = op.rng.uniform(0, 1, shape)
        op.case(f"{case}, {reduction_name}",
                lambda x: F.binary_cross_entropy_with_logits(x, torch.tensor(target), reduction=reduction_name),
                {"x": op.normal(*shape)}, {"target": target}, reduction=reduction_name)
target = np.array([0., 1, 0, 1, .5])
op.case("far out", lambda x: F.binary_cross_entropy_with_logits(x, torch.tensor(target), reduction="sum"),
        {"x": [-800., -800, 800, 800, 30]}, {"target": target}, smooth=False, reduction="sum")

op = Op("mse_loss")
for case, shape in [("vector", (5,)), ("matrix", (3, 2)), ("scalar", ()), ("three axes", (2, 3, 1))]:
    for reduction_name in ("mean", "sum"):
        target = op.normal(*shape)
        op.case(f"{case}, {reduction_name}", lambda x: F.mse_loss(x, torch.tensor(target), reduction=reduction_name),
                {"x": op.normal(*shape)}, {"target": target}, reduction=reduction_name)

op = Op("one_hot")
for case, shape, classes in [("vector", (4,), 3), ("matrix", (2, 3), 5), ("scalar", (), 2)]:
    labels = op.whole(classes, *shape)
    op.case(case, lambda: F.one_hot(torch.tensor(labels), classes).double(), {}, {"labels": labels}, classes=classes)

# --- modules -----------------------------------------------------------------------------------------------
# Parameters carry xgrad's names; a module's inputs are x and then the parameters in xgrad's order.


def linear_parameters(op, prefix, n_in, n_out, bias=True):
    result = {prefix + "weight": op.normal(n_out, n_in) / math.sqrt(n_in)}
    if bias:
        result[prefix + "bias"] = .5 * op.normal(n_out)
    return result


def norm_parameters(op, prefix, d):
    return {prefix + "gamma": 1 + .3 * op.normal(d), prefix + "beta": .3 * op.normal(d)}


ACTIVATION = {"relu": torch.relu, "tanh": torch.tanh, "gelu": F.gelu, "sigmoid": torch.sigmoid}

op = Op("Linear")
for case, x, out, bias in [("matrix", (5, 3), 4, True), ("sequence", (2, 4, 3), 2, True), ("no bias", (3, 2), 5, False),
                           ("1 to 1", (1, 1), 1, True)]:
    op.case(case, F.linear, {"x": op.normal(*x), **linear_parameters(op, "", x[-1], out, bias)}, out=out, bias=bias)

op = Op("LayerNorm")
for case, x, axes, eps, affine, divisor in [
        ("features", (3, 6), 1, 1e-5, True, "population"), ("sequence", (2, 3, 4), 1, 1e-5, True, "population"),
        ("two axes", (2, 3, 4), 2, 1e-3, True, "population"), ("plain", (3, 4), 1, 1e-5, False, "population"),
        ("sample", (3, 4), 1, 1e-6, True, "sample")]:
    inputs = {"x": op.normal(*x)}
    if affine:
        inputs.update({"gamma": op.normal(*x[-axes:]), "beta": op.normal(*x[-axes:])})
    op.case(case, lambda x, gamma=None, beta=None: layer_norm(x, gamma, beta, eps, divisor, axes), inputs,
            shape=x[-axes:], eps=eps, affine=affine, divisor=divisor)

op = Op("BatchNorm")
for case, x, training, affine in [("training", (4, 3), True, True), ("training, images", (2, 3, 2, 2), True, True),
                                  ("training, plain", (5, 2), True, False), ("evaluation", (4, 3), False, True),
                                  ("evaluation, sequence", (1, 3, 2), False, False)]:
    inputs = {"x": op.normal(*x)}
    if affine:
        inputs.update(norm_parameters(op, "", x[1]))
    running = {"running_mean": op.normal(x[1]), "running_variance": op.positive(x[1])}
    before = [torch.tensor(r) for r in running.values()]
    op.case(case, lambda x, gamma=None, beta=None: F.batch_norm(x, *before, gamma, beta, training, .1, 1e-3),
            inputs, running, eps=1e-3, affine=affine, training=training)

def channel_module(name, layer, cases, **attributes):
    op = Op(name)
    for case, x, affine, more in cases:
        inputs = {"x": op.normal(*x), **(norm_parameters(op, "", x[1]) if affine else {})}
        op.case(case, lambda x, gamma=None, beta=None: layer(x, gamma, beta, **more), inputs, eps=1e-3,
                divisor="population", affine=affine, **more)


channel_module("ChannelLayerNorm", lambda x, gamma, beta: F.layer_norm(x.movedim(1, -1), (x.shape[1],), gamma, beta, 1e-3).movedim(-1, 1),
               [("images", (2, 3, 2, 2), True, {}), ("sequence", (2, 4, 3), True, {}), ("plain", (2, 3, 2), False, {})])
channel_module("GroupNorm", lambda x, gamma, beta, groups: F.group_norm(x, groups, gamma, beta, 1e-3),
               [("images", (2, 4, 2, 2), True, {"groups": 2}), ("matrix", (2, 6), True, {"groups": 2}),
                ("plain", (2, 3, 2), False, {"groups": 1})])
channel_module("InstanceNorm", lambda x, gamma, beta: F.instance_norm(x, None, None, gamma, beta, True, 0., 1e-3),
               [("images", (2, 3, 2, 2), True, {}), ("sequence", (2, 2, 5), True, {}), ("plain", (1, 3, 4), False, {})])

op = Op("RMSNorm")
for case, x, affine in [("matrix", (3, 4), True), ("sequence", (2, 3, 5), True), ("plain", (2, 3), False)]:
    op.case(case, lambda x, gamma=1.: x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-3) * gamma,
            {"x": op.normal(*x), **({"gamma": op.normal(x[-1])} if affine else {})}, eps=1e-3, affine=affine)

op = Op("AdaptiveLayerNorm")
for case, statistics, x, condition in [
        ("variance", "variance", (3, 4), None), ("log deviation", "log_deviation", (3, 4), None),
        ("variance, sequence", "variance", (2, 2, 3), None), ("log deviation, sequence", "log_deviation", (2, 2, 3), None),
        ("given", "given", (3, 4), (3, 2)), ("given to a sequence", "given", (2, 3, 4), (2, 1, 5)),
        ("one for all", "given", (2, 3, 4), (1,))]:
    d, eps = x[-1], 1e-2

    def adaptive(x, *p):
        s, (weight, bias) = p[0], p[-2:]
        if not condition:
            spread = x.var(-1, unbiased=False, keepdim=True)
            s = torch.cat([x.mean(-1, keepdim=True), spread if statistics == "variance" else (spread + eps).log() / 2], -1)
        gain, shift = F.linear(s, weight, bias).chunk(2, -1)
        return (1 + gain) * F.layer_norm(x, (d,), eps=eps) + shift
    op.case(case, adaptive, {"x": op.normal(*x), **({"condition": op.normal(*condition)} if condition else {}),
                             "weight": op.normal(2 * d, condition[-1] if condition else 2), "bias": op.normal(2 * d)},
            statistics=statistics, eps=eps)

op = Op("FrozenStandardize")
for case, x, data in [("matrix", (2, 3), (7, 3)), ("sequence", (2, 3, 2), (4, 3, 2)), ("vector", (4,), (5, 4))]:
    data = 2 + op.normal(*data) * op.positive(data[-1])
    if case == "vector":
        data[:, 1] = 3.
    fitted = torch.tensor(data.reshape(-1, data.shape[-1]))
    deviation = fitted.std(0, unbiased=False)
    op.case(case, lambda x: (x - fitted.mean(0)) / torch.where(deviation == 0, 1., deviation), {"x": op.normal(*x)},
            {"data": data})

op = Op("BatchNorm_steps")
for case, batches, momentum in [("matrix", (6, 4, 3), .1), ("images", (4, 2, 3, 2, 2), .3), ("one sample", (3, 1, 2, 5), .1),
                                ("two samples", (5, 2, 4), .5)]:
    x = op.normal(*batches) * op.positive(batches[2], *[1] * (len(batches) - 3)) + 2

    def steps():
        layer = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[x.ndim - 1](
            x.shape[2], eps=1e-5, momentum=momentum, affine=False, dtype=torch.float64)
        rows = []
        for batch in torch.tensor(x):
            y = layer.train()(batch)
            rows.append(torch.cat([y.reshape(-1), layer.running_mean.clone(), layer.running_var.clone(),
                                   layer.eval()(batch).reshape(-1)]))
        return torch.stack(rows)
    op.case(case, steps, {}, {"batches": x}, eps=1e-5, momentum=momentum)

op = Op("Embedding")
for case, vocabulary, d, indices in [("sequence", 5, 3, (4,)), ("batch", 7, 2, (2, 5)), ("one token", 3, 4, ())]:
    index = op.whole(vocabulary, *indices)
    op.case(case, lambda w: F.embedding(torch.tensor(index), w), {"weight": op.normal(vocabulary, d)},
            {"indices": index}, vocabulary=vocabulary, d=d)

op = Op("Sequential")
for case, x, sizes, name in [("two layers", (4, 3), [3, 5, 2], "relu"), ("three layers", (2, 4), [4, 3, 3, 1], "tanh"),
                             ("sequence", (2, 3, 2), [2, 4, 2], "gelu"), ("one layer", (3, 2), [2, 2], "sigmoid")]:
    inputs = {"x": op.normal(*x)}
    for i in range(len(sizes) - 1):
        inputs.update(linear_parameters(op, f"{2 * i}.", sizes[i], sizes[i + 1]))

    def mlp(x, *p):
        for i in range(0, len(p), 2):
            x = F.linear(x if i == 0 else ACTIVATION[name](x), p[i], p[i + 1])
        return x
    op.case(case, mlp, inputs, sizes=sizes, activation=name)

op = Op("Residual")
for case, x, out, name in [("identity", (4, 3), 3, "relu"), ("identity, sequence", (2, 3, 4), 4, "tanh"),
                           ("projection", (3, 4), 2, "relu"), ("projection, sequence", (2, 3, 2), 5, "gelu")]:
    d, projected = x[-1], out != x[-1]
    inputs = {"x": op.normal(*x), **linear_parameters(op, "branch.0.", d, 6), **linear_parameters(op, "branch.2.", 6, out)}
    if projected:
        inputs.update(linear_parameters(op, "shortcut.", d, out, False))

    def residual(x, w1, b1, w2, b2, w=None):
        return (x if w is None else F.linear(x, w)) + F.linear(ACTIVATION[name](F.linear(x, w1, b1)), w2, b2)
    op.case(case, residual, inputs, hidden=6, out=out, activation=name)


def feed_forward_parameters(op, prefix, d, hidden):
    return {**linear_parameters(op, prefix + "first.", d, hidden), **linear_parameters(op, prefix + "second.", hidden, d)}


op = Op("FeedForward")
for case, x, hidden, name in [("matrix", (3, 4), 8, "relu"), ("sequence", (2, 3, 2), 5, "gelu"),
                              ("narrow", (2, 1), 1, "tanh"), ("sigmoid", (2, 2, 3), 4, "sigmoid")]:
    op.case(case, lambda x, w1, b1, w2, b2: F.linear(ACTIVATION[name](F.linear(x, w1, b1)), w2, b2),
            {"x": op.normal(*x), **feed_forward_parameters(op, "", x[-1], hidden)}, hidden=hidden, activation=name)


def attention_parameters(op, prefix, d, bias=True):
    result = {}
    for part in ("query", "key", "value", "output"):
        result.update(linear_parameters(op, f"{prefix}{part}.", d, d, bias))
    return result


def torch_attention_parameters(prefix, p, bias=True):
    """nn.MultiheadAttention keeps the three input projections in one matrix."""
    if not bias:
        return {prefix + "in_proj_weight": torch.cat(p[:3]), prefix + "out_proj.weight": p[3]}
    return {prefix + "in_proj_weight": torch.cat(p[0:6:2]), prefix + "in_proj_bias": torch.cat(p[1:6:2]),
            prefix + "out_proj.weight": p[6], prefix + "out_proj.bias": p[7]}


op = Op("MultiHeadAttention")
for case, x, memory, heads, bias, causal, padding in [
        ("two heads", (2, 3, 4), None, 2, True, False, None), ("one head", (1, 3, 4), None, 1, True, False, None),
        ("four heads", (2, 2, 8), None, 4, True, False, None), ("no batch axis", (3, 4), None, 2, True, False, None),
        ("no bias", (2, 3, 4), None, 2, False, False, None), ("causal", (2, 4, 4), None, 2, True, True, None),
        ("memory", (2, 3, 4), (2, 5, 4), 2, True, False, None),
        ("padding", (2, 4, 4), None, 2, True, False, [[0, 0, 0, 1], [0, 0, 1, 1]])]:
    d = x[-1]
    inputs = {"x": op.normal(*x), **({"memory": op.normal(*memory)} if memory else {}),
              **attention_parameters(op, "", d, bias)}
    layer = nn.MultiheadAttention(d, heads, bias=bias, batch_first=True, dtype=torch.float64)

    def multi_head(x, *p):
        source, p = (p[0], p[1:]) if memory else (x, p)
        hidden = torch.ones(x.shape[-2], x.shape[-2], dtype=torch.bool).triu(1) if causal else None
        return functional_call(layer, torch_attention_parameters("", p, bias), (x, source, source), {
            "need_weights": False, "attn_mask": hidden,
            "key_padding_mask": None if padding is None else torch.tensor(padding, dtype=torch.bool)})[0]
    op.case(case, multi_head, inputs,
            {} if padding is None else {"mask": np.array(padding).reshape(x[0], 1, 1, x[1])},
            heads=heads, bias=bias, causal=causal)

op = Op("TransformerEncoderLayer")
for placement in ("post", "pre"):
    for case, x, heads, hidden, name, eps in [("batch", (2, 3, 4), 2, 8, "relu", 1e-5), ("gelu", (1, 4, 4), 1, 6, "gelu", 1e-5),
                                              ("no batch axis", (3, 6), 3, 5, "relu", 1e-3)]:
        d = x[-1]
        layer = nn.TransformerEncoderLayer(d, heads, hidden, dropout=0., activation=name, layer_norm_eps=eps,
                                           batch_first=True, norm_first=placement == "pre", dtype=torch.float64)

        def encoder(x, *p):
            names = ["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias", "norm1.weight", "norm1.bias",
                     "norm2.weight", "norm2.bias"]
            return functional_call(layer, {**torch_attention_parameters("self_attn.", p[:8]), **dict(zip(names, p[8:]))},
                                   (x,))
        op.case(f"{placement}, {case}", encoder,
                {"x": op.normal(*x), **attention_parameters(op, "attention.", d),
                 **feed_forward_parameters(op, "feed_forward.", d, hidden), **norm_parameters(op, "norm1.", d),
                 **norm_parameters(op, "norm2.", d)},
                heads=heads, hidden=hidden, placement=placement, activation=name, eps=eps)

# The layers of encoder and decoder, with xgrad's order of parameters beside PyTorch's names.


def layer_parameters(op, prefix, d, hidden, decoder=False):
    result = {**attention_parameters(op, prefix + "attention.", d), **norm_parameters(op, prefix + "norm1.", d)}
    if decoder:
        result.update({**attention_parameters(op, prefix + "cross_attention.", d),
                       **norm_parameters(op, prefix + "norm2.", d)})
    return {**result, **feed_forward_parameters(op, prefix + "feed_forward.", d, hidden),
            **norm_parameters(op, f"{prefix}norm{3 if decoder else 2}.", d)}


def torch_layer_parameters(prefix, p, decoder=False):
    """Takes its parameters from the front of the list p."""
    def take(n):
        taken, p[:n] = p[:n], []
        return taken
    result = torch_attention_parameters(prefix + "self_attn.", take(8))
    names = ["norm1.weight", "norm1.bias"]
    values = take(2)
    if decoder:
        result.update(torch_attention_parameters(prefix + "multihead_attn.", take(8)))
        names += ["norm2.weight", "norm2.bias"]
        values += take(2)
    last = "norm3" if decoder else "norm2"
    names += ["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias", last + ".weight", last + ".bias"]
    return {**result, **{prefix + name: value for name, value in zip(names, values + take(6))}}


def future(length):
    return torch.ones(length, length, dtype=torch.bool).triu(1)


op = Op("TransformerDecoderLayer")
for placement in ("post", "pre"):
    for case, y, memory, heads, hidden, name, eps in [
            ("batch", (2, 3, 4), (2, 5, 4), 2, 8, "relu", 1e-5), ("gelu", (1, 4, 4), (1, 2, 4), 1, 6, "gelu", 1e-3),
            ("no batch axis", (3, 6), (1, 6), 3, 5, "relu", 1e-5)]:
        d = y[-1]
        layer = nn.TransformerDecoderLayer(d, heads, hidden, dropout=0., activation=name, layer_norm_eps=eps,
                                           batch_first=True, norm_first=placement == "pre", dtype=torch.float64)
        op.case(f"{placement}, {case}",
                lambda y, memory, *p: functional_call(layer, torch_layer_parameters("", list(p), True), (y, memory),
                                                      {"tgt_mask": future(y.shape[-2])}),
                {"y": op.normal(*y), "memory": op.normal(*memory), **layer_parameters(op, "", d, hidden, True)},
                heads=heads, hidden=hidden, placement=placement, activation=name, eps=eps)


def encoding(positions, d):
    """Vaswani et al., section 3.5, entry by entry."""
    return torch.tensor([[(math.cos if j % 2 else math.sin)(p / 10000**(2 * (j // 2) / d)) for j in range(d)]
                         for p in range(positions)], dtype=torch.float64).reshape(positions, d)


op = Op("sinusoidal_encoding")
for case, positions, d in [("even", 6, 8), ("odd", 5, 3), ("one feature", 4, 1), ("far", 60, 4)]:
    op.case(case, lambda: encoding(positions, d), {}, positions=positions, d=d)
op = Op("PositionalEncoding")
for case, x in [("batch", (2, 3, 4)), ("no batch axis", (5, 2)), ("odd", (1, 2, 3))]:
    op.case(case, lambda t: t + encoding(*t.shape[-2:]), {"x": op.normal(*x)}, d=x[-1])

op = Op("LearnedPositions")
for case, x, longest in [("batch", (2, 3, 4), 5), ("no batch axis", (3, 2), 3), ("one position", (2, 1, 3), 2)]:
    op.case(case, lambda x, weight: x + weight[:x.shape[-2]],
            {"x": op.normal(*x), "weight": op.normal(longest, x[-1])}, longest=longest)

op = Op("TokenEmbedding")
for case, indices, d, positions, scale in [("sinusoidal, scaled", (2, 3), 4, "sinusoidal", True),
                                           ("learned", (2, 5), 3, "learned", False), ("none", (4,), 2, "none", True)]:
    index = op.whole(6, *indices)

    def embed(tokens, table=None):
        x = F.embedding(torch.tensor(index), tokens) * (math.sqrt(d) if scale else 1)
        return x + (encoding(*x.shape[-2:]) if positions == "sinusoidal" else 0 if table is None else table[:x.shape[-2]])
    op.case(case, embed, {"tokens.weight": op.normal(6, d),
                          **({"positions.weight": op.normal(7, d)} if positions == "learned" else {})},
            {"tokens": index}, d=d, positions=positions, scale=scale)

op = Op("Transformer")
for case, placement, final_norm, padding, shared in [
        ("post", "post", False, -1, False), ("post, final norm", "post", True, -1, False), ("pre", "pre", True, -1, False),
        ("pre, padding", "pre", True, 0, False), ("post, padding, shared embedding", "post", False, 0, True)]:
    d, heads, hidden, sources, targets = 4, 2, 8, 5, 5 if shared else 6
    model = nn.Transformer(d, heads, 1, 1, hidden, dropout=0., batch_first=True, norm_first=placement == "pre",
                           dtype=torch.float64)
    if not final_norm:
        model.encoder.norm = model.decoder.norm = None
    source, target = op.whole(sources - 1, 2, 4) + 1, op.whole(targets - 1, 2, 3) + 1
    if padding >= 0:
        source[0, 2:] = source[1, 3:] = target[1, 2:] = padding
    inputs = {"source_embedding.tokens.weight": op.normal(sources, d) / 2}  # 2 = √d
    inputs.update(layer_parameters(op, "encoder.0.", d, hidden))
    if final_norm:
        inputs.update(norm_parameters(op, "encoder_norm.", d))
    if not shared:
        inputs["target_embedding.tokens.weight"] = op.normal(targets, d) / 2
    inputs.update(layer_parameters(op, "decoder.0.", d, hidden, True))
    if final_norm:
        inputs.update(norm_parameters(op, "decoder_norm.", d))
    inputs.update(linear_parameters(op, "head.", d, targets))

    def translate(*p):
        p = list(p)

        def embed(indices, table):
            x = F.embedding(torch.tensor(indices), table) * math.sqrt(d)
            return x + encoding(*x.shape[-2:])

        def stack(name, decoder):
            result = torch_layer_parameters(f"{name}.layers.0.", p, decoder)
            if final_norm:
                result.update({f"{name}.norm.weight": p.pop(0), f"{name}.norm.bias": p.pop(0)})
            return result
        source_table = p.pop(0)
        parameters = stack("encoder", False)
        target_table = source_table if shared else p.pop(0)
        parameters.update(stack("decoder", True))
        hidden_source = torch.tensor(source == padding) if padding >= 0 else None
        hidden_target = torch.tensor(target == padding) if padding >= 0 else None
        y = functional_call(model, parameters, (embed(source, source_table), embed(target, target_table)), {
            "tgt_mask": future(3), "src_key_padding_mask": hidden_source, "tgt_key_padding_mask": hidden_target,
            "memory_key_padding_mask": hidden_source})
        return F.linear(y, *p)
    op.case(case, translate, inputs, {"source": source, "target": target}, d=d, heads=heads, hidden=hidden,
            sources=sources, targets=targets, placement=placement, final_norm=final_norm, padding=padding, shared=shared)

op = Op("LanguageModel")
for case, placement, positions, tied in [("pre", "pre", "sinusoidal", False), ("post", "post", "sinusoidal", False),
                                         ("pre, learned, tied", "pre", "learned", True)]:
    d, heads, hidden, vocabulary, context = 4, 2, 6, 7, 5
    layer = nn.TransformerEncoderLayer(d, heads, hidden, dropout=0., activation="gelu", batch_first=True,
                                       norm_first=placement == "pre", dtype=torch.float64)
    tokens = op.whole(vocabulary, 2, 4)
    inputs = {"embedding.tokens.weight": op.normal(vocabulary, d)}
    if positions == "learned":
        inputs["embedding.positions.weight"] = op.normal(context, d)
    for i in range(2):
        inputs.update(layer_parameters(op, f"layers.{i}.", d, hidden))
    if placement == "pre":
        inputs.update(norm_parameters(op, "norm.", d))
    if not tied:
        inputs.update(linear_parameters(op, "head.", d, vocabulary))

    def language_model(table, *p):
        p = list(p)
        x = F.embedding(torch.tensor(tokens), table)
        x = x + (p.pop(0)[:4] if positions == "learned" else encoding(4, d))
        for i in range(2):
            x = functional_call(layer, torch_layer_parameters("", p), (x, future(4)))
        if placement == "pre":
            x = F.layer_norm(x, (d,), p.pop(0), p.pop(0))
        return F.linear(x, table) if tied else F.linear(x, *p)
    op.case(case, language_model, inputs, {"tokens": tokens}, d=d, heads=heads, hidden=hidden, vocabulary=vocabulary,
            context=context, placement=placement, positions=positions, tied=tied)

op = Op("RNN")
for case, x, d in [("batch", (2, 4, 3), 5), ("one step", (3, 1, 2), 2), ("long", (1, 9, 2), 3)]:
    op.case(case, lambda x, w, b, u: torch.rnn_tanh(x, torch.zeros(1, len(x), d, dtype=torch.float64),
                                                    [w, u, b, torch.zeros_like(b)], True, 1, 0., False, False, True)[0],
            {"x": op.normal(*x), **linear_parameters(op, "cell.input.", x[-1], d),
             **linear_parameters(op, "cell.state.", d, d, False)}, d=d)

# --- images ------------------------------------------------------------------------------------------------


def conv_parameters(op, prefix, i, out, size, bias):
    return {prefix + "weight": op.normal(out, i, size, size) / size, **({prefix + "bias": op.normal(out)} if bias else {})}


op = Op("Conv2d")
for case, x, out, size, stride, padding, bias in [
        ("3x3", (2, 2, 4, 5), 3, 3, 1, 1, True), ("no bias", (1, 3, 4, 4), 2, 3, 1, 1, False),
        ("1x1, stride 2", (2, 3, 3, 4), 4, 1, 2, 0, True), ("5x5, stride 3", (1, 2, 7, 8), 2, 5, 3, 2, True)]:
    op.case(case, lambda *a: F.conv2d(*a, stride=stride, padding=padding),
            {"x": op.normal(*x), **conv_parameters(op, "", x[1], out, size, bias)},
            out=out, size=size, stride=stride, padding=padding, bias=bias)


def block_parameters(op, prefix, i, out, stride, norm, bias, order, shortcut):
    """Those of xgrad's ConvBlock, in its order."""
    p = {**conv_parameters(op, prefix + "conv1.", i, out, 3, bias), **conv_parameters(op, prefix + "conv2.", out, out, 3, bias)}
    if norm:
        p.update(norm_parameters(op, prefix + "norm1.", out if order == "basic" else i))
        p.update(norm_parameters(op, prefix + "norm2.", out))
    if shortcut and (i != out or stride != 1):
        normed = norm and order == "basic"
        p.update(conv_parameters(op, prefix + ("projection.0." if normed else "projection."), i, out, 1, bias))
        if normed:
            p.update(norm_parameters(op, prefix + "projection.1.", out))
    return p


class Convolutions:
    """A network's convolutions and (batch) normalisations by the names of their parameters; a name that is not
    there stands for the identity."""

    def __init__(self, parameters, eps):
        self.p, self.eps = parameters, eps

    def conv(self, name, x, stride=1, padding=0):
        w = self.p.get(name + ".weight")
        return x if w is None else F.conv2d(x, w, self.p.get(name + ".bias"), stride, padding)

    def norm(self, name, x):
        gamma = self.p.get(name + ".gamma")
        return x if gamma is None else F.batch_norm(x, None, None, gamma, self.p[name + ".beta"], True, 0., self.eps)

    def block(self, name, x, stride, order, shortcut):
        n = name + "." if name else ""
        short = self.conv(n + "projection", x, stride)
        short = self.norm(n + "projection.1", self.conv(n + "projection.0", short, stride)) if shortcut else 0
        if order == "basic":
            h = F.relu(self.norm(n + "norm1", self.conv(n + "conv1", x, stride, 1)))
            return F.relu(short + self.norm(n + "norm2", self.conv(n + "conv2", h, 1, 1)))
        h = self.conv(n + "conv1", F.relu(self.norm(n + "norm1", x)), stride, 1)
        return short + self.conv(n + "conv2", F.relu(self.norm(n + "norm2", h)), 1, 1)


op = Op("ConvBlock")
for order in ("basic", "pre_activation"):
    for case, x, out, stride, norm, bias, shortcut, eps in [
            ("identity", (2, 2, 3, 4), 2, 1, True, False, True, 1e-5), ("projection", (2, 2, 4, 3), 3, 1, True, False, True, 1e-3),
            ("strided", (2, 2, 4, 5), 2, 2, True, True, True, 1e-5), ("no norm", (1, 2, 4, 4), 2, 1, False, True, True, 1e-5),
            ("no norm, projection", (2, 1, 4, 4), 2, 2, False, True, True, 1e-5), ("plain", (2, 2, 4, 4), 3, 2, True, False, False, 1e-5)]:
        inputs = {"x": op.normal(*x), **block_parameters(op, "", x[1], out, stride, norm, bias, order, shortcut)}
        names = list(inputs)[1:]
        op.case(f"{order}, {case}", lambda x, *p: Convolutions(dict(zip(names, p)), eps).block("", x, stride, order, shortcut), inputs,
                out=out, stride=stride, norm=norm, bias=bias, order=order, shortcut=shortcut, eps=eps)

op = Op("ResNet")
for case, x, widths, blocks, norm, order, shortcut in [
        ("three stages", (2, 1, 5, 6), [2, 3, 4], 1, True, "basic", True), ("two blocks", (2, 2, 4, 4), [2, 3], 2, True, "basic", True),
        ("pre-activation", (2, 1, 4, 5), [2, 3], 2, True, "pre_activation", True), ("no norm", (2, 1, 4, 4), [2, 3], 1, False, "basic", True),
        ("plain", (2, 1, 4, 4), [2, 3], 1, True, "basic", False)]:
    inputs = {"x": op.normal(*x), **conv_parameters(op, "stem.", x[1], widths[0], 3, not norm)}
    if norm:
        inputs.update(norm_parameters(op, "norm.", widths[0] if order == "basic" else widths[-1]))
    sizes = [w for w in widths for _ in range(blocks)]
    for i, (a, b) in enumerate(zip(widths[:1] + sizes, sizes)):
        inputs.update(block_parameters(op, f"blocks.{i}.", a, b, 2 if i and i % blocks == 0 else 1, norm, not norm, order, shortcut))
    inputs.update(linear_parameters(op, "head.", widths[-1], 3))
    names = list(inputs)[1:]

    def resnet(x, *p):
        net = Convolutions(dict(zip(names, p)), 1e-5)
        y = net.conv("stem", x, 1, 1)
        y = F.relu(net.norm("norm", y)) if order == "basic" else y
        for i in range(len(sizes)):
            y = net.block(f"blocks.{i}", y, 2 if i and i % blocks == 0 else 1, order, shortcut)
        y = F.relu(net.norm("norm", y)) if order != "basic" else y
        return F.linear(y.mean((2, 3)), net.p["head.weight"], net.p["head.bias"])
    op.case(case, resnet, inputs, widths=widths, blocks=blocks, norm=norm, order=order, shortcut=shortcut)
# --- optimisers --------------------------------------------------------------------------------------------


def optimiser(name, make, variants, steps=6):
    """The trace of two parameters under given gradients: row i of y is both of them after step i + 1."""
    op = Op(name)
    for case, rate, options, attributes in variants:
        a, b, g = op.normal(3, 2), op.normal(4), op.normal(steps, 10)

        def trace():
            parameters = [torch.tensor(p, requires_grad=True) for p in (a, b)]
            optimiser = make(parameters, lr=rate, **options)
            rows = []
            for row in g:
                for p, dp in zip(parameters, (row[:6].reshape(3, 2), row[6:])):
                    p.grad = torch.tensor(dp.copy())
                optimiser.step()
                rows.append(torch.cat([p.detach().reshape(-1) for p in parameters]))
            return torch.stack(rows)
        op.case(case, trace, {}, {"a": a, "b": b, "gradients": g}, learning_rate=rate, **attributes)


optimiser("SGD", torch.optim.SGD, [
    ("plain", .1, {}, {}), ("momentum", .1, {"momentum": .9}, {"momentum": .9}),
    ("nesterov", .05, {"momentum": .8, "nesterov": True}, {"momentum": .8, "nesterov": True}),
    ("decay", .1, {"weight_decay": .3}, {"weight_decay": .3}),
    ("nesterov and decay", .02, {"momentum": .9, "nesterov": True, "weight_decay": .1},
     {"momentum": .9, "nesterov": True, "weight_decay": .1})])
# A case without weight_decay in its attributes takes the optimiser's own default.
for name, make in (("Adam", torch.optim.Adam), ("AdamW", torch.optim.AdamW)):
    optimiser(name, make, [
        ("as constructed", .01, {}, {}), ("no decay", .01, {"weight_decay": 0.}, {"weight_decay": 0.}),
        ("decay", .1, {"weight_decay": .2}, {"weight_decay": .2}),
        ("betas and eps", .05, {"betas": (.5, .8), "eps": .1, "weight_decay": .05},
         {"beta1": .5, "beta2": .8, "eps": .1, "weight_decay": .05})])



class Adafactor:
    """Algorithms 4 and 5 of Shazeer & Stern (2018), with whole matrices and the paper's names."""

    def __init__(self, parameters, lr=.01, eps1=1e-30, eps2=1e-3, clip=1., decay=.8, weight_decay=0.):
        self.parameters, self.state, self.t = parameters, [{} for _ in parameters], 0
        self.options = lr, eps1, eps2, clip, decay, weight_decay

    def step(self):
        lr, eps1, eps2, d, decay, weight_decay = self.options
        self.t += 1
        beta2, rho = 1 - self.t**-decay, min(lr, self.t**-.5)
        for p, state in zip(self.parameters, self.state):
            x, g = p.detach().numpy(), p.grad.numpy()
            alpha = max(eps2, np.sqrt(np.mean(x**2))) * rho
            square = g**2 + eps1
            if g.ndim > 1:
                state["R"] = beta2 * state.get("R", 0) + (1 - beta2) * square @ np.ones((g.shape[1], 1))
                state["C"] = beta2 * state.get("C", 0) + (1 - beta2) * np.ones((1, g.shape[0])) @ square
                second_moment = state["R"] @ state["C"] / np.sum(state["R"])
            else:
                second_moment = state["V"] = beta2 * state.get("V", 0) + (1 - beta2) * square
            u = g / np.sqrt(second_moment)
            u /= max(1, np.sqrt(np.mean(u**2)) / d)
            p.data = torch.tensor(x - lr * weight_decay * x - alpha * u)


class AdamWThenSGD:
    """PyTorch's AdamW for some steps, then PyTorch's SGD."""

    def __init__(self, parameters, lr, at, factor, momentum=0., weight_decay=.01, sgd_decay=0.):
        self.left = at
        self.adamw = torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
        self.sgd = torch.optim.SGD(parameters, lr=lr * factor, momentum=momentum, weight_decay=sgd_decay)

    def step(self):
        (self.adamw if self.left > 0 else self.sgd).step()
        self.left -= 1


optimiser("Adafactor", Adafactor, [
    ("as constructed", .01, {}, {}), ("large rate", 3., {}, {}),
    ("all options", .1, {"eps1": 1e-3, "eps2": .9, "clip": .5, "decay": .6, "weight_decay": .2},
     {"eps1": 1e-3, "eps2": .9, "clip": .5, "decay": .6, "weight_decay": .2})])
optimiser("AdamWThenSGD", AdamWThenSGD, [
    (f"after {at}", .02, {"at": at, "factor": 5., "momentum": momentum, "sgd_decay": decay},
     {"at": at, "factor": 5., "momentum": momentum, "sgd_decay": decay})
    for at, momentum, decay in ((0, .9, 0.), (3, 0., .1), (3, .8, 0.), (9, .9, .1))])


def rates(make, steps=24):
    """What a scheduler of PyTorch sets before each step."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=.5)
    scheduler, found = make(optimiser), []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return torch.tensor(found, dtype=torch.float64)


op = Op("schedule")
S = torch.optim.lr_scheduler
for case, make, attributes in [
        ("constant", lambda o: S.LambdaLR(o, lambda t: 1), {}),
        ("step", lambda o: S.StepLR(o, 5, .3), {"steps": 5, "factor": .3}),
        ("linear", lambda o: S.LinearLR(o, 1., .2, 16), {"steps": 16, "end": .1}),
        ("cosine", lambda o: S.SequentialLR(o, [S.CosineAnnealingLR(o, 20, .05), S.LambdaLR(o, lambda t: .1)], [20]),
         {"steps": 20, "end": .05}),
        ("geometric", lambda o: S.SequentialLR(o, [S.ExponentialLR(o, .01**(1 / 11)), S.LambdaLR(o, lambda t: .01)], [12]),
         {"steps": 12, "end": .005}),
        ("warm_up", lambda o: S.SequentialLR(o, [S.LinearLR(o, .25, 1., 3), S.ExponentialLR(o, .9)], [4]),
         {"steps": 4, "factor": .9}),
        ("transformer", lambda o: S.LambdaLR(o, lambda t: 2 * 64**-.5 * min((t + 1)**-.5, (t + 1) * 7**-1.5)), {"steps": 7})]:
    op.case(case, lambda: rates(make), {}, schedule=case, **attributes)

# --- write -------------------------------------------------------------------------------------------------

folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent
folder.mkdir(parents=True, exist_ok=True)
for old in folder.glob("*.npy"):
    old.unlink()
for name, flat in numbers.items():
    np.save(folder / f"{name}.npy", np.concatenate([np.zeros(0), *flat]))
(folder / "cases.json").write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
size = sum(f.stat().st_size for f in folder.glob("*") if f.suffix in (".npy", ".json"))
print(f"{len(cases)} cases of {len(numbers)} ops, {size / 1e3:.0f} kB")
