--- The course of a training: an array for each figure, with one number an epoch.
local class = require "neap.class"
local opts = require "neap.opts"

---@class neap.nn.History
---@field loss number[] mean training loss of each epoch, while the net changed
---@field valid_loss number[] after each epoch, where there is a validation set
---@field metrics table<string, number[]> of the validation set
---@field lr number[] at the start of each epoch
---@field norm number[] mean norm of the gradients, before clipping
---@field seconds number[] of each epoch
---@field loading number[] of which were spent on waiting for batches
---@field epochs integer whole epochs
---@field steps integer steps of the optimizer
---@field best_epoch integer? the best on the validation set
---@field best_value number?
---@field watched string? what says which is best: "loss", or a metric
---@field stopped string? why it ended before its time: "early", "interrupted", "callback"
---@field restored boolean? whether the net has the weights of the best epoch
---@field classes integer[]? labels in the order of the net's outputs
---@field loss_name string
---@field warnings string[]
local History = class "neap.nn.History"

class.strict(History, "history", { "loss", "valid_loss", "metrics", "lr", "norm", "seconds",
  "loading", "epochs", "steps", "best_epoch", "best_value", "watched", "stopped", "restored",
  "classes", "loss_name", "warnings" }, { history = "the fields themselves, h.loss",
  val_loss = "h.valid_loss", train_loss = "h.loss", epoch = "h.epochs" })

function History:init()
  self.loss, self.valid_loss, self.metrics, self.lr = {}, {}, {}, {}
  self.norm, self.seconds, self.loading, self.warnings = {}, {}, {}, {}
  self.epochs, self.steps = 0, 0
end

local function cell(v)
  return ("%12s"):format(type(v) == "number" and ("%.6g"):format(v) or v or "")
end

--- A line an epoch (of many epochs the first, every so many, and the last), then how it ended.
function History:__tostring()
  local names = opts.names(self.metrics)
  local head = { " epoch", cell "loss" }
  if #self.valid_loss > 0 then head[#head + 1] = cell "valid loss" end
  for _, name in ipairs(names) do head[#head + 1] = cell(name:sub(1, 12)) end
  head[#head + 1] = cell "lr"
  head[#head + 1] = cell "seconds"
  local lines = { table.concat(head, " ") }
  local every = math.max(1, self.epochs // 20)
  for e = 1, self.epochs do
    if e == 1 or e == self.epochs or e % every == 0 or e == self.best_epoch then
      local row = { ("%6d"):format(e), cell(self.loss[e]) }
      if #self.valid_loss > 0 then row[#row + 1] = cell(self.valid_loss[e]) end
      for _, name in ipairs(names) do row[#row + 1] = cell(self.metrics[name][e]) end
      row[#row + 1] = cell(self.lr[e])
      row[#row + 1] = cell(self.seconds[e])
      lines[#lines + 1] = table.concat(row, " ")
    end
  end
  if self.best_epoch then
    lines[#lines + 1] = ("best: %s %.6g after epoch %d%s"):format(self.watched, self.best_value,
      self.best_epoch, self.restored and ", whose weights the net has" or "")
  end
  if self.stopped then
    lines[#lines + 1] = ("stopped (%s) after %d epochs, %d steps"):format(self.stopped, self.epochs,
      self.steps)
  end
  return table.concat(lines, "\n")
end

return History
