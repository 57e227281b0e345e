#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <sys/mman.h>

/* A file that lies in memory alone, or -1: memfd_create(2). */
static inline int memory_file(void) { return memfd_create("limen", MFD_CLOEXEC); }
