local dataset = require "neap.dataset"
local split = require "neap.split"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

describe("split", function()
  it("cuts by share and purges borders", function()
    assert.same({ { 1, 60 }, { 61, 80 }, { 81, 100 } }, split.time(100, { 0.6, 0.2, 0.2 }))
    assert.same({ { 1, 55 }, { 61, 75 }, { 81, 100 } },
      split.time(100, { 0.6, 0.2, 0.2 }, { purge = 5 }))
    assert.same({ { 1, 55 }, { 63, 75 }, { 83, 100 } },
      split.time(100, { 0.6, 0.2, 0.2 }, { purge = 5, embargo = 2 }))
  end)

  it("takes anything with a length", function()
    local x = tensor.zeros { 10, 3 }
    assert.same({ { 1, 5 }, { 6, 10 } }, split.time(x, { 0.5, 0.5 }))
    assert.same({ { 1, 5 }, { 6, 10 } }, split.contiguous({ x = x, y = tensor.zeros { 10 } }, 2))
  end)

  it("refuses numbers that would wrap or never end", function()
    local message = require("tests.lua.support").message
    assert.matches("%d rows, above 2%^53", message(split.contiguous, math.maxinteger, 2))
    assert.matches("train is %d+, above", message(split.walk_forward, 100,
      { train = math.maxinteger, test = 1 }))
    assert.matches("parts, at most", message(split.walk_forward, 1 << 50, { train = 1, test = 1 }))
    assert.matches("parts, at most", message(split.contiguous, 1 << 50, 1 << 49))
  end)

  it("lets no label look into a later part", function()
    for n = 50, 60 do
      for purge = 0, 4 do
        local parts = split.time(n, { 0.6, 0.2, 0.2 }, { purge = purge })
        for i = 1, 2 do assert.is_true(parts[i][2] + purge < parts[i + 1][1]) end
        assert.equal(n, parts[3][2])
        for _, fold in ipairs(split.purged_kfold(n, { folds = 5, purge = purge })) do
          for _, train in ipairs(fold.train) do
            local before = train[2] + purge < fold.test[1]
            local after = fold.test[2] + purge < train[1]
            assert.is_true(before or after)
          end
        end
      end
    end
  end)

  it("covers every row once in contiguous parts", function()
    for n = 1, 23 do
      for k = 1, n do
        local next_row = 1
        for _, range in ipairs(split.contiguous(n, k)) do
          assert.equal(next_row, range[1])
          assert.is_true(range[2] >= range[1])
          next_row = range[2] + 1
        end
        assert.equal(n + 1, next_row)
      end
    end
  end)

  it("walks forward with a fixed or a growing window", function()
    assert.same({
      { train = { { 1, 38 } }, test = { 41, 60 } },
      { train = { { 21, 58 } }, test = { 61, 80 } },
      { train = { { 41, 78 } }, test = { 81, 100 } },
    }, split.walk_forward(100, { train = 40, test = 20, purge = 2 }))
    local folds = split.expanding(100, { train = 40, test = 20, step = 40 })
    assert.same({ { 1, 40 } }, folds[1].train)
    assert.same({ { 1, 80 } }, folds[2].train)
    assert.equal(2, #folds)
  end)

  it("leaves out rows on both sides of a held-out fold", function()
    local folds = split.purged_kfold(100, { folds = 5, purge = 3, embargo = 2 })
    assert.same({ train = { { 26, 100 } }, test = { 1, 20 } }, folds[1])
    assert.same({ train = { { 1, 17 }, { 46, 100 } }, test = { 21, 40 } }, folds[2])
    assert.same({ train = { { 1, 77 } }, test = { 81, 100 } }, folds[5])
  end)

  it("gives row numbers", function()
    assert.same({ 1, 2, 5, 6 }, split.rows({ { 1, 2 }, { 5, 6 } }):totable())
    assert.same({ 3, 4 }, split.rows({ 3, 4 }):totable())
  end)

  -- The label of row t is the sum of the noise of rows t + 1 .. t + h, the feature its row number:
  -- a nearest-neighbour guess reads the label of an adjacent row, which shares h - 1 terms with it.
  -- Where training rows touch the held-out fold this beats chance; purged, it does not.
  it("removes a planted leak", function()
    local h, n, rng = 10, 4000, require "neap".rng(11)
    local noise, label = {}, {}
    for t = 1, n + h do noise[t] = rng:normal() end
    for t = 1, n do
      local sum = 0
      for k = 1, h do sum = sum + noise[t + k] end
      label[t] = sum > 0 and 1 or 0
    end
    local function nearest(fold, row)
      local best, found = math.huge, nil
      for _, range in ipairs(fold.train) do
        for _, edge in ipairs(range) do
          local d = math.abs(edge - row)
          if d < best then best, found = d, edge end
        end
      end
      return found
    end
    local function score(purge)
      local hits, rows = 0, 0
      for _, fold in ipairs(split.purged_kfold(n, { folds = 800, purge = purge })) do
        for row = fold.test[1], fold.test[2] do
          rows = rows + 1
          if label[nearest(fold, row)] == label[row] then hits = hits + 1 end
        end
      end
      return hits / rows
    end
    assert.is_true(score(0) > 0.7)
    assert.is_true(math.abs(score(h) - 0.5) < 0.06)
  end)

  it("says how many rows are needed", function()
    local cases = {
      { "10 rows leave part 2 empty after purge 5 and embargo 0; 35 rows are enough",
        function() split.time(10, { 0.6, 0.2, 0.2 }, { purge = 5 }) end },
      { "the shares sum to 0.8, not 1", function() split.time(10, { 0.6, 0.2 }) end },
      { "share 2 is 1.5", function() split.time(10, { 0.6, 1.5 }) end },
      { "at least one row is needed, got 0", function() split.time(0, { 0.5, 0.5 }) end },
      { "purge is %-1", function() split.time(10, { 0.5, 0.5 }, { purge = -1 }) end },
      { "11 parts of 10 rows", function() split.contiguous(10, 11) end },
      { "option 'train' is required", function() split.expanding(10, { test = 1 }) end },
      { "10 rows are fewer than train 8 and test 5",
        function() split.walk_forward(10, { train = 8, test = 5 }) end },
      { "train 3 must exceed purge 3",
        function() split.walk_forward(10, { train = 3, test = 5, purge = 3 }) end },
      { "leave fold 1 of 10 rows no training",
        function() split.purged_kfold(10, { folds = 2, purge = 9 }) end },
    }
    for _, case in ipairs(cases) do assert.matches(case[1], support.message(case[2])) end
  end)

  it("needs no more rows than it says", function()
    for purge = 0, 7 do
      local text = support.message(split.time, 3, { 0.6, 0.2, 0.2 }, { purge = purge + 1 })
      local n = math.tointeger(text:match "(%d+) rows are enough")
      assert.equal(3, #split.time(n, { 0.6, 0.2, 0.2 }, { purge = purge + 1 }))
    end
  end)
end)

describe("folds", function()
  it("print one in a line, as ranges or as rows and times", function()
    assert.equal("1    train rows 1 to 4; test rows 5 to 6\n"
      .. "2    train rows 3 to 6; test rows 7 to 8",
      tostring(split.walk_forward(8, { train = 4, test = 2 })))
    assert.equal("1    train rows 3 to 4; test rows 1 to 2\n"
      .. "2    train rows 1 to 2; test rows 3 to 4",
      tostring(split.purged_kfold(4, { folds = 2 })))
    local D = dataset.new(tensor.zeros { 6, 1 }, tensor.zeros { 6 })
    assert.equal("1    train 3 rows; test 2 rows",
      tostring(split.walk_forward(D, { train = 4, test = 2, purge = 1 })))
  end)
end)

describe("the parts of split.time", function()
  it("print as ranges of rows", function()
    assert.equal("rows 1 to 595, 601 to 795, 801 to 1000",
      tostring(split.time(1000, { 0.6, 0.2, 0.2 }, { purge = 5 })))
  end)
end)
