// Starts a program in a restricted view of the files, within bounds, and as a process group of its own.
//
// The view is made by Landlock (landlock(7)), by which a process that has no privileges gives up rights of its own and of whatever
// it starts. In C because between fork(2) and execve(2) only what is async-signal-safe may be called.
#ifndef CONFINEMENT_H
#define CONFINEMENT_H

#include <stdint.h>
#include <sys/types.h>

struct confinement {
  // Ended by NULL: files, and folders with everything below them, that may be read and executed. What does not exist is left out.
  const char *const *readable;
  // The one folder in which files may be made, and where the program starts.
  const char *folder;
  // Bytes of address space and of a file, seconds of processor time.
  uint64_t memory, file_size, seconds;
};

// Whether this host's kernel can restrict the view.
int confinement_is_possible(void);

// Starts `tool` with standard input empty, standard output and error on `said`. The process' number, which is its group's too; or
// the negated error number. Where the view cannot be restricted only the bounds hold.
pid_t confinement_start(
    const char *tool, const char *const *arguments, const char *const *environment, int said, const struct confinement *bounds);

#endif
