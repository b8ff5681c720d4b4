"""Safetensors files by Python's standard library alone, written from the description of the format: an opinion of
its own on what the library writes and reads."""
import json
import math
import struct

CODES = {'F64': 'd', 'F32': 'f', 'F16': 'e', 'I64': 'q'}  # of struct


def read(path):
    """{name: (dtype, shape, entries)} and the metadata."""
    with open(path, 'rb') as file:
        data = file.read()
    (length,) = struct.unpack_from('<Q', data)
    header = json.loads(data[8:8 + length].decode('utf-8'))
    body = data[8 + length:]
    metadata = header.pop('__metadata__', {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry['data_offsets']
        n = math.prod(entry['shape'])
        code = CODES[entry['dtype']]
        assert end - begin == n * struct.calcsize(code), name
        assert begin % struct.calcsize(code) == 0, f'{name} is not aligned'
        tensors[name] = (entry['dtype'], entry['shape'], struct.unpack(f'<{n}{code}', body[begin:end]))
    assert sum(e['data_offsets'][1] - e['data_offsets'][0] for e in header.values()) == len(body)
    return tensors, metadata


def write(path, tensors, metadata=None, padding=0):
    """`tensors` as `read` returns them, with BF16 as well; entries are numbers."""
    header, body = ({'__metadata__': metadata} if metadata else {}), b''
    for name, (dtype, shape, entries) in tensors.items():
        if dtype == 'BF16':  # the upper half of a float
            piece = b''.join(struct.pack('<f', x)[2:] for x in entries)
        else:
            piece = struct.pack(f'<{len(entries)}{CODES[dtype]}', *entries)
        header[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [len(body), len(body) + len(piece)]}
        body += piece
    text = json.dumps(header).encode() + b' ' * padding
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + body)
