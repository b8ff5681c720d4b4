#!/usr/bin/env python3
"""safetensors_test.py FILE_TOOL: files that the library writes are read by tests/safetensors_peer.py, and the other way
round, entry by entry and bit by bit; the header of one file is compared with what was worked out by hand."""
import math
import os
import random
import struct
import subprocess
import sys
import tempfile

import safetensors_peer as peer

tool = sys.argv[1]


def tool_reads(path):
    """What `file_tool print` says, in the form of peer.read."""
    tensors = {}
    for line in subprocess.run([tool, 'print', path], check=True, capture_output=True, text=True).stdout.splitlines():
        name, kind, *entries = line.split('\t')
        if name == 'metadata':
            continue
        dtype, shape = kind.split(' ', 1)
        shape = [int(n) for n in shape.strip('()').split(',') if n.strip()]
        tensors[name] = (dtype, shape, tuple((int if dtype == 'I64' else float.fromhex)(e) for e in entries))
    return tensors


def bits(value):
    return value if isinstance(value, int) else struct.pack('<d', value)


def check_equal(found, expected, what):
    assert found.keys() == expected.keys(), (what, found.keys(), expected.keys())
    for name, (dtype, shape, entries) in expected.items():
        assert found[name][:2] == (dtype, shape), (what, name, found[name][:2], dtype, shape)
        assert list(map(bits, found[name][2])) == list(map(bits, entries)), (what, name, found[name][2], entries)


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'x.safetensors')

    # The library writes, Python reads.
    subprocess.run([tool, 'write', path], check=True)
    f32 = [struct.unpack('<f', struct.pack('<f', x))[0] for x in (1.5, -2, .1, math.inf, 1e-45, 0)]
    expected = {'f32': ('F32', [2, 3], f32), 'f64': ('F64', [2], [.1, -1e300]),
                'i64': ('I64', [1, 2, 2], [1, -2, 2**62, 0]), 'scalar': ('F32', [], [7.]),
                'nothing ∅': ('F32', [2, 0], [])}
    tensors, metadata = peer.read(path)
    check_equal(tensors, expected, 'written by the library')
    assert metadata.pop('xgrad.crc32').isdigit() and metadata == {'purpose': 'a "test"'}, metadata
    with open(path, 'rb') as file:
        data = file.read()
    assert data[8:24] == b'{"__metadata__":', data[8:24]
    assert (struct.unpack('<Q', data[:8])[0] + 8) % 8 == 0
    assert data.endswith(struct.pack('<2d4q7f', .1, -1e300, 1, -2, 2**62, 0, *f32, 7))  # types of 8 bytes first
    check_equal(tool_reads(path), expected, 'written and read by the library')

    # Python writes, the library reads.
    rng = random.Random(1)
    for _ in range(20):
        tensors = {}
        for i in range(rng.randrange(6)):
            dtype = rng.choice(['F64', 'F32', 'F16', 'BF16', 'I64'])
            shape = [rng.randrange(4) for _ in range(rng.randrange(4))]
            n = math.prod(shape)
            entries = [rng.randrange(-2**63, 2**63) if dtype == 'I64' else
                       struct.unpack('<f', struct.pack('<f', rng.gauss(0, 100)))[0] for _ in range(n)]
            if dtype == 'F16':
                entries = list(struct.unpack(f'<{n}e', struct.pack(f'<{n}e', *entries)))
            if dtype == 'BF16':
                entries = [struct.unpack('<f', b'\0\0' + struct.pack('<f', x)[2:])[0] for x in entries]
            tensors[f'layer {i} "ü"'] = (dtype, shape, entries)
        peer.write(path, tensors, {'key': 'value'} if rng.random() < .5 else None, rng.randrange(9))
        widened = {name: ('F32' if dtype in ('F16', 'BF16') else dtype, shape, entries)
                   for name, (dtype, shape, entries) in tensors.items()}
        check_equal(tool_reads(path), widened, 'written by Python')
    print('21 files agree')
