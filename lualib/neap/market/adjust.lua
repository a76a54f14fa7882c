--- Prices and volumes adjusted for splits and dividends.
local clock = require "neap.clock"
local core = require "neap.frame.core"
local frame = require "neap.frame"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local where = "market.adjust"
local DAY = 86400 * 1000000000

-- Dates (midnights UTC) of bars on the clock of a zone; times that are midnights UTC are dates.
local function dates_of(times, zone)
  local shown = clock.to_local(times, zone)
  return tensor.where((times % DAY):eq(0), times, shown - shown % DAY)
end

local function column_of(factors, name, missing)
  if not factors:has(name) then return tensor.full { #factors, value = missing } end
  local x = factors:column(name):to "f64"
  return tensor.where(x:eq(x), x, missing)
end

local function refuse(mask, format, ...)
  local rows = mask:nonzero()
  if #rows > 0 then opts.raise("%s: row %d of the factors " .. format, where, rows[1], ...) end
end

-- What all prices and volumes before each date are multiplied by: one entry for each event.
local function events(factors, dates, bars_dates, close)
  local split, dividend = column_of(factors, "split", 1), column_of(factors, "dividend", 0)
  refuse(split:le(0), "has a split that is not positive")
  refuse(dividend:lt(0), "has a dividend below 0")
  if factors:has "factor" then
    local factor = column_of(factors, "factor", 1)
    refuse(factor:le(0), "has a factor that is not positive")
    return factor, tensor.ones { #factors }
  end
  local before = bars_dates:searchsorted(dates) - 1 -- the last bar before the ex-date
  local paid = dividend:gt(0) & before:gt(0)
  local price = close:take(before:maximum(1)) / split
  local share = tensor.where(paid, dividend / price, 0)
  refuse(share:ge(1) | share:ne(share), "has a dividend that is not below the close before it")
  return (1 - share) / split, split
end

-- The product of x[k], x[k + 1], ... for every k, and 1 behind the last.
local function products_from(x)
  local back = tensor.cat { tensor.ones { 1 }, x:flip(1) }
  return back:cumprod(1):flip(1)
end

-- Price and volume factors of the dates of bars, from events after them.
local function by_events(factors, dates, bars_dates, close)
  local price, volume = events(factors, dates, bars_dates, close)
  local at = dates:searchsorted(bars_dates, { right = true })
  return products_from(price):take(at), products_from(volume):take(at)
end

-- The same from factors that hold up to and with their dates; 1 after the last.
local function by_levels(factors, dates, bars_dates, as_of)
  local split = column_of(factors, "split_factor", 1)
  local price = column_of(factors, "price_factor", 1) * split
  refuse(price:le(0) | split:le(0), "has a factor that is not positive")
  local function level(values, of)
    return tensor.cat({ values, tensor.ones { 1 } }):take(dates:searchsorted(of))
  end
  local p, s = level(price, bars_dates), level(split, bars_dates)
  if as_of then
    local now = tensor.of({ as_of }, { dtype = "i64" })
    local until_now = bars_dates:minimum(as_of)
    p = level(price, until_now) / level(price, now)[1]
    s = level(split, until_now) / level(split, now)[1]
  end
  return p, 1 / s
end

local function date_column(factors)
  for _, name in ipairs { "date", "time" } do
    if factors:has(name) then
      if factors:dtype(name) ~= "time" and factors:dtype(name) ~= "i64" then
        opts.raise("%s: column '%s' of the factors is no column of times", where, name)
      end
      return name
    end
  end
  opts.raise("%s: the factors have no column 'date'", where)
end

-- Factors of one symbol's bars.
local function factors_of(bars, factors, o)
  local bars_dates = dates_of(bars:column(o.time), o.time_zone)
  if #bars > 1 then
    local falls = bars_dates:slice(1, 2, -1):lt(bars_dates:slice(1, 1, -2)):nonzero()
    if #falls > 0 then
      opts.raise("%s: row %d is earlier than the row before; market.validate sorts", where,
        falls[1] + 1)
    end
  end
  local name = date_column(factors)
  factors = factors:sort(name)
  local dates = factors:column(name)
  refuse(dates:eq(clock.nat), "has no date")
  dates = dates_of(dates, o.time_zone)
  local levels = factors:has "price_factor" or factors:has "split_factor"
  if levels then return by_levels(factors, dates, bars_dates, o.as_of) end
  if o.as_of then
    local known = dates:le(o.as_of)
    factors, dates = factors:where(known), dates[known]
  end
  return by_events(factors, dates, bars_dates, bars:column("close"):to "f64")
end

-- The forms that factors come in, and what may stand beside them.
local forms = { { "split", "dividend" }, { "factor" },
  { "price_factor", "split_factor", "reference", "reference_price" } }

-- Which form a column belongs to.
local form_of = {}
for i, names in ipairs(forms) do
  for _, name in ipairs(names) do form_of[name] = i end
end

-- A number that is not understood may be a factor under another name, and leaving it out would give
-- prices that are wrong; text and times are notes.
local function check_columns(factors, by)
  local first
  for _, name in ipairs(factors:columns()) do
    local kind, form = factors:dtype(name), form_of[name]
    if form and first and form ~= form_of[first] then
      opts.raise("%s: the factors have '%s' and '%s', which are of two forms: split and dividend, "
        .. "or factor, or price_factor and split_factor", where, first, name)
    elseif form then first = first or name
    elseif kind ~= "time" and kind ~= "category" and name ~= "date" and name ~= "time"
      and name ~= by then
      opts.raise("%s: column '%s' of the factors is not understood; known are split, dividend, "
        .. "factor, price_factor, split_factor, reference; factor files of LEAN are named date, "
        .. "price_factor, split_factor, reference", where, name)
    end
  end
end

local function check_factors(factors, by)
  if not frame.is(factors) then
    opts.raise("%s: the factors must be a frame, got %s", where, type(factors))
  end
  for _, name in ipairs { "split", "dividend", "factor", "price_factor", "split_factor" } do
    if factors:has(name) then return check_columns(factors, by) end
  end
  opts.raise("%s: the factors have none of the columns split, dividend, factor, price_factor, "
    .. "split_factor", where)
end

-- The most that a share was ever joined or split over its life is some 1e8, by funds that fall
-- without end; beyond this, products were taken for events.
local LARGEST = 1e12

local function check_product(what, x)
  if #x == 0 then return end
  for _, bound in ipairs { (x:min()), (x:max()) } do
    if not (bound >= 1 / LARGEST and bound <= LARGEST) then
      opts.raise("%s: the %s are multiplied by %.3g in all, which no share has seen; factors that "
        .. "are products already are price_factor and split_factor", where, what, bound)
    end
  end
end

-- Factors of bars of several symbols, each by its own.
local function by_symbol(bars, factors, o)
  local price, volume = tensor.ones { #bars }, tensor.ones { #bars }
  local symbols, known = bars:column(o.by), {}
  local own = factors:column(o.by)
  for _, label in ipairs(own.labels) do known[label] = true end
  for _, label in ipairs(symbols.labels) do
    if known[label] then
      local mask = symbols:eq(label)
      if mask:any() then
        local part = factors:where(own:eq(label))
        price[mask], volume[mask] = factors_of(bars:where(mask), part, o)
      end
    end
  end
  return price, volume
end

local function as_of_date(o)
  local first = core.span(where, "as_of", o.as_of)
  return first - first % DAY
end

-- See market.adjust.
return function(bars, factors, o)
  o = opts.merge(where, { as_of = opts.none, by = opts.none, time = "time", time_zone = "UTC" }, o)
  if not frame.is(bars) then
    opts.raise("%s: the bars must be a frame, got %s", where, type(bars))
  end
  check_factors(factors, o.by)
  bars:column "close"
  if o.as_of then o.as_of = as_of_date(o) end
  local price, volume = (o.by and by_symbol or factors_of)(bars, factors, o)
  check_product("prices", price)
  check_product("volumes", volume)
  local changed = { { "raw_close", bars:column "close" } }
  for _, name in ipairs { "open", "high", "low", "close", "vwap" } do
    if bars:has(name) then
      changed[#changed + 1] = { name, bars:column(name):to "f64" * price }
    end
  end
  if bars:has "volume" then
    changed[#changed + 1] = { "volume", bars:column("volume"):to "f64" * volume }
  end
  changed[#changed + 1] = { "price_factor", price }
  changed[#changed + 1] = { "volume_factor", volume }
  return bars:assign(changed)
end
