local support = require "tests.lua.support"
local file = require "neap.file"
local plot = require "neap.plot"
local scale = require "neap.plot.scale"
local tensor = require "neap.tensor"

local function labels(axis)
  local out = {}
  for i, tick in ipairs(axis.ticks) do out[i] = tick[2] end
  return table.concat(out, " ")
end

local day = 86400 * 1000000000

describe("a chart", function()
  it("says that a frame is drawn by its columns", function()
    local f = require("neap.frame").new { { "x", { 1, 2 } } }
    assert.matches("plot: y is a frame; draw its columns", support.message(plot.line, f))
    assert.matches("chart:save: the path must be a string, got nil", support.message(function()
      plot.line({ 1 }):save()
    end))
  end)

  it("prints what it is", function()
    assert.equal("chart 'x', 640 x 300 (line); chart:save(path) writes .svg or .png",
      tostring(plot.line({ 1, 2 }, { title = "x", width = 640, height = 300 })))
  end)
end)

describe("scale", function()
  it("puts linear ticks at round numbers", function()
    assert.equal("0 2 4 6 8 10", labels(scale.linear(0, 10, 5)))
    assert.equal("-0.4 -0.2 0.0 0.2 0.4", labels(scale.linear(-0.5, 0.5, 5)))
    assert.equal("0 20k 40k", labels(scale.linear(0, 50000, 3)))
    assert.equal("0 0.5M 1.0M", labels(scale.linear(0, 1e6, 3)))
  end)

  it("widens a constant range and maps its ends to 0 and 1", function()
    local axis = scale.linear(3, 3, 5)
    assert.is_true(axis.at(3) > 0 and axis.at(3) < 1)
    assert.equal(1, scale.linear(2, 4, 5).at(4))
  end)

  it("chooses time steps by the span", function()
    assert.equal("01 Jan 00:00 01 Jan 01:00 01 Jan 02:00",
      labels(scale.time(0, 2 * 3600 * 10 ^ 9, 3)))
    assert.equal("Jan 2021 Apr 2021 Jul 2021 Oct 2021",
      labels(scale.time(18628 * day, 18990 * day, 6)))
    assert.equal("2000 2002 2004 2006 2008", labels(scale.time(10957 * day, 14000 * day, 6)))
  end)

  it("keeps logarithmic ticks at powers of ten", function()
    assert.equal("1e0 1e1 1e2 1e3", labels(scale.log(1, 1000)))
  end)
end)

describe("plot", function()
  it("gives the same bytes for the same description", function()
    local function draw() return plot.line(tensor.of { 1, 3, 2 }, { title = "a < b" }):svg() end
    assert.equal(draw(), draw())
    assert.truthy(draw():find("a &lt; b", 1, true))
  end)

  it("leaves a gap where a value is missing", function()
    local path = plot.line({ 1, 2, 0 / 0, 4, 5 }):svg():match ' d="([^"]*)"'
    local _, moves = path:gsub("M", "")
    assert.equal(2, moves)
  end)

  it("keeps every spike of a long series", function()
    local y = {}
    for i = 1, 100000 do y[i] = 0 end
    y[54321] = 100
    local text = plot.line(y, { height = 300 }):svg()
    assert.is_true(#text < 200000)
    local top = math.huge
    for y_at in text:match(' d="([^"]*)"'):gmatch " ([%d.]+)" do
      top = math.min(top, tonumber(y_at))
    end
    assert.is_true(top < 30, "the spike reaches the upper edge")
  end)

  it("counts every value of a histogram once", function()
    local mark = plot.histogram({ 0, 0.1, 0.5, 0.99, 1 }, { bins = 2, range = { 0, 1 } }).marks[1]
    assert.same({ 2, 3 }, mark.counts)
  end)

  it("draws every kind of mark", function()
    local chart = plot.chart { title = "all",
      { "band", { 1, 2 }, { 0, 0 }, { 2, 3 }, name = "band" },
      { "line", { 1, 2 }, { 1, 2 }, name = "line", dash = true },
      { "scatter", { 1, 2 }, { 2, 1 } } }
    assert.truthy(chart:svg():find "<circle")
    assert.truthy(plot.bar({ "a", "b" }, { 1, -1 }):svg():find "<rect")
    local sideways = plot.bar({ "a", "b" }, { 1, 2 }, { horizontal = true })
    assert.truthy(sideways:svg():find ">b<")
    local cells = plot.heatmap({ { 1, 2 }, { 3, 0 / 0 } }, { rows = { "r", "s" } })
    assert.truthy(cells:svg():find ">r<")
  end)

  it("names the nearest option and the sizes that differ", function()
    assert.truthy(support.message(plot.line, { 1 }, { titel = "x" }):find "did you mean 'title'")
    assert.truthy(support.message(plot.line, { 1 }, { 1, 2 }):find "x has 1 values and y has 2")
    assert.truthy(support.message(plot.chart, { { "lin", { 1 } } }):find "did you mean 'line'")
    assert.truthy(support.message(plot.line, tensor.zeros { 2, 2 }):find "2 dimensions")
  end)

  it("saves SVG and PNG and nothing else", function()
    local folder = file.temporary_folder()
    local chart = plot.line { 1, 2 }
    chart:save(folder .. "/a.svg")
    assert.equal(chart:svg(), file.read(folder .. "/a.svg"))
    chart:save(folder .. "/a.png")
    assert.equal("PNG", file.read(folder .. "/a.png"):sub(2, 4))
    assert.truthy(support.message(chart.save, chart, folder .. "/a.pdf"):find "neither")
    file.remove_tree(folder)
  end)
end)

describe("a chart in the terminal", function()
  local function lines_of(chart, o)
    local lines = {}
    for line in (chart:terminal(o) .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
    return lines
  end

  it("puts dots where the values are", function()
    local want = { "1.0┤         ⣀⠔⠊", "   │      ⣀⠔⠊", "0.5┤   ⡠⠔⠉", "0.0┤⡠⠔⠉", "   └────────────",
      "    1          2" }
    assert.same(want,
      lines_of(plot.line({ 0, 1 }, { y_range = { 0, 1 } }), { width = 16, height = 6 }))
  end)

  it("keeps to its size whatever is drawn", function()
    local bars = { open = {}, high = {}, low = {}, close = {} }
    local y, gaps = {}, {}
    for i = 1, 500 do
      y[i], gaps[i] = math.sin(i / 20), i % 50 == 0 and 0 / 0 or i
      bars.open[i], bars.close[i] = y[i], y[i] + 0.1 * (-1) ^ i
      bars.low[i], bars.high[i] = y[i] - 0.3, y[i] + 0.3
    end
    local charts = { plot.line(y, { title = "a rather long title of a chart, too long" }),
      plot.line(gaps), plot.scatter(y, gaps), plot.candles(bars), plot.histogram(y),
      plot.bar({ "a", "b" }, { 1, 0 / 0 }),
      plot.bar({ "a", "b" }, { 1, -2 }, { horizontal = true }),
      plot.heatmap { { 1, 2 }, { 3, 0 / 0 } }, plot.line { 0 / 0 }, plot.chart {},
      plot.line({ 1, 10, 1e6 }, { y = "log" }), plot.line { math.huge, 1, -math.huge, 2 },
      plot.chart { { "line", y, name = "y" }, { "band", y, y, gaps, name = "band" } },
      plot.line({ 0, 3600e9 }, { 1, 2 }, { x = "time" }) }
    for i, chart in ipairs(charts) do
      for _, size in ipairs { { 16, 6 }, { 40, 12 }, { 133, 40 } } do
        local lines = lines_of(chart, { width = size[1], height = size[2] })
        for k, line in ipairs(lines) do
          local legend = #chart.legend > 1 and line:find "⠒⠒" or nil
          assert.is_true(legend ~= nil or utf8.len(line) <= size[1], i .. ", " .. k .. ": " .. line)
        end
        assert.equal(math.max(size[2], #lines), #lines)
        assert.is_true(#lines <= size[2] + 2)
      end
    end
  end)

  it("colours series, draws candles as SVG too, and says what is wrong", function()
    local two = plot.chart { { "line", { 1, 2 } }, { "line", { 2, 1 } } }
    assert.truthy(two:terminal({ color = true }):find("\27[33m", 1, true))
    assert.is_nil(two:terminal():find("\27", 1, true))
    local bars = { open = { 1, 2 }, high = { 3, 3 }, low = { 0, 0 }, close = { 2, 1 } }
    local text = plot.candles(bars):svg()
    assert.truthy(text:find 'class="f3"' and text:find 'class="f2"')
    bars.time = { 0, 60 * 10 ^ 9 }
    assert.equal("time", plot.candles(bars).x)
    bars.low = nil
    assert.error_matches(function() plot.candles(bars) end, "'low' is missing")
    assert.error_matches(function() two:terminal { width = 3 } end, "width is 3")
    assert.error_matches(function() two:terminal { heigth = 9 } end, "did you mean 'height'")
  end)

  it("is a picture where the terminal shows such", function()
    local c = require "neap.c.plot"
    for text, want in pairs { -- each on its own, from RFC 4648
      [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foobar = "Zm9vYmFy",
      ["\0\xff\xfe"] = "AP/+",
    } do
      assert.equal(want, c.base64(text))
    end
    local chart = plot.line { 1, 4, 2, 5 }
    local text, joined, last = chart:terminal { form = "kitty", width = 90 }, {}, nil
    assert.matches("^\27_Ga=T,f=100,q=2,c=90,m=1;", text)
    for orders, data in text:gmatch "\27_G([^;]*);([^\27]*)\27\\" do
      assert.is_true(#data <= 4096)
      assert.is_nil(last and last:find "m=0$")
      joined[#joined + 1], last = data, orders
    end
    assert.matches("m=0$", last)
    assert.equal(c.base64(plot.png(chart:svg(), 2)), table.concat(joined))
    assert.matches('^\27P0;1q"1;1;720;300#', chart:terminal { form = "sixel", width = 90 })
    text = chart:terminal { form = "sixel", width = 90, pixels = 1080, theme = "dark" }
    assert.matches('^\27P0;1q"1;1;1080;450#', text)
    assert.matches("%-\27\\$", text)
    local _, bands = text:gsub("%-", "")
    assert.equal(75, bands)
    assert.error_matches(function() chart:terminal { form = "sixle" } end, "did you mean 'sixel'")
    assert.error_matches(function() chart:terminal { form = "sixel", pixels = 1 } end, "16")
  end)

  it("knows terminals by their variables, and by what they tell", function()
    local graphics = require "neap.plot.graphics"
    for _, case in ipairs {
      { "kitty", TERM = "xterm-kitty" }, { "kitty", TERM = "xterm", KITTY_WINDOW_ID = "1" },
      { "kitty", TERM = "xterm-256color", TERM_PROGRAM = "ghostty" },
      { "nil", TERM = "tmux-256color", KITTY_WINDOW_ID = "1" },
      { "nil", TERM = "xterm-kitty", TMUX = "/tmp/tmux" }, { "nil", TERM = "xterm-256color" },
      { "braille", TERM = "dumb" }, { "braille", TERM = "linux" }, { "braille" },
      { "braille", TERM = "xterm-kitty", NO_COLOR = "1" },
      { "sixel", TERM = "dumb", NEAP_PLOT = "sixel" },
      { "braille", TERM = "xterm-kitty", NEAP_PLOT = "braille" },
    } do
      assert.equal(case[1], tostring(graphics.known(function(name) return case[name] end)))
    end
    assert.error_matches(function()
      graphics.known(function() return "kity" end)
    end, "NEAP_PLOT: unknown form 'kity' %(did you mean 'kitty'")
    for answer, want in pairs { -- each on its own
      ["\27[?62;4;6c"] = "sixel,", ["\27[?64;4c"] = "sixel,", ["ab\27[?62;4c\n"] = "sixel,ab\n",
      ["\27[?4c"] = "braille,", ["\27[?62;14;44c"] = "braille,", ["\27[?1;2cx"] = "braille,x",
      [""] = "braille,", ["6 * 7\n"] = "braille,6 * 7\n",
    } do
      local form, rest = graphics.told(answer)
      assert.equal(want, form .. "," .. rest)
    end
  end)
end)
