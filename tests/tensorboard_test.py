#!/usr/bin/env python3
"""tensorboard_test.py FILE_TOOL: event files decoded by hand from the formats' descriptions: TFRecord frames with masked
CRC-32C, protobuf's wire format, and the field numbers of TensorBoard's event.proto and summary.proto."""
import math
import os
import struct
import subprocess
import sys
import tempfile
import time


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


assert crc32c(b'123456789') == 0xe3069283  # the check value of CRC-32C


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff


def records(data):
    while data:
        length, crc = struct.unpack_from('<QI', data)
        assert crc == masked(data[:8]), 'checksum of a length'
        record = data[12:12 + length]
        assert len(record) == length and struct.unpack_from('<I', data, 12 + length)[0] == masked(record), 'checksum'
        yield record
        data = data[16 + length:]


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def fields(data):
    """[(number, value)]: integers, doubles as bytes of 8, floats as bytes of 4, everything else as bytes."""
    result, at = [], 0
    while at < len(data):
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            length, at = {1: (8, at), 5: (4, at)}.get(kind) or varint(data, at)
            value, at = data[at:at + length], at + length
        result.append((number, value))
    return result


def double(data):
    return struct.unpack('<d', data)[0]


def event(record):
    f = dict(fields(record))
    assert abs(double(f[1]) - time.time()) < 600, 'wall time'
    step = f.get(2, 0)
    if 3 in f:
        return step, 'version', f[3]
    if 7 in f:
        return step, 'session', fields(f[7])
    values = []
    for number, value in fields(f[5]):
        assert number == 1
        v = dict(fields(value))
        if 2 in v:
            values.append((v[1].decode(), struct.unpack('<f', v[2])[0]))
        else:
            h = dict(fields(v[5]))
            numbers = [double(h.get(i, bytes(8))) for i in range(1, 6)]  # protobuf leaves zeros out
            lists = [struct.unpack(f'<{len(h[i]) // 8}d', h[i]) for i in (6, 7)]
            values.append((v[1].decode(), numbers, *lists))
    return step, 'values', values


with tempfile.TemporaryDirectory() as folder:
    paths = subprocess.run([sys.argv[1], 'events', folder + '/a/b'], check=True, capture_output=True,
                           text=True).stdout.split()
    events = []
    for path in paths:
        assert 'tfevents' in os.path.basename(path)
        with open(path, 'rb') as file:
            events.append([event(r) for r in records(file.read())])
    first, resumed = events
    assert first[0] == (0, 'version', b'brain.Event:2')
    assert first[1] == (0, 'values', [('loss', .5), ('accuracy', .25)])
    assert first[2][0] == 300 and math.isnan(first[2][2][0][1])
    name, numbers, limits, counts = first[3][2][0]
    assert (name, numbers) == ('weights', [-1, 2, 7, 5, 10.5])
    assert len(limits) == len(counts) == 30 and limits[-1] == 2 and sum(counts) == 7
    assert all(abs(limits[i] - (-1 + .1 * (i + 1))) < 1e-12 for i in range(30))
    values = [-1, 0, .5, .5, 1, 2, 2]  # 0, 0.5 and 1 lie on edges: either neighbour may have them
    for i, limit in enumerate(limits):
        below = sum(x <= limit - 1e-9 for x in values), sum(x <= limit + 1e-9 for x in values)
        assert below[0] <= sum(counts[:i + 1]) <= below[1], (limit, counts)
    assert first[4][2] == [('one value', [3, 3, 5, 15, 45], (3,), (5,))]
    assert len(first) == 5
    assert resumed == [(0, 'version', b'brain.Event:2'), (300, 'session', [(1, 1)]), (300, 'values', [('loss', .125)])]
    print(f'{len(first) + len(resumed)} events agree')
