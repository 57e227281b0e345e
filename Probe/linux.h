/* The part of the Linux x86-64 user ABI that the probe uses: numbers and layouts as documented in the
   system call manual pages (syscall(2), sigaction(2), sigreturn(2), arch_prctl(2), modify_ldt(2), reboot(2)). */
#ifndef PROBE_LINUX_H
#define PROBE_LINUX_H
#include "state.h"

enum { /* 64-bit system calls */
  SYS_write = 1, SYS_mmap = 9, SYS_munmap = 11, SYS_rt_sigaction = 13, SYS_rt_sigprocmask = 14, SYS_rt_sigreturn = 15,
  SYS_pause = 34, SYS_setitimer = 38, SYS_getpid = 39, SYS_fork = 57, SYS_exit = 60, SYS_wait4 = 61,
  SYS_kill = 62, SYS_sigaltstack = 131, SYS_modify_ldt = 154, SYS_arch_prctl = 158, SYS_reboot = 169,
};
enum { SYS32_getpid = 20 }; /* the i386 number, for INT 0x80, SYSENTER and 32-bit SYSCALL */

enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGKILL = 9, SIGSEGV = 11, SIGALRM = 14 };
enum { EFAULT = 14 };
enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_PRIVATE = 2, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20 };
enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS, ARCH_MAP_VDSO_32 = 0x2002 };
enum { AT_HWCAP2 = 26, AT_SYSINFO_EHDR = 33, HWCAP2_FSGSBASE = 2 };
enum { ITIMER_REAL = 0, WAIT_ALL = 0x40000000 };

#define SA_SIGINFO 0x00000004UL
#define SA_RESTORER 0x04000000UL
#define SA_ONSTACK 0x08000000UL
#define SA_NODEFER 0x40000000UL

#define REBOOT_MAGIC1 0xfee1dead
#define REBOOT_MAGIC2 672274793
#define REBOOT_POWER_OFF 0x4321fedc

/* RFLAGS (Intel SDM vol. 1, "EFLAGS Register"). */
#define FLAG_FIXED 0x2UL
#define FLAG_ARITHMETIC 0x8d5UL
#define FLAG_TF 0x100UL
#define FLAG_IF 0x200UL
#define FLAG_DF 0x400UL
#define FLAG_IOPL 0x3000UL
#define FLAG_NT 0x4000UL
#define FLAG_RF 0x10000UL
#define FLAG_AC 0x40000UL

struct kernel_sigaction {
  void *handler;
  u64 flags;
  void *restorer;
  u64 mask;
};
struct stack {
  void *base;
  u64 flags, size;
};
struct sigcontext {
  u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
  u16 cs, gs, fs, ss;
  u64 error, trapno, oldmask, cr2, fpstate, reserved[8];
};
struct ucontext {
  u64 flags;
  struct ucontext *link;
  struct stack stack;
  struct sigcontext machine;
  u64 mask;
};
/* RT_SIGRETURN restores SS as given, and does not repair it. */
#define UC_SIGCONTEXT_SS 2UL
#define UC_STRICT_RESTORE_SS 4UL

/* What RT_SIGRETURN takes from the frame; the other flags keep the values of the caller. */
#define SIGRETURN_FLAGS (FLAG_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_RF | FLAG_AC)

struct user_desc {
  u32 entry, base, limit, bits;
};
enum { DESC_CODE = 2 << 1, DESC_32BIT = 1, DESC_PAGES = 1 << 4, DESC_NOT_PRESENT = 1 << 5, DESC_USEABLE = 1 << 6 };

struct interval_timer {
  u64 interval_seconds, interval_microseconds, seconds, microseconds;
};

long system_call(long number, ...);
#endif
