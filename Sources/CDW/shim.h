/* No feature macro is defined here: what the system's headers declare must be what the other libraries' modules see of them. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A file that lies in memory alone and is closed at execve, or -1: memfd_create(2) with MFD_CLOEXEC, which is 1. */
static inline int memory_file(void) { return (int)syscall(SYS_memfd_create, "limen", 1U); }
