local support = require "tests.lua.support"
local file = require "neap.file"
local plot = require "neap.plot"
local report = require "neap.report"

local function sample()
  return report.new { title = "A <b> & c", subtitle = "sub" }
    :notice("synthetic"):section("One"):text("5 < 6"):list { "a", "b" }
    :figures { { "Sharpe", "1.2" } }:table({ "name", "value" }, { { "x", 0.5 }, { "y", "12 %" } })
    :chart(plot.line { 1, 2 }):charts(plot.line { 1, 2 }, plot.line { 2, 1 }):code "k: v"
end

describe("report", function()
  it("is the same text every time, with everything escaped", function()
    local text = sample():html()
    assert.equal(text, sample():html())
    assert.truthy(text:find("<title>A &lt;b&gt; &amp; c</title>", 1, true))
    assert.truthy(text:find("<p>5 &lt; 6</p>", 1, true))
    assert.truthy(text:find('<td class="n">0.5</td>', 1, true))
  end)

  it("needs no network, no script and no inline style", function()
    local text = sample():html()
    assert.falsy(text:find "https?://[^w]")
    assert.falsy(text:find "<script")
    assert.falsy(text:find ' style="')
    assert.truthy(text:find("default-src 'none'; style-src 'sha256-", 1, true))
  end)

  it("allows exactly its own style sheet", function()
    local text = sample():html()
    local css = text:match "<style>(.-)</style>"
    local hex = file.sha256(css)
    local allowed = text:match "'sha256%-([^']+)'"
    local bytes = {}
    local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for quad in allowed:gmatch "...." do
      local word = 0
      for k = 1, 4 do
        word = word << 6 | ((digits:find(quad:sub(k, k), 1, true) or 1) - 1)
      end
      bytes[#bytes + 1] = ("%06x"):format(word)
    end
    assert.equal(hex, table.concat(bytes):sub(1, 64))
  end)

  it("refuses a row that does not fit its header", function()
    local r = report.new { title = "t" }
    assert.truthy(support.message(r.table, r, { "a" }, { { 1, 2 } }):find "row 1 has 2 cells")
  end)
end)
