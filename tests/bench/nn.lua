--- Networks against PyTorch and oneDNN, asked in turn, each in a process of its own: medians of 5
--- rounds of the best of 3 stretches of at least 20 ms. With one thread processor time counts, with
--- more the clock on the wall. Memory is the peak of a first call above what was resident.
---
---   neap tests/bench/nn.lua [task pattern] [threads, as 1,2] [rounds]
---
--- Needs python3-torch (NEAP_PYTHON names the interpreter); libdnnl-dev and cc for oneDNN, which
--- is left out without. PyTorch runs at its best: AVX-512, OpenBLAS on one thread, its own threads
--- spinning; at the end, beside a process that keeps a core busy, with threads that sleep.
--- Results are also written to build/bench_nn.json.
local clock = require "neap.clock"
local file = require "neap.file"
local json = require "neap.json"
local memory = require "tests.bench.support.memory"
local neap = require "neap"

local SAMPLE, STRETCHES = 0.02, 3

-- The rows: what is measured, the least ratio wanted of PyTorch's time to ours, and whether a
-- batch of 32 is split over threads there.
local rows = {
  { "lstm_infer", "LSTM T50 B32 64/64, inference", 2.8, split = true },
  { "lstm_train", "LSTM T50 B32 64/64, forward+backward", 3.5, split = true },
  { "lstm_c_infer", "LSTM T100 B64 96/64, inference" },
  { "lstm_c_train", "LSTM T100 B64 96/64, forward+backward", 2.5 },
  { "lstm_step", "LSTM 64/64, one step, batch 1", 7 },
  { "gru_train", "GRU T50 B32 64/64, forward+backward", 2.5, split = true },
  { "conv1d_infer", "Conv1d B64 C40 L100 F32 k3, inference" },
  { "conv1d_train", "Conv1d B64 C40 L100 F32 k3, forward+backward", 2 },
  { "deeplob_train", "DeepLOB B32, training step", 2.2, split = true },
  { "deeplob_train_64", "DeepLOB B64, training step (memory: at most 0.6)" },
  { "deeplob_infer", "DeepLOB B1, inference", 4 },
  { "deeplob_tick", "DeepLOB, streaming tick (theirs: inference of B1)" },
  { "dual_train", "dual channel 8640 x 64, B8, forward+backward (memory: 0.5)", 2 },
  { "mlp_step", "MLP 64-128-64-3 B32, Adam step", 4, split = true },
  { "mlp_infer", "MLP 64-128-64-3 B32, inference" },
  { "attention_train", "attention B32 4 heads T100 d16, forward+backward", 2, split = true },
  { "attention_heads", "the same without projections" },
  { "attention_long", "the same, B1 T2000" },
  { "transformer_train", "encoder layer 64, 4 heads, 128, B32 T100", split = true },
  { "transformer_drop", "the same with dropout 0.1" },
  { "layer_norm", "layer norm 3200 x 64, forward+backward" },
  { "batch_norm", "batch norm 3200 x 64, forward+backward" },
  { "dropout", "dropout of 409600, forward" },
  { "adam", "Adam, 90k parameters in 20 tensors", 10 },
}

-- our side ----------------------------------------------------------------------------------------

local function best_of(task)
  local wall, cpu = math.huge, math.huge
  for _ = 1, STRETCHES do
    collectgarbage()
    local w, p = clock.monotonic(), clock.cpu()
    for _ = 1, task.calls do task.call() end
    wall = math.min(wall, (clock.monotonic() - w) / 1e9 / task.calls)
    cpu = math.min(cpu, (clock.cpu() - p) / 1e9 / task.calls)
  end
  return wall, cpu
end

local function prepare(make)
  collectgarbage()
  collectgarbage()
  neap.memory { trim = true }
  local before = memory.status "VmRSS"
  memory.mark_peak()
  local call = make()
  collectgarbage() -- what only the making needed; Python has dropped it by then
  call()
  local task = { call = call, kib = math.max(0, memory.status "VmHWM" - before) }
  local took
  for _ = 1, 3 do
    local begin = clock.monotonic()
    call()
    took = (clock.monotonic() - begin) / 1e9
  end
  task.calls = math.max(1, SAMPLE / math.max(took, 1e-7) // 1)
  return task
end

-- Answer as the peers do; a task that cannot be made is answered with -1.
local function work(threads, fifo)
  neap.set_threads(threads)
  local tasks = require "tests.bench.support.nn_tasks"
  local answers = assert(io.open(fifo, "w"))
  local name, task
  for line in io.lines() do
    if line ~= name then
      name, task = line, nil
      local ok, made = pcall(prepare, tasks[name])
      if ok then task = made else io.stderr:write(name, ": ", tostring(made), "\n") end
    end
    local wall, cpu = -1, -1
    if task then wall, cpu = best_of(task) end
    answers:write(("%.9g %.9g %d\n"):format(wall, cpu, task and task.kib or 0))
    answers:flush()
  end
end

if arg[1] == "--work" then return work(math.tointeger(tonumber(arg[2])), arg[3]) end

-- asking ------------------------------------------------------------------------------------------

local folder = file.temporary_folder()
local sides = 0

-- A process that answers tasks through a pipe with a name. Its command is exec'ed by the shell that
-- tells its number.
local function launch(name, command)
  sides = sides + 1
  local fifo = ("%s/%s%d"):format(folder, name, sides)
  assert(os.execute("mkfifo " .. fifo))
  local process = io.popen(("echo $$ >%s.id; exec %s %s"):format(fifo, command, fifo), "w")
  local answers = assert(io.open(fifo))
  return { name = name, process = process, answers = answers,
    id = math.tointeger(tonumber((file.read(fifo .. ".id")))) }
end

local function signal(side, name) assert(os.execute(("kill -%s %d"):format(name, side.id))) end

local function close(list)
  for _, side in ipairs(list) do
    signal(side, "CONT")
    side.process:close()
    side.answers:close()
  end
end

local function ours(threads)
  return launch("neap", ("%s tests/bench/nn.lua --work %d"):format(
    arg[-1] or "build/release/neap", threads))
end

local function torch(threads, policy)
  return launch("torch", ("env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE ATEN_CPU_CAPABILITY=avx512 "
    .. "OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=%d OMP_WAIT_POLICY=%s %s tests/bench/nn_peer.py %d")
    :format(threads, policy, os.getenv "NEAP_PYTHON" or "/usr/bin/python3", threads))
end

local function build_onednn()
  local out = folder .. "/nn_onednn"
  return os.execute(("cc -std=c11 -O2 tests/bench/nn_onednn.c -o %s -ldnnl 2>%s.log"):format(out,
    out)) and out
end

-- Between its turns a side is stopped: threads that spin while they wait (OpenMP's do) would take a
-- core from the other.
local function ask(side, task)
  signal(side, "CONT")
  side.process:write(task, "\n")
  side.process:flush()
  local wall, cpu, kib = side.answers:read("n", "n", "n")
  signal(side, "STOP")
  if not wall then error(side.name .. ": no answer to " .. task) end
  return { wall = wall, cpu = cpu, kib = kib }
end

local function median(list, key)
  local values = {}
  for i, answer in ipairs(list) do values[i] = answer[key] end
  table.sort(values)
  return values[#values // 2 + 1]
end

-- Medians of the sides' answers, asked in turn.
local function measure(list, task, rounds)
  local answers, result = {}, {}
  for _ = 1, rounds do
    for _, side in ipairs(list) do
      answers[side.name] = answers[side.name] or {}
      table.insert(answers[side.name], ask(side, task))
    end
  end
  for name, given in pairs(answers) do
    result[name] = { wall = median(given, "wall"), cpu = median(given, "cpu"),
      kib = median(given, "kib") }
  end
  return result
end

-- telling -----------------------------------------------------------------------------------------

local onednn_tasks = { lstm_infer = true, lstm_train = true, lstm_c_infer = true,
  lstm_c_train = true, lstm_step = true, gru_train = true, conv1d_infer = true,
  conv1d_train = true }

local function milliseconds(answer, key)
  if not answer or answer.wall < 0 then return "         -" end
  return ("%10.4f"):format(answer[key] * 1e3)
end

local function ratio(theirs, own, key)
  if not theirs or theirs.wall < 0 or own.wall < 0 then return "    -" end
  return ("%5.1f"):format(theirs[key] / own[key])
end

local function tell(row, r, key)
  local own = r.neap
  print(("%-17s %s %s %s %s %s %s  %6.1f %6.1f MB  %s"):format(row[1], milliseconds(own, key),
    milliseconds(r.torch, key), milliseconds(r.onednn, key), ratio(r.torch, own, key),
    ratio(r.onednn, own, key), row[3] and (">=%4.1f"):format(row[3]) or "      ", own.kib / 1024,
    r.torch.kib / 1024, row[2]))
  io.stdout:flush()
end

local function header(title)
  print(("%s\n%-17s %10s %10s %10s %5s %5s %s"):format(title, "", "neap ms", "torch ms",
    "oneDNN ms", "torch", "1DNN", "wanted   peak memory"))
end

-- Processes are new for each row: what an earlier one left behind would hide what the next takes.
local function run(threads, policy, wanted, rounds, with_onednn)
  local results, key = {}, threads == 1 and "cpu" or "wall"
  for _, row in ipairs(rows) do
    if wanted(row) then
      local list = { ours(threads), torch(threads, policy) }
      if with_onednn and onednn_tasks[row[1]] then
        list[3] = launch("onednn", ("env OMP_NUM_THREADS=%d %s"):format(threads, with_onednn))
      end
      results[row[1]] = measure(list, row[1], rounds)
      tell(row, results[row[1]], key)
      close(list)
    end
  end
  return results
end

-- What the second thread gives, by the clock on the wall.
local function tell_threads(title, one, two)
  print(title)
  for _, row in ipairs(rows) do
    local a, b = one[row[1]], two[row[1]]
    if row.split and a and b and a.neap.wall > 0 and b.neap.wall > 0 then
      print(("%-17s neap %5.2f  torch %5.2f"):format(row[1], a.neap.wall / b.neap.wall,
        a.torch.wall / b.torch.wall))
    end
  end
end

local pattern, rounds = arg[1] or "", math.tointeger(tonumber(arg[3] or "5"))
local function matching(row) return row[1]:find(pattern) end
local onednn = build_onednn()
local results = {}
for word in (arg[2] or "1,2"):gmatch "[^,]+" do
  local threads = math.tointeger(tonumber(word))
  header(("%d thread%s, %s time"):format(threads, threads > 1 and "s" or "",
    threads > 1 and "wall" or "processor"))
  results[threads] = run(threads, "active", matching, rounds, onednn)
end

-- A process that keeps a core busy until the variable is closed.
local function busy_core()
  local process = io.popen "echo $$; while :; do :; done"
  local id = math.tointeger(process:read "n")
  return setmetatable({}, { __close = function()
    os.execute("kill " .. id)
    process:close()
  end })
end

if results[1] and results[2] then
  tell_threads("2 threads over 1 (1.7 wanted)", results[1], results[2])
  header "2 threads, another process keeping a core busy, wall time; PyTorch's threads sleep"
  do
    local _ <close> = busy_core()
    results.busy = run(2, "passive", function(row) return row.split and matching(row) end, rounds)
  end
  tell_threads("2 threads beside a busy core over 1 without", results[1], results.busy)
end
file.remove_tree(folder)

local kept = { version = neap.version, rounds = rounds, results = {} }
for name, result in pairs(results) do kept.results[tostring(name)] = result end
file.mkdir "build"
file.write("build/bench_nn.json", json.encode(kept))
