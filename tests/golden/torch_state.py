"""Exchange of safetensors with PyTorch, by the format's page alone (no package of that name).

python3 tests/golden/torch_state.py          writes archives/torch.safetensors, which
                                             tests/lua/tensor_files_test.lua reads
python3 tests/golden/torch_state.py FILE     reads FILE as that package would, into the same net,
                                             and says "same" if it holds the same values
"""
import json
import os
import struct
import sys

import torch

kinds = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
         torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL"}


def net():
    n = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 2), torch.nn.BatchNorm1d(3), torch.nn.LSTM(3, 1),
                            torch.nn.Linear(1, 2).half(), torch.nn.Linear(2, 1).bfloat16())
    at = 0
    for p in n.state_dict().values():
        if p.is_floating_point():
            p.copy_(torch.arange(at, at + p.numel()).reshape(p.shape) / 8 - 2)
            at += p.numel()
        else:
            p.fill_(2**40 + 1)
    return n


def save(path, state):
    """Widest types first, then by name; the header padded with spaces to 8 bytes."""
    order = sorted(state, key=lambda k: (-state[k].element_size(), k))
    header, at, data = {"__metadata__": {"format": "pt"}}, 0, b""
    for name in order:
        t = state[name].contiguous()
        raw = bytes(t.flatten().view(torch.uint8).numpy()) if t.dim() else \
            bytes(t.reshape(1).view(torch.uint8).numpy())
        header[name] = {"dtype": kinds[t.dtype], "shape": list(t.shape),
                        "data_offsets": [at, at + len(raw)]}
        at += len(raw)
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def load(path):
    with open(path, "rb") as f:
        n, = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(n)), bytearray(f.read())
    of = {text: kind for kind, text in kinds.items()}
    state, end = {}, 0
    for name, e in sorted(header.items(), key=lambda i: i[1].get("data_offsets", [0])[0]):
        if name == "__metadata__":
            continue
        begin, stop = e["data_offsets"]
        assert begin == end, "a hole before " + name
        assert (8 + n + begin) % torch.empty(0, dtype=of[e["dtype"]]).element_size() == 0
        end = stop
        state[name] = torch.frombuffer(data, dtype=of[e["dtype"]], offset=begin,
                                       count=max(0, torch.Size(e["shape"]).numel())
                                       ).reshape(e["shape"])
    assert end == len(data), "bytes behind the last tensor"
    return state


if len(sys.argv) == 1:
    save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "archives", "torch.safetensors"),
         net().state_dict())
else:
    want, got = net(), net()
    got.load_state_dict({k: torch.zeros_like(v) for k, v in want.state_dict().items()})
    got.load_state_dict(load(sys.argv[1]), strict=True)
    pairs = zip(want.state_dict().items(), got.state_dict().values())
    assert all(torch.equal(a, b) for (_, a), b in pairs)
    print("same")
