// The pieces of code that cases run, by the name of their label in Observations/*.S. A new one is listed here.
#define SNIPPET(name) PLACE(name)
SNIPPET(finish)
SNIPPET(do_syscall)
SNIPPET(do_int3)
SNIPPET(do_ud2)
SNIPPET(do_int80)
