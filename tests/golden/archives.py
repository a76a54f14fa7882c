"""Writes the archives that tests/lua/tensor_files_test.lua reads. Run with Debian's python3-numpy:
python3 tests/golden/archives.py"""
import os
import struct
import zipfile

import numpy as np

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "archives")
os.makedirs(folder, exist_ok=True)
arrays = {
    "close": np.arange(6).reshape(2, 3) / 4,
    "turned": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "time": np.array([2**62, -1], dtype=np.int64),
    "up": np.array([True, False, True]),
    "scalar": np.array(7.5),
    "empty": np.zeros((0, 3), dtype=np.int32),
    "day/\u00e9": np.array([1, 255], dtype=np.uint8),
}


def path(name):
    return os.path.join(folder, name)


np.savez(path("stored.npz"), **arrays)
np.savez_compressed(path("deflated.npz"), **arrays)

# Small files in the form of those above 4 GB.
zipfile.ZIP64_LIMIT = 100
zipfile.ZIP_FILECOUNT_LIMIT = 2
np.savez_compressed(path("zip64.npz"), **arrays)

with zipfile.ZipFile(path("other_member.npz"), "w") as z:
    z.writestr("notes.txt", "not an array")
np.savez(path("wide.npz"), x=np.arange(3, dtype=np.int16), y=np.array([1.5], dtype=np.float16))
np.savez(path("complex_refused.npz"), x=np.array([1j]))

# Another writer's safetensors: no padding of the header, keys in another order.
header = (b'{"b":{"data_offsets":[4,8],"shape":[2],"dtype":"F16"},"__metadata__":{"format":"pt"},'
          b'"a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]}}')
with open(path("other.safetensors"), "wb") as f:
    f.write(struct.pack("<Q", len(header)) + header)
    f.write(np.arange(4, dtype=np.uint8).tobytes() + np.array([1.5, -2], dtype="<f2").tobytes())
