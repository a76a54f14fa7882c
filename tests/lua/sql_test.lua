local clock = require "neap.clock"
local file = require "neap.file"
local frame = require "neap.frame"
local sql = require "neap.sql"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local DAY = 86400 * 1000000000
local folder = file.temporary_folder()

-- Every kind of column, each with a missing value where its kind has one.
local function sample()
  return frame.new {
    { "time", tensor.of({ 0, DAY + 1000, clock.nat }, { dtype = "i64" }), "time" },
    { "close", { 9.1, 0 / 0, 1 / 0 } },
    { "small", tensor.of({ 0.5, 1, -2 }, { dtype = "f32" }) },
    { "venue", { "A\t|x\\", "B\n\"<'", false } },
    { "n", tensor.of({ math.mininteger, 2, math.maxinteger }, { dtype = "i64" }) },
    { "ok", tensor.of { true, false, true } },
    { "order by", tensor.of({ 1, 2, 3 }, { dtype = "i32" }) },
  }
end

local function assert_same_frame(want, got)
  assert.same(want:columns(), got:columns())
  for name, column in pairs(want) do
    if want:dtype(name) == "category" then
      assert.same(column:totable(), got:column(name):totable())
    else
      support.same(column:totable(), got:column(name))
    end
  end
end

local function teaches(part, fn, ...)
  local text = support.message(fn, ...)
  assert.truthy(text:find(part, 1, true), text)
end

-- What both kinds of database do; `connect` gives a fresh connection to an empty base.
local function behaves(connect)
  it("gives frames back as they were written", function()
    local db <close> = connect()
    local f = sample()
    db:write("bars", f)
    local g = db:query 'SELECT * FROM bars ORDER BY "order by"'
    assert_same_frame(f, g)
    assert.same({ "time", "f64", "f64", "category", "i64", "bool", "i64" }, (function()
      local dtypes = {}
      for i, name in ipairs(g:columns()) do dtypes[i] = g:dtype(name) end
      return dtypes
    end)())
  end)

  it("creates, appends and replaces, whole or not at all", function()
    local db <close> = connect()
    local f = frame.new { { "x", { 1, 2 } } }
    db:write("t", f)
    teaches("already exists", db.write, db, "t", f)
    db:write("t", f, { mode = "append" })
    assert.equal(4, db:query("SELECT count(*) AS n FROM t").n[1])
    db:write("t", f, { mode = "replace" })
    assert.equal(2, db:query("SELECT count(*) AS n FROM t").n[1])
    local other = frame.new { { "y", { 1 } } }
    assert.is_false(pcall(db.write, db, "t", other, { mode = "append" }))
    db:execute "CREATE TABLE strict (x REAL CHECK (x < 2))"
    assert.is_false(pcall(db.write, db, "strict", f, { mode = "append" }))
    assert.equal(0, db:query("SELECT count(*) AS n FROM strict").n[1])
    db:write("none", f:rows(3), { mode = "create" })
    assert.equal(0, #db:query "SELECT * FROM none")
  end)

  it("takes parameters of every type", function()
    local db <close> = connect()
    db:execute("CREATE TABLE p (i BIGINT, x DOUBLE PRECISION, t TEXT, b BOOLEAN)")
    local values = { 7, 0.1, "it's; DROP TABLE p", true }
    assert.equal(1, db:execute("INSERT INTO p VALUES ($1, $2, $3, $4)", values))
    db:execute("INSERT INTO p VALUES ($1, $2, $3, $4)", { n = 4 })
    local f = db:query("SELECT * FROM p WHERE i = $1 OR i IS NULL ORDER BY i IS NULL", { 7 })
    support.same({ 7, 0 / 0 }, f.i)
    support.same({ 0.1, 0 / 0 }, f.x)
    assert.same({ "it's; DROP TABLE p", false }, f.t:totable())
    support.same({ 1, 0 / 0 }, f.b)
    teaches("parameter 1 is a table", db.query, db, "SELECT $1", { {} })
  end)

  it("undoes a transaction that raises", function()
    local db <close> = connect()
    db:execute "CREATE TABLE t (x REAL)"
    local ok, message = pcall(db.transaction, db, function()
      db:execute "INSERT INTO t VALUES (1)"
      db:write("t", frame.new { { "x", { 2, 3 } } }, { mode = "append" })
      error("stop", 0)
    end)
    assert.is_false(ok)
    assert.equal("stop", message)
    assert.equal(0, db:query("SELECT count(*) AS n FROM t").n[1])
    assert.equal(5, db:transaction(function()
      db:execute "INSERT INTO t VALUES (1)"
      return 5
    end))
    assert.equal(1, db:query("SELECT count(*) AS n FROM t").n[1])
  end)

  it("refuses what it cannot hold, and stays usable", function()
    local db <close> = connect()
    db:write("t", sample())
    teaches("two columns are called 'a'", db.query, db, "SELECT 1 AS a, 2 AS a")
    teaches("9223372036854775807", db.query, db,
      "SELECT n FROM t UNION ALL SELECT NULL ORDER BY 1 DESC")
    assert.is_false(pcall(db.query, db, "SELECT nothing FROM t"))
    assert.is_false(pcall(db.query, db, "SELEC"))
    teaches("gives no rows", db.query, db, "DELETE FROM t WHERE n = 0")
    teaches("option 'nothing'", db.query, db, "SELECT 1", {}, { nothing = 1 })
    assert.equal(3, #db:query "SELECT * FROM t")
    db:close()
    db:close()
    teaches("was closed", db.query, db, "SELECT 1")
    assert.equal("neap.sql (closed)", tostring(db))
  end)

  it("handles many rows", function()
    local db <close> = connect()
    local n = 20000
    local f = frame.new { { "x", tensor.rand { n, rng = require("neap").rng(3) } },
      { "i", tensor.arange(1, n):to "i64" } }
    db:write("many", f)
    local g = db:query "SELECT * FROM many ORDER BY i"
    assert.is_true(g.x:eq(f.x):all())
    assert.is_true(g.i:eq(f.i):all())
  end)
end

describe("SQLite", function()
  behaves(function() return sql.open "sqlite::memory:" end)

  it("opens files by either kind of URL, and makes them only when told", function()
    teaches("cannot be opened", sql.open, "sqlite:" .. folder .. "/none.db")
    teaches("no path is given", sql.open, "sqlite:")
    teaches("must begin with sqlite:, duckdb: or postgresql://", sql.open, "mysql://x")
    frame.new({ { "x", { 1, 2 } } }):write_sql("sqlite:///" .. folder .. "/a.db", "t")
    local f = frame.read_sql("sqlite:" .. folder .. "/a.db", "SELECT x FROM t WHERE x > ?", { 1 })
    assert.same({ 2.0 }, f.x:totable())
    file.write(folder .. "/no.db", ("not a database "):rep(100))
    teaches("not a database", frame.read_sql, "sqlite:" .. folder .. "/no.db", "SELECT * FROM t")
  end)

  it("reads times by declaration, by name and by size", function()
    local db <close> = sql.open "sqlite::memory:"
    db:execute [[CREATE TABLE e (made DATETIME, seconds INTEGER);
      INSERT INTO e VALUES ('2024-03-01 15:30:00.000001', 1709307000), (NULL, NULL)]]
    local f = db:query("SELECT * FROM e", {}, { time = "seconds" })
    assert.equal("2024-03-01T15:30:00.000001Z", clock.print(f.made[1]))
    assert.equal("2024-03-01T15:30:00Z", clock.print(f.seconds[1]))
    assert.equal(clock.nat, f.made[2])
    for _, case in ipairs { "1709307000", "1709307000000", "1709307000000000",
      "1709307000000000000" } do
      local g = db:query("SELECT " .. case .. " AS t", {}, { time = { "t" } })
      assert.equal("2024-03-01T15:30:00Z", clock.print(g.t[1]))
    end
    teaches("'soon' is no time", db.query, db, "SELECT 'soon' AS t", {}, { time = "t" })
    teaches("is no time", db.query, db, "SELECT 0.5 AS t", {}, { time = "t" })
  end)

  it("names row and column of mixed types and blobs", function()
    local db <close> = sql.open "sqlite::memory:"
    teaches("column 'a' holds text in row 2 after values of kind integer", db.query, db,
      "SELECT 1 AS a UNION ALL SELECT 'x'")
    teaches("column 'a' holds a blob in row 1", db.query, db, "SELECT x'00' AS a")
    support.same({ 0 / 0, 2, 2.5 }, db:query(
      "SELECT NULL AS a UNION ALL SELECT 2 UNION ALL SELECT 2.5").a)
    support.same({ 0 / 0 }, db:query("SELECT NULL AS a").a)
    assert.equal(0, #db:query "SELECT 1 AS a WHERE 0")
    teaches("takes 2 parameters, got 1", db.query, db, "SELECT ? + ?", { 1 })
    teaches("takes 0 parameters, got 1", db.query, db, "SELECT 1", { 1 })
    teaches("not :name", db.query, db, "SELECT :name", { 1 })
    teaches("more text follows", db.query, db, "SELECT 1; SELECT 2")
    teaches("is empty", db.execute, db, " ; -- nothing\n /* at all */")
    assert.equal(1, db:query("SELECT 1 AS a; -- one\n /* and no more").a[1])
  end)

  it("keeps every instant to the nanosecond", function()
    local db <close> = sql.open "sqlite::memory:"
    local f = frame.new { { "time", tensor.of({ -1, 1, DAY * 36500 }, { dtype = "i64" }) } }
    db:write("t", f)
    assert.same(f.time:totable(), db:query("SELECT * FROM t").time:totable())
  end)
end)

describe("PostgreSQL", function()
  local place = support.temporary "pg" -- where the server's own user may go
  local pipe = io.popen("tests/postgres.sh start " .. place)
  local url = pipe:read "l"
  pipe:close()
  if not url then
    pending "PostgreSQL is not installed"
    return
  end

  teardown(function() os.execute("tests/postgres.sh stop " .. place) end)

  local count = 0
  behaves(function()
    count = count + 1
    local db = sql.open(url)
    db:execute(("CREATE SCHEMA s%d; SET search_path TO s%d"):format(count, count))
    return db
  end)

  it("understands the server's types", function()
    local f = frame.read_sql(url, [[SELECT 1.5::numeric AS a, DATE '2024-02-29' AS d,
      'x'::text AS t, NULL AS n, true AS b, TIMESTAMPTZ '2024-01-01 00:00+02' AS z,
      'NaN'::float8 AS q, '-Infinity'::float8 AS i, 3::smallint AS s]])
    assert.equal(1.5, f.a[1])
    assert.equal("2024-02-29T00:00:00Z", clock.print(f.d[1]))
    assert.equal("2023-12-31T22:00:00Z", clock.print(f.z[1]))
    assert.is_true(f.b[1])
    assert.equal(-math.huge, f.i[1])
    assert.equal(3, f.s[1])
    assert.is_true(f.q[1] ~= f.q[1])
    teaches("'infinity' is no time", frame.read_sql, url, "SELECT 'infinity'::timestamp AS x")
    teaches("is a blob", frame.read_sql, url, "SELECT '\\x00'::bytea AS x")
  end)

  it("refuses times finer than microseconds, by row", function()
    local f = frame.new { { "time", tensor.of({ 0, 1 }, { dtype = "i64" }) } }
    teaches("column 'time', row 2: PostgreSQL keeps microseconds", f.write_sql, f, url, "fine")
    assert.is_false(pcall(frame.read_sql, url, "SELECT * FROM fine"))
  end)

  it("tells of servers that are not there, without the password", function()
    local text = support.message(sql.open, "postgresql://me:secret@127.0.0.1:1/x")
    assert.truthy(text:find("no connection to the server", 1, true), text)
    assert.is_nil(text:find("secret", 1, true))
    teaches("does not exist", sql.open, (url:gsub("/postgres%?", "/nobase?")))
  end)

  it("survives a server that goes away", function()
    local db <close> = sql.open(url)
    local other <close> = sql.open(url)
    local id = db:query("SELECT pg_backend_pid() AS id").id[1]
    other:execute("SELECT pg_terminate_backend($1::int)", { id })
    assert.is_false(pcall(db.query, db, "SELECT 1"))
    assert.is_false(pcall(db.query, db, "SELECT 1"))
    assert.equal(1, other:query("SELECT 1 AS a").a[1])
  end)
end)

describe("DuckDB", function()
  if not pcall(sql.open, "duckdb:") then
    pending "libduckdb is not installed"
    return
  end

  behaves(function() return sql.open "duckdb:" end)

  it("reads and writes Parquet", function()
    local f = sample()
    local path = folder .. "/it's.parquet"
    f:write_parquet(path)
    assert_same_frame(f, frame.read_parquet(path))
    local g = frame.read_parquet(path, { columns = { "order by", "close" } })
    assert.same({ "order by", "close" }, g:columns())
    assert.equal(6, #frame.read_parquet(folder .. "/*.parquet") * 2)
    teaches("nowhere", frame.read_parquet, folder .. "/nowhere.parquet")
    file.write(folder .. "/bad.parquet", "PAR1 and nothing more")
    assert.is_false(pcall(frame.read_parquet, folder .. "/bad.parquet"))
    teaches("x.parquet' cannot be written", f.write_parquet, f, folder .. "/no/x.parquet")
  end)

  it("understands DuckDB's types", function()
    local f = frame.read_sql("duckdb:", [[SELECT 1.25::DECIMAL(9,2) AS d, 2::TINYINT AS i,
      3::UBIGINT AS u, sum(4) AS h, 'b'::ENUM ('a', 'b') AS e, DATE '2024-02-29' AS t,
      'a text of more than twelve bytes' AS s, -5::HUGEINT AS g, 1.5::REAL AS r,
      12345678901234567890.5::DECIMAL(30,1) AS w, TIMESTAMPTZ '2024-01-01 00:00:00+02' AS z]])
    assert.equal(1.25, f.d[1])
    assert.same({ 2, 3, 4, -5, 1.5 }, { f.i[1], f.u[1], f.h[1], f.g[1], f.r[1] })
    assert.equal("b", f.e[1])
    assert.equal("a text of more than twelve bytes", f.s[1])
    assert.equal("2024-02-29T00:00:00Z", clock.print(f.t[1]))
    assert.equal("2023-12-31T22:00:00Z", clock.print(f.z[1]))
    assert.is_true(math.abs(f.w[1] - 12345678901234567890.5) < 4096)
    teaches("CAST(x AS VARCHAR)", frame.read_sql, "duckdb:", "SELECT [1, 2] AS x")
    teaches("a time beyond", frame.read_sql, "duckdb:", "SELECT DATE '9999-01-01' AS x")
    teaches("a time beyond", frame.read_sql, "duckdb:", "SELECT 'infinity'::TIMESTAMP AS x")
  end)
end)
