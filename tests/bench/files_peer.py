"""The Python side of files.lua: FOLDER TASK RUNS; prints the least seconds of wall and of processor
time, and the memory in bytes by which the process grew. Nothing when a library is missing."""
import os
import resource
import sys
import time
import zipfile
import zlib

import numpy as np

folder, task, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])


def path(name):
    return os.path.join(folder, name)


def zarr_task(kind, codec):
    import numcodecs
    import zarr

    compressor = numcodecs.Zstd(level=3) if codec == "zstd" else zarr.storage.default_compressor
    x = np.load(path(kind + ".npy"))
    name = path(f"peer-{kind}-{codec}.zarr")

    def write():
        zarr.save_array(name, x, chunks=131072, compressor=compressor)

    if task.startswith("write"):
        return write
    write()
    a = zarr.open(name, mode="r")
    return lambda: a[:]


def read_plain(name):
    with open(path(name), "rb") as f:
        return np.frombuffer(f.read(), dtype="<f8", offset=128)


def inflate():
    """zlib alone: no file, no sum."""
    with zipfile.ZipFile(path("x.deflated.npz")) as z:
        info = z.infolist()[0]
    with open(path("x.deflated.npz"), "rb") as f:
        f.seek(info.header_offset + 26)
        skip = int.from_bytes(f.read(2), "little") + int.from_bytes(f.read(2), "little")
        f.seek(info.header_offset + 30 + skip)
        data = f.read(info.compress_size)
    return lambda: zlib.decompress(data, -15, info.file_size)


def prepare():
    kind = task.split()[-1]
    if "zarr" in task:
        return zarr_task(kind, task.split()[2])
    x = np.load(path("x.npy")) if task == "copy" or task.startswith("write") else None
    return {
        "copy": lambda: lambda: x.copy(),
        "read npy": lambda: lambda: np.load(path("x.npy")),
        "read npy f16": lambda: lambda: np.load(path("half.npy")).astype("f4"),
        "read npy swapped": lambda: lambda: np.load(path("swapped.npy")).astype("<f8"),
        "sum mapped": lambda: lambda: np.load(path("x.npy"), mmap_mode="r").sum(),
        "write npy": lambda: lambda: np.save(path("peer.npy"), x),
        "read stored": lambda: lambda: np.load(path("x.stored.npz"))["x"],
        "read deflated": lambda: lambda: np.load(path("x.deflated.npz"))["x"],
        "inflate": inflate,
        "read safetensors": lambda: lambda: read_plain("x.safetensors").copy(),
    }[task]()


def main():
    run = prepare()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = [], []
    for _ in range(runs):
        start, used = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(min(wall), min(cpu), grown)


main()
