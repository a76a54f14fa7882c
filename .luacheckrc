std = "lua54"
max_line_length = 100
exclude_files = { "build/", "runs/" }
files["lualib/neap/meta/"].ignore = { "111", "112", "113", "121", "122", "131", "142", "143", "211", "212", "241", "631" }
files["tests/lua/"].std = "+busted"
