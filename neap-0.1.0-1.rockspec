rockspec_format = "3.0"
package = "neap"
version = "0.1.0-1"
source = {
  url = "git+file://.",
}
description = {
  summary = "A numerical runtime for people who model markets",
  detailed = "Tensors, indicators, gradient boosting, calibration and honest backtests in C, scripted from Lua.",
  license = "MIT",
}
dependencies = { "lua >= 5.4, < 5.5" }
build = {
  type = "cmake",
  variables = {
    CMAKE_BUILD_TYPE = "Release",
    NEAP_TESTS = "OFF",
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    INSTALL_CMOD = "$(LIBDIR)",
    INSTALL_LMOD = "$(LUADIR)",
  },
}
