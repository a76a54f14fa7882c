/* The command line: options as those of lua, plus the words help and version. */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"

static const char usage[] =
    "usage: neap [options] [FILE [arguments]]\n"
    "       neap help [TOPIC] | neap version\n"
    "       neap --json-rpc\n"
    "\n"
    "Without FILE: a prompt on a terminal, else a script from standard input.\n"
    "\n"
    "  -e CODE   run CODE; neap's modules are there by name\n"
    "  -l NAME   require NAME and keep it in the global NAME\n"
    "  -i        open the prompt after FILE or CODE, with the names of FILE at hand\n"
    "  --no-init start the prompt without its start-up file\n"
    "  -W        turn Lua's warnings on\n"
    "  -         run standard input as a script; what follows are its arguments\n"
    "  --        end of the options\n"
    "  --json-rpc  serve a notebook or an editor: JSON-RPC 2.0 on standard input and output\n"
    "  --help, --version\n";

typedef struct {
  int script;    /* index of FILE in argv; argc when there is none */
  bool prompt;   /* -i */
  bool code;     /* some -e */
  bool warnings; /* -W */
  bool bare;     /* --no-init */
} plan;

static int refuse(const char *what, const char *value) {
  fprintf(stderr, "neap: %s '%s'\n%s", what, value, usage);
  return NEAP_EXIT_USAGE;
}

/* Read the options up to FILE. Returns 0, or an exit code when there is nothing to run. */
static int read_options(int argc, char **argv, plan *p) {
  int i = 1;
  for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
    const char *o = argv[i];
    if (strcmp(o, "--") == 0) {
      i++;
      break;
    }
    if (o[1] == 'e' || o[1] == 'l') {
      p->code |= o[1] == 'e';
      if (!o[2] && ++i == argc) return refuse("an argument is missing after", o);
    } else if (strcmp(o, "-i") == 0) p->prompt = true;
    else if (strcmp(o, "-W") == 0) p->warnings = true;
    else if (strcmp(o, "--no-init") == 0) p->bare = true;
    else return refuse("unknown option", o);
  }
  p->script = i;
  return 0;
}

static void set_arg(lua_State *L, int argc, char **argv, int script) {
  if (script == argc) script = 0; /* as lua does: without a script, arg[0] is the command */
  lua_createtable(L, argc - script, script + 1);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}

/* Print what went wrong; returns the exit code. */
static int report(lua_State *L, neap_host_outcome outcome) {
  if (outcome == NEAP_HOST_DONE) return 0;
  int code = outcome == NEAP_HOST_INTERRUPTED ? NEAP_EXIT_INTERRUPTED : NEAP_EXIT_ERROR;
  if (outcome == NEAP_HOST_INTERRUPTED) {
    fflush(stdout);
    const char *text = NULL;
    if (lua_istable(L, -1)) lua_getfield(L, -1, "message");
    text = lua_tostring(L, -1);
    bool told = text && strstr(text, "interrupted");
    fprintf(stderr, "neap: %s\n", told ? text : "interrupted");
    lua_settop(L, 0);
    return code;
  }
  neap_host_print_explanation(L);
  if (lua_istable(L, -1) && lua_getfield(L, -1, "exit") == LUA_TNUMBER)
    code = (int)lua_tointeger(L, -1);
  lua_settop(L, 0);
  return code;
}

/* Call the loaded chunk below nargs arguments; a load error is on top instead when st says so. */
static int run_chunk(lua_State *L, int st, int nargs) {
  if (st != LUA_OK) {
    fprintf(stderr, "neap: %s\n", lua_tostring(L, -1));
    lua_settop(L, 0);
    return NEAP_EXIT_ERROR;
  }
  return report(L, neap_host_call(L, nargs, 0));
}

static int require_global(lua_State *L, const char *name) {
  lua_getglobal(L, "require");
  lua_pushstring(L, name);
  neap_host_outcome outcome = neap_host_call(L, 1, 1);
  if (outcome == NEAP_HOST_DONE) lua_setglobal(L, name);
  return report(L, outcome);
}

/* Load the code of -e, which has the modules of neap at hand. Where they are not installed, plain
 * Lua must still run. */
static int load_code(lua_State *L, const char *text) {
  int st = luaL_loadbuffer(L, text, strlen(text), "=(command line)");
  if (st != LUA_OK) return st;
  lua_getglobal(L, "require");
  lua_pushliteral(L, "neap.at_hand");
  if (lua_pcall(L, 1, 1, 0) != LUA_OK || !lua_setupvalue(L, -2, 1)) lua_pop(L, 1);
  return LUA_OK;
}

/* The -e and -l options, in the order given. */
static int run_options(lua_State *L, char **argv, const plan *p) {
  for (int i = 1; i < p->script; i++) {
    char kind = argv[i][1];
    if (kind != 'e' && kind != 'l') continue;
    const char *text = argv[i][2] ? argv[i] + 2 : argv[++i];
    int code = kind == 'l' ? require_global(L, text) : run_chunk(L, load_code(L, text), 0);
    if (code) return code;
  }
  return 0;
}

static int run_script(lua_State *L, int argc, char **argv, int script) {
  const char *name = script < argc && strcmp(argv[script], "-") != 0 ? argv[script] : NULL;
  int st = luaL_loadfile(L, name);
  int nargs = 0;
  if (st == LUA_OK) luaL_checkstack(L, argc, "too many arguments to script");
  for (int i = script + 1; st == LUA_OK && i < argc; i++, nargs++) lua_pushstring(L, argv[i]);
  return run_chunk(L, st, nargs);
}

/* require(module)[function](argument...), the face of help and prompt. Not open to Ctrl-C itself:
 * the prompt opens what the user types. */
static int call_library(lua_State *L, const char *module, const char *function, int argc,
                        char **argv) {
  lua_settop(L, 0);
  lua_pushcfunction(L, neap_host_explain);
  lua_getglobal(L, "require");
  lua_pushstring(L, module);
  int st = lua_pcall(L, 1, 1, 1);
  if (st == LUA_OK) {
    lua_getfield(L, -1, function);
    for (int i = 0; i < argc; i++) lua_pushstring(L, argv[i]);
    st = lua_pcall(L, argc, 1, 1);
  }
  if (st != LUA_OK) return report(L, NEAP_HOST_FAILED);
  int code = lua_isinteger(L, -1) ? (int)lua_tointeger(L, -1) : 0;
  lua_settop(L, 0);
  return code;
}

/* The words that are not files. Returns -1 when there is none. */
static int run_word(lua_State *L, int argc, char **argv) {
  const char *word = argc > 1 ? argv[1] : "";
  if (strcmp(word, "version") == 0 || strcmp(word, "--version") == 0 || strcmp(word, "-v") == 0) {
    printf("neap %s, %s\n", NEAP_VERSION, LUA_RELEASE);
    return 0;
  }
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
    fputs(usage, stdout);
    return 0;
  }
  if (strcmp(word, "--json-rpc") == 0 && argc == 2)
    return call_library(L, "neap.repl.rpc", "command", 0, argv);
  if (strcmp(word, "help") == 0) return call_library(L, "neap.help", "command", argc - 2, argv + 2);
  return -1;
}

int neap_host_command(lua_State *L, int argc, char **argv) {
  int code = run_word(L, argc, argv);
  if (code >= 0) return code;
  plan p = {.script = argc};
  code = read_options(argc, argv, &p);
  if (code) return code;
  if (p.warnings) lua_warning(L, "@on", 0);
  set_arg(L, argc, argv, p.script);
  code = run_options(L, argv, &p);
  if (code) return code;
  bool file = p.script < argc;
  if (!file && p.code && !p.prompt) return 0;
  if (p.prompt || (!file && isatty(STDIN_FILENO)))
    return call_library(L, "neap.repl", p.bare ? "command_without_init" : "command",
                        file ? argc - p.script : 0, argv + p.script);
  return run_script(L, argc, argv, p.script);
}
