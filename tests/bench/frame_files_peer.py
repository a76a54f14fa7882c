"""The pandas side of frame_files.lua: FOLDER THREADS FIFO; a task a line, answered by the seconds of
one call and the resident memory that it took at most, in KiB."""
import gc
import sys
import time

import pandas as pd

folder = sys.argv[1]
answers = open(sys.argv[3], "w")


def status(field):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(field))


def mark_peak():
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


def read(kind, name):
    path = folder + ("/prices.csv.gz" if name == "gz" else "/%s.%s" % (name, kind))
    times = ["time"] if name == "mixed" else False
    if kind == "csv":
        return lambda: pd.read_csv(path, parse_dates=times)
    return lambda: pd.read_json(path, lines=True, convert_dates=times)


def call_of(task):
    kind, verb, name = task.split()
    if verb == "read":
        return read(kind, name)
    f = read(kind, name)()
    path = folder + "/theirs." + kind
    if kind == "csv":
        return lambda: f.to_csv(path, index=False)
    return lambda: f.to_json(path, orient="records", lines=True, date_format="iso")


for line in sys.stdin:
    call = call_of(line.strip())
    gc.collect()
    before = status("VmRSS")
    mark_peak()
    start = time.perf_counter()
    kept = call()
    seconds = time.perf_counter() - start
    more = status("VmHWM") - before
    kept = None
    answers.write("%.9g %d\n" % (seconds, more))
    answers.flush()
