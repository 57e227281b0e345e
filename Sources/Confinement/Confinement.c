// landlock(7); setrlimit(2); Linux, Documentation/userspace-api/landlock.rst.
#define _GNU_SOURCE
#include "Confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The C library declares none of this. The numbers are the same on every architecture.
enum { create_ruleset = 444, add_rule = 445, restrict_self = 446 };
enum { version_flag = 1, path_beneath = 1 };
enum {
  fs_execute = 1 << 0,
  fs_write_file = 1 << 1,
  fs_read_file = 1 << 2,
  fs_read_dir = 1 << 3,
  // To remove, to make and to link, bits 4 to 12; to truncate, bit 14, from version 3 on.
  fs_version_1 = (1 << 13) - 1,
  fs_truncate = 1 << 14,
};

struct ruleset_attributes {
  uint64_t handled;
};

struct beneath_attributes {
  uint64_t allowed;
  int32_t parent;
} __attribute__((packed));

static long version(void) { return syscall(create_ruleset, NULL, (size_t)0, version_flag); }

int confinement_is_possible(void) { return version() >= 1; }

static int allow(int ruleset, const char *path, uint64_t of_folder, uint64_t of_file) {
  int place = open(path, O_PATH | O_CLOEXEC);
  if (place < 0) return 0;
  struct stat status;
  int result = fstat(place, &status);
  struct beneath_attributes rule = {S_ISDIR(status.st_mode) ? of_folder : of_file, place};
  if (result == 0) result = syscall(add_rule, ruleset, path_beneath, &rule, 0u);
  close(place);
  return result;
}

// A descriptor; -1 where the kernel has no such thing, or the rules cannot be made.
static int make_ruleset(const struct confinement *bounds) {
  long abi = version();
  if (abi < 1) return -1;
  uint64_t all = fs_version_1 | (abi >= 3 ? fs_truncate : 0);
  uint64_t read = fs_execute | fs_read_file;
  struct ruleset_attributes attributes = {all};
  int ruleset = syscall(create_ruleset, &attributes, sizeof attributes, 0u);
  if (ruleset < 0) return -1;
  int result = allow(ruleset, bounds->folder, all, 0);
  if (result == 0) result = allow(ruleset, "/dev/null", 0, fs_read_file | fs_write_file);
  for (const char *const *path = bounds->readable; result == 0 && *path; path++)
    result = allow(ruleset, *path, read | fs_read_dir, read);
  if (result == 0) return ruleset;
  close(ruleset);
  return -1;
}

static int limit(int resource, uint64_t value) {
  struct rlimit bound = {value, value};
  struct rlimit own;
  // Whoever started Limen may have set a narrower one.
  if (getrlimit(resource, &own) == 0 && own.rlim_max < value) bound.rlim_cur = bound.rlim_max = own.rlim_max;
  return setrlimit(resource, &bound);
}

static void fail(const char *what) {
  (void)!write(2, what, strlen(what));
  _exit(127);
}

pid_t confinement_start(
    const char *tool, const char *const *arguments, const char *const *environment, int said, const struct confinement *bounds) {
  int possible = confinement_is_possible();
  int ruleset = make_ruleset(bounds);
  if (possible && ruleset < 0) return -EPERM;
  pid_t child = fork();
  if (child != 0) {
    int error = errno;
    if (child > 0) setpgid(child, child);
    if (ruleset >= 0) close(ruleset);
    return child > 0 ? child : -error;
  }
  setpgid(0, 0);
  int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(said, 1) < 0 || dup2(said, 2) < 0) _exit(127);
  struct sigaction standard = {.sa_handler = SIG_DFL};
  sigaction(SIGXFSZ, &standard, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (limit(RLIMIT_AS, bounds->memory) || limit(RLIMIT_FSIZE, bounds->file_size) || limit(RLIMIT_CPU, bounds->seconds)
      || limit(RLIMIT_CORE, 0))
    fail("its bounds cannot be set\n");
  if (chdir(bounds->folder) != 0) fail("its folder cannot be entered\n");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("its privileges cannot be given up\n");
  if (ruleset >= 0 && syscall(restrict_self, ruleset, 0u) != 0) fail("its view of the files cannot be restricted\n");
  execve(tool, (char *const *)arguments, (char *const *)environment);
  fail(strerror(errno));
  _exit(127);
}
