local tensor = require "neap.tensor"
local linalg = require "neap.linalg"
local golden = require "tests.golden.linalg"
local support = require "tests.lua.support"

local nan, inf = 0 / 0, math.huge

-- The generator of tests/golden/linalg.py: n values k/1000, moved to (-1, 1).
local function numbers(n, seed)
  local x, out = seed, {}
  for i = 1, n do
    x = (x * 1103515245 + 12345) % 2147483648
    out[i] = (x // 65536 % 999 + 1) / 1000 * 2 - 1
  end
  return tensor.of(out)
end

local function general(m, n, seed) return numbers(m * n, seed):reshape(m, n) end

-- The largest difference, over the largest element (at least 1).
local function difference(x, y)
  if type(x) == "number" then x, y = tensor.of { x }, tensor.of { y } end
  assert.same(y.shape, x.shape)
  if x:numel() == 0 then return 0 end
  return ((x - y):abs():max()) / math.max(1, (y:abs():max()))
end

local function assert_near(x, y, tol, what)
  local d = difference(x, y)
  assert(d <= (tol or 1e-12), ("%s: off by %g"):format(what or "values", d))
end

local function hilbert(n)
  local i = tensor.arange(n)
  return 1 / (i:unsqueeze(2) + i:unsqueeze(1) - 1)
end

local shapes = { { 1, 1 }, { 4, 4 }, { 30, 30 }, { 7, 3 }, { 3, 7 }, { 0, 0 }, { 0, 3 }, { 3, 0 },
  { 1, 5 }, { 5, 1 } }

describe("linalg against NumPy", function()
  for _, case in ipairs(golden.matrices) do
    local m, n = case.m, case.n
    it(("agrees for %d x %d"):format(m, n), function()
      local a, b = general(m, n, case.seed), general(m, 2, case.seed + 99)
      -- errors grow with the condition number, which golden values share only as far
      local tol = 1e-14 * math.max(100, case.cond)
      local got = {}
      got.q, got.r = linalg.qr(a)
      got.u, got.s, got.vt = linalg.svd(a)
      got.pinv, got.lstsq = linalg.pinv(a), linalg.lstsq(a, b)
      got.cond, got.rank = linalg.cond(a), linalg.rank(a)
      got.norm_fro, got.norm_nuc = linalg.norm(a), linalg.norm(a, "nuc")
      got.norm_one, got.norm_two, got.norm_inf = linalg.norm(a, 1), linalg.norm(a, 2),
        linalg.norm(a, inf)
      if m == n then
        got.w, got.v = linalg.eigh(a + a:t())
        got.det, got.inv, got.solve = linalg.det(a), linalg.inv(a), linalg.solve(a, b)
        got.sign, got.logabs = linalg.slogdet(a)
        got.cholesky = linalg.cholesky(a:matmul(a:t()) + tensor.eye(n))
      end
      for name, want in pairs(case) do
        if name ~= "m" and name ~= "n" and name ~= "seed" then
          if type(want) == "table" then want = tensor.of(want) end
          assert_near(got[name], want, tol, name)
        end
      end
    end)
  end
end)

describe("decompositions", function()
  it("give the matrix back", function()
    for k, shape in ipairs(shapes) do
      local m, n = shape[1], shape[2]
      local a = general(m, n, k)
      local kept = a:clone()
      for _, full in ipairs { false, true } do
        local q, r = linalg.qr(a, { full = full })
        assert_near(q:matmul(r), a)
        assert_near(q:t():matmul(q), tensor.eye(q:size(2)))
        assert_near(tensor.triu(r), r, 0)
        assert.is_true(r:diagonal():ge(0):all())
        local u, s, vt = linalg.svd(a, { full = full })
        local middle = tensor.zeros { u:size(2), vt:size(1) }
        if #s > 0 then middle:diagonal()[{}] = s end
        assert_near(u:matmul(middle):matmul(vt), a)
        assert_near(u:t():matmul(u), tensor.eye(u:size(2)))
        assert_near(vt:matmul(vt:t()), tensor.eye(vt:size(1)))
        assert_near(linalg.svdvals(a), s, 1e-13)
      end
      local p, l, u = linalg.lu(a)
      assert_near(l:matmul(u), a[p], 1e-14)
      assert_near(tensor.tril(l), l, 0)
      assert.is_true(l:diagonal():eq(1):all())
      assert_near(tensor.triu(u), u, 0)
      assert_near(a, kept, 0)
    end
  end)

  it("hold the eigenvalue equation", function()
    for _, n in ipairs { 0, 1, 2, 25 } do
      local a = general(n, n, n + 3)
      a = a + a:t()
      local w, v = linalg.eigh(a)
      assert_near(a:matmul(v), v * w:unsqueeze(1))
      assert_near(v:t():matmul(v), tensor.eye(n))
      assert.is_true(w:diff():ge(0):all())
      local upper_spoiled = tensor.tril(a) + tensor.triu(tensor.ones { n, n }, 1)
      assert_near(linalg.eigh(upper_spoiled), w, 0)
      local _, same = linalg.eigh(a)
      assert_near(same, v, 0)
    end
  end)

  it("work on batches and views, member by member", function()
    local a = numbers(2 * 3 * 4 * 4, 5):reshape(2, 3, 4, 4)
    local q, r = linalg.qr(a)
    local u, s, vt = linalg.svd(a)
    local det, sign, logabs = linalg.det(a), linalg.slogdet(a)
    local p = linalg.lu(a)
    local spd = a:matmul(a:transpose(-1, -2)) + tensor.eye(4)
    local w, v = linalg.eigh(spd)
    local l, x = linalg.cholesky(spd), linalg.solve(a, q)
    assert.same({ 2, 3, 4 }, p.shape)
    assert.same({ 2, 3 }, det.shape)
    for i = 1, 2 do
      for j = 1, 3 do
        local one = a[i][j]
        local q1, r1 = linalg.qr(one)
        assert_near(q[i][j], q1, 0)
        assert_near(r[i][j], r1, 0)
        local u1, s1, vt1 = linalg.svd(one)
        assert_near(u[i][j], u1, 0)
        assert_near(s[i][j], s1, 0)
        assert_near(vt[i][j], vt1, 0)
        assert.equal(linalg.det(one), det:get(i, j))
        assert_near(sign:get(i, j) * math.exp(logabs:get(i, j)), det:get(i, j))
        assert_near(v[i][j]:matmul(tensor.diag(w[i][j])):matmul(v[i][j]:t()), spd[i][j])
        assert_near(l[i][j]:matmul(l[i][j]:t()), spd[i][j])
        assert_near(one:matmul(x[i][j]), q1)
        assert_near(linalg.inv(a)[i][j], linalg.inv(one), 0)
        assert_near(linalg.pinv(a)[i][j], linalg.pinv(one), 1e-13)
        assert_near(linalg.expm(a)[i][j], linalg.expm(one), 0)
        assert_near(linalg.trace(a):get(i, j), linalg.trace(one), 1e-15)
        for _, norm in ipairs { "fro", "nuc", 1, 2, inf } do
          assert_near(linalg.norm(a, norm):get(i, j), linalg.norm(one, norm), 1e-14)
        end
        assert_near(linalg.cond(a):get(i, j), linalg.cond(one), 1e-13)
      end
    end
    assert.is_true(linalg.rank(a):eq(4):all())
    local turned = a:transpose(1, 4) -- 4 x 3 x 4 x 2
    local q2, r2 = linalg.qr(turned)
    assert_near(q2:matmul(r2), turned)
  end)

  it("keep f32 and widen integers", function()
    local a = tensor.of({ { 2, 1 }, { 1, 3 } }, { dtype = "f32" })
    for _, fn in ipairs { linalg.qr, linalg.svd, linalg.eigh, linalg.cholesky, linalg.inv,
      linalg.pinv, linalg.expm, linalg.svdvals } do
      assert.equal("f32", fn(a).dtype)
      assert.equal("f64", fn(a:to "i64").dtype)
    end
    assert.near(5, linalg.det(a:to "i32"), 1e-14)
  end)
end)

describe("systems", function()
  it("are solved when triangular", function()
    local a = general(6, 6, 3) + tensor.eye(6) * 3
    local b = general(6, 2, 4)
    for _, upper in ipairs { false, true } do
      local t = upper and tensor.triu(a) or tensor.tril(a)
      assert_near(t:matmul(linalg.solve_triangular(a, b, { upper = upper })), b)
      local y = linalg.solve_triangular(a, b, { upper = upper, transpose = true })
      assert_near(t:t():matmul(y), b)
      local one = t - tensor.diag(t:diagonal()) + tensor.eye(6)
      assert_near(one:matmul(linalg.solve_triangular(a, b, { upper = upper, unit = true })), b)
    end
    assert_near(tensor.tril(a):matmul(linalg.solve_triangular(a, b[{ {}, 1 }])), b[{ {}, 1 }])
    assert.same({ 0, 2 },
      linalg.solve_triangular(tensor.zeros { 0, 0 }, tensor.zeros { 0, 2 }).shape)
    assert.matches("solve_triangular: the matrix is singular %(element 2, 2 is 0%)",
      support.message(linalg.solve_triangular, tensor.of { { 1, 0 }, { 1, 0 } }, tensor.ones { 2 }))
  end)

  it("are fitted by least squares", function()
    local a, b = general(12, 4, 7), general(12, 3, 8)
    local x, rank, s = linalg.lstsq(a, b)
    assert.equal(4, rank)
    assert_near(a:t():matmul(a:matmul(x) - b), tensor.zeros { 4, 3 })
    assert_near(s, linalg.svdvals(a))
    local twice = tensor.cat({ a, a }, 2) -- of rank 4: the shortest solution halves
    local y, rank2 = linalg.lstsq(twice, b)
    assert.equal(4, rank2)
    assert_near(y, tensor.cat { x / 2, x / 2 })
    assert_near(linalg.lstsq(a, b[{ {}, 1 }]), x[{ {}, 1 }])
    assert_near(a:t():matmul(linalg.lstsq(a:t(), b[{ { 1, 4 } }])), b[{ { 1, 4 } }])
    local empty, none = linalg.lstsq(tensor.zeros { 0, 3 }, tensor.zeros { 0, 2 })
    assert_near(empty, tensor.zeros { 3, 2 }, 0)
    assert.equal(0, none)
    assert.equal(1, select(2, linalg.lstsq(tensor.of { { 1, 0 }, { 0, 1e-3 } }, tensor.ones { 2 },
      { rcond = 0.01 })))
  end)

  it("are fitted in batches, member by member", function()
    local a, b = general(24, 3, 7):view(2, 3, 4, 3), general(24, 2, 8):view(2, 3, 4, 2)
    a[{ 1, 2, {}, 3 }] = a[{ 1, 2, {}, 1 }]
    local x, rank, s = linalg.lstsq(a, b)
    assert.same({ 2, 3, 3, 2 }, x.shape)
    assert.same({ { 3, 2, 3 }, { 3, 3, 3 } }, rank:totable())
    for i = 1, 2 do
      for j = 1, 3 do
        local one, _, values = linalg.lstsq(a[i][j], b[i][j])
        assert_near(x[i][j], one, 0)
        assert_near(s[i][j], values, 0)
      end
    end
  end)

  it("hold when ill-conditioned", function()
    local h = hilbert(10) -- condition 1.6e13
    local ones = tensor.ones { 10 }
    -- the residual is small, whatever the error of the solution
    assert_near(h:matmul(linalg.solve(h, h:matmul(ones))), h:matmul(ones), 1e-14)
    local cond = linalg.cond(h)
    assert(cond > 1.60e13 and cond < 1.61e13, cond)
    assert.equal(10, linalg.rank(h))
    assert.equal(inf, linalg.cond(tensor.zeros { 2, 2 }))
    local w, v = linalg.eigh(h)
    assert_near(h:matmul(v), v * w:unsqueeze(1), 1e-14)
    local q, r = linalg.qr(h)
    assert_near(q:matmul(r), h, 1e-14)
    assert_near(q:t():matmul(q), tensor.eye(10), 1e-14)
    local p = linalg.pinv(h, { rcond = 1e-6 })
    assert_near(p:matmul(h):matmul(p), p, 1e-6) -- what the cut at 1e-6 allows
  end)
end)

describe("numbers of a matrix", function()
  it("neither overflow nor vanish in slogdet", function()
    local big = tensor.eye(200) * 1e10
    assert.equal(inf, linalg.det(big))
    local sign, logabs = linalg.slogdet(big)
    assert.equal(1, sign)
    assert.near(200 * math.log(1e10), logabs, 1e-9)
    assert.equal(-inf, select(2, linalg.slogdet(tensor.ones { 3, 3 })))
    assert.equal(0, (linalg.slogdet(tensor.ones { 3, 3 })))
    assert.equal(1, linalg.det(tensor.zeros { 0, 0 }))
  end)

  it("have the value of an empty matrix", function()
    for _, shape in ipairs { { 0, 3 }, { 3, 0 }, { 0, 0 } } do
      local e = tensor.zeros(shape)
      assert.equal(0, linalg.rank(e))
      assert.equal(0, linalg.trace(e))
      assert.same({ shape[2], shape[1] }, linalg.pinv(e).shape)
      for _, p in ipairs { "fro", "nuc", 1, 2, inf } do assert.equal(0, linalg.norm(e, p)) end
    end
    assert.same({ 2 }, linalg.norm(tensor.zeros { 2, 0, 3 }, "nuc").shape)
    assert.same({ 2 }, linalg.rank(tensor.zeros { 2, 0, 3 }).shape)
    assert.matches("cond: a matrix of shape %[0x3%] has none",
      support.message(linalg.cond, tensor.zeros { 0, 3 }))
  end)

  it("are norms of vectors too", function()
    local x = tensor.of { 3, -4, 0 }
    assert.equal(5, linalg.norm(x))
    assert.equal(7, linalg.norm(x, 1))
    assert.equal(4, linalg.norm(x, inf))
    assert.matches("p of a vector is 1, 2 or math.huge, got nuc",
      support.message(linalg.norm, x, "nuc"))
    assert.matches("p of a matrix is", support.message(linalg.norm, tensor.eye(2), 3))
    assert.is_true(linalg.norm(tensor.of { { nan, 1 } }) ~= linalg.norm(tensor.of { { nan, 1 } }))
  end)
end)

describe("expm", function()
  it("agrees with closed forms", function()
    for _, angle in ipairs { 1e-3, 0.1, 0.5, 1.5, 4, 100 } do -- every degree, and squaring
      local a = tensor.of { { 0, -angle }, { angle, 0 } }
      local want = tensor.of { { math.cos(angle), -math.sin(angle) },
        { math.sin(angle), math.cos(angle) } }
      -- squaring doubles the rounding of the angle
      assert_near(linalg.expm(a), want, 1e-15 * math.max(10, 4 * angle), angle)
    end
    assert_near(linalg.expm(tensor.of { { 1, 1e3 }, { 0, 1 } }),
      tensor.of { { 1, 1e3 }, { 0, 1 } } * math.exp(1), 1e-13) -- eight squarings
    assert_near(linalg.expm(tensor.of { { 1, 0 }, { 1e3, 1 } }),
      tensor.of { { 1, 0 }, { 1e3, 1 } } * math.exp(1), 1e-13)
    assert_near(linalg.expm(tensor.zeros { 3, 3 }), tensor.eye(3), 0)
    assert.same({ 0, 0 }, linalg.expm(tensor.zeros { 0, 0 }).shape)
  end)

  it("is inf or NaN, and soon so, where numbers end", function()
    for _, v in ipairs { 1e3, 1e308 } do
      local x = linalg.expm(tensor.full { 3, 3, value = v })
      assert.is_false(x:isfinite():any())
    end
    local tiny = linalg.expm(tensor.full { 2, 2, value = 5e-324 })
    assert_near(tiny, tensor.eye(2), 1e-300)
  end)

  it("is the sum of its series", function()
    local a = general(5, 5, 9)
    local want, term = tensor.eye(5), tensor.eye(5)
    for k = 1, 40 do
      term = term:matmul(a) / k
      want = want + term
    end
    assert_near(linalg.expm(a), want, 1e-14)
    assert_near(linalg.expm(a):matmul(linalg.expm(-a)), tensor.eye(5), 1e-13)
  end)
end)

describe("bad input to linalg", function()
  it("is named", function()
    local bad = tensor.ones { 2, 3, 3 }
    bad[{ 2, 1, 3 }] = nan
    for name, fn in pairs { lu = linalg.lu, qr = linalg.qr, svd = linalg.svd, det = linalg.det,
      eigh = linalg.eigh, cholesky = linalg.cholesky, slogdet = linalg.slogdet,
      inv = linalg.inv, expm = linalg.expm } do
      assert.matches(name .. ": the matrix holds NaN %(the element at 2, 1, 3, shape %[2x3x3%]%)",
        support.message(fn, bad))
      assert.matches(name .. ": a matrix expected, got shape %[3%]",
        support.message(fn, tensor.ones { 3 }))
    end
    for name, fn in pairs { det = linalg.det, eigh = linalg.eigh, cholesky = linalg.cholesky,
      inv = linalg.inv, expm = linalg.expm } do
      assert.matches(name .. ": a square matrix expected, got shape %[2x3%]",
        support.message(fn, tensor.ones { 2, 3 }))
    end
    assert.matches("inv: the matrix is singular %(pivot 2 of 2 is 0%)",
      support.message(linalg.inv, tensor.ones { 2, 2 }))
    assert.matches("solve: the right%-hand side holds an infinity %(the element at 1, 2,",
      support.message(linalg.solve, tensor.eye(2), tensor.of { { 1, inf }, { 1, 1 } }))
    assert.matches("lstsq: shapes %[3x2%] and %[2x2%] do not match",
      support.message(linalg.lstsq, tensor.ones { 3, 2 }, tensor.ones { 2, 2 }))
    assert.matches("lstsq: shapes %[2x3x3%] and %[3%] do not match",
      support.message(linalg.lstsq, tensor.ones { 2, 3, 3 }, tensor.ones { 3 }))
    assert.matches("matrix 2 of the batch: solve: the matrix is singular %(pivot 2 of 2 is 0%)",
      support.message(linalg.solve, tensor.stack { tensor.eye(2), tensor.ones { 2, 2 } },
        tensor.ones { 2, 2, 1 }))
    assert.matches("unknown option 'ful'", support.message(linalg.qr, tensor.eye(2), { ful = 1 }))
  end)

  it("includes a machine without OpenBLAS", function()
    local command = require "tests.lua.command"
    local r = command.shell(command.root, "NEAP_BLAS=none " .. command.quote(command.neap)
      .. " -e 'linalg.svd(tensor.eye(2))'")
    assert.equal(1, r.code)
    assert.matches("svd: OpenBLAS %(libopenblas.so.0%) could not be loaded; on Debian it is the "
      .. "package libopenblas0%-pthread", r.err)
  end)
end)
