/* host.h — the executable: command line, script runner, interrupts, what the prompt needs from C.
 *
 * Only the executable installs a signal handler or replaces Lua functions; neap.so in a stock
 * lua5.4 does neither. The prompt itself is lualib/neap/repl.lua over the binding neap.c.host. */
#ifndef NEAP_HOST_HOST_H
#define NEAP_HOST_HOST_H

#include <lauxlib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes of the command. */
enum { NEAP_EXIT_ERROR = 1, NEAP_EXIT_USAGE = 2, NEAP_EXIT_INTERRUPTED = 130 };

/* Make require "neap.c.<name>" find the bindings linked into the executable, and require
 * "neap" the lualib beside it: of the source tree, or of the installation. */
void neap_host_preload(lua_State *L, const char *argv0);

/* The folder of lualib with a closing slash, or "" when it was not found. */
const char *neap_host_lualib(void);

/* Install the SIGINT handler, and the pcall, xpcall and coroutine functions that let an interrupt
 * through (see interrupt.c). Once, on the main thread. */
void neap_host_interrupts(lua_State *L);

/* What Ctrl-C does, from any thread, but never what the third one does. */
void neap_host_interrupt(void);

/* How a protected call ended. */
typedef enum { NEAP_HOST_DONE, NEAP_HOST_FAILED, NEAP_HOST_INTERRUPTED } neap_host_outcome;

/* Call the function below nargs arguments, as lua_pcall does, open to Ctrl-C. Unless the outcome
 * is NEAP_HOST_DONE, one explanation (see below) replaces function and arguments. */
neap_host_outcome neap_host_call(lua_State *L, int nargs, int nresults);

/* Arm hook at every event of the Lua thread that runs inside neap_host_call; safe in a signal
 * handler. unhook takes it away again where it did not fire. */
void neap_host_hook(lua_Hook hook);
void neap_host_unhook(lua_Hook hook);

/* Sample the stack every period_us until stop, which pushes {[stack] = ticks}: a stack is lines
 * "name\tsource:line", innermost first; a C function has no source. */
void neap_host_profile_start(lua_State *L, int period_us);
void neap_host_profile_stop(lua_State *L);

/* True once after Ctrl-C was pressed while no neap_host_call was under way. */
bool neap_host_take_press(void);
bool neap_host_press_waits(void); /* the same, without taking it */

/* Write question to the terminal and read its answer, up to room bytes, until one ends in its
 * device attributes, ESC [ ? ... c, or patience milliseconds are over. Without echo; keys that are
 * typed meanwhile are in the answer. Returns how many bytes came. */
size_t neap_host_ask(const char *question, int patience, char *answer, size_t room);

/* Message handler: turns any error object into an explanation, a table with the fields
 *   message    text of the error
 *   traceback  lines of the user's frames, innermost first, "" when they add nothing
 *   source, line  where the innermost of them stands, in Lua's notation; nil when unknown
 *   called     name of the function that this line called, when the error came from inside it
 *   exit       exit code that the error asks for (metafield __exit of its object), else nil */
int neap_host_explain(lua_State *L);

/* Where Lua code stands, innermost frame outside lualib from level on: pushes "file:line" and
 * returns true, or returns false. */
bool neap_host_where(lua_State *L, int level);

/* Print the explanation on top as the command does: "neap: message" and the traceback. */
void neap_host_print_explanation(lua_State *L);

/* Functions of neap.c.host over wire.h. */
extern const luaL_Reg neap_host_wire_functions[];

/* Run the command line; returns the exit code. */
int neap_host_command(lua_State *L, int argc, char **argv);

#endif
