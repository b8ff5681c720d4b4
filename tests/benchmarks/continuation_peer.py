#!/usr/bin/python3
"""PyTorch's side of chapter 15's measurement on a text file: the same model, optimiser, schedule and steps.

usage: continuation_peer.py TEXT [--steps 2000] [--threads 1] [--seed 1]

The model is GPT-2's: Pre-LN, exact GELU, learned positions, tied head, 4 layers, 4 heads, width 128, context 64, and is
trained as nanoGPT trains it on a CPU, but with weight decay on all parameters, as in the chapter. The queries, keys and
values of a layer come from one product, which is PyTorch's faster form. Initial weights and windows are PyTorch's own
random ones: losses agree as far as two seeds do.
"""
import argparse
import math
import time

import torch
import torch.nn.functional as F
from torch import nn

D, HEADS, LAYERS, CONTEXT, BATCH = 128, 4, 4, 64, 12
RATE, LOWEST, WARM_UP = 1e-3, 1e-4, 100
DEVIATION = 0.05


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.qkv, self.output = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.first, self.second = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)

    def forward(self, x, future):
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-1, -2) / math.sqrt(d // HEADS)).masked_fill(future[:t, :t], -math.inf)
        x = x + self.output((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, d))
        return x + self.second(F.gelu(self.first(self.norm2(x))))


class Model(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, D), nn.Embedding(CONTEXT, D)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(D)
        self.register_buffer("future", torch.triu(torch.ones(CONTEXT, CONTEXT, dtype=torch.bool), 1))
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                residual = name.endswith(("output.weight", "second.weight"))
                nn.init.normal_(weight, std=DEVIATION / math.sqrt(2 * LAYERS) if residual else DEVIATION)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        for layer in self.layers:
            x = layer(x, self.future)
        return self.norm(x) @ self.tokens.weight.T


def rate(step, steps):
    if step < WARM_UP:
        return RATE * (step + 1) / WARM_UP
    return LOWEST + (RATE - LOWEST) * (1 + math.cos(math.pi * min((step - WARM_UP) / (steps - WARM_UP), 1))) / 2


def loss_of(model, x, y):
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


def validation_loss(model, text):
    """The mean over windows that follow one another, as the chapter takes it."""
    windows = (len(text) - 1) // CONTEXT
    x, y = (text[i : i + windows * CONTEXT].view(windows, CONTEXT) for i in (0, 1))
    with torch.no_grad():
        total = sum(loss_of(model, x[i : i + 32], y[i : i + 32]).item() * len(x[i : i + 32])
                    for i in range(0, windows, 32))
    return total / windows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    with open(options.text, encoding="utf-8", newline="") as file:
        characters = file.read()
    numbers = {c: i for i, c in enumerate(sorted(set(characters)))}
    text = torch.tensor([numbers[c] for c in characters])
    cut = len(text) - round(0.1 * len(text))
    train, validation = text[:cut], text[cut:]

    model = Model(len(numbers))
    optimizer = torch.optim.AdamW(model.parameters(), RATE, (0.9, 0.99), 1e-8, 0.1, foreach=True)
    print(f"PyTorch {torch.__version__}, {options.threads} threads, {sum(p.numel() for p in model.parameters())} parameters")
    begin = time.perf_counter()
    for step in range(options.steps):
        optimizer.param_groups[0]["lr"] = rate(step, options.steps)
        places = torch.randint(len(train) - CONTEXT, (BATCH,))
        x, y = (torch.stack([train[p + i : p + i + CONTEXT] for p in places]) for i in (0, 1))
        loss = loss_of(model, x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    print(f"training took {time.perf_counter() - begin:.1f} s")
    print(f"validation loss {validation_loss(model, validation):.4f}")


if __name__ == "__main__":
    main()
