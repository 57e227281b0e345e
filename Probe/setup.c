/* What the probe finds out and puts in place once, before limen_ready. */
#include "probe.h"

struct abilities abilities;
u64 limen_result;
static u64 vdso64;
static u8 signal_stack[65536] __attribute__((aligned(4096)));

static void cpuid(u32 leaf, u32 *a, u32 *b, u32 *c, u32 *d) {
  *c = 0;
  __asm__("cpuid" : "=a"(*a), "=b"(*b), "+c"(*c), "=d"(*d) : "0"(leaf));
}

static int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

void find_abilities(const u64 *kernel_stack) {
  u32 a, words[3];
  cpuid(0, &a, &words[0], &words[2], &words[1]);
  for (int i = 0; i < 12; i++) abilities.vendor[i] = words[i / 4] >> i % 4 * 8;

  /* argc, argv..., 0, environment..., 0, auxiliary vector: pairs ended by type 0. */
  const u64 *word = kernel_stack + 1 + kernel_stack[0] + 1;
  while (*word++) {}
  for (; word[0]; word += 2) {
    if (word[0] == AT_HWCAP2) abilities.fsgsbase = (word[1] & HWCAP2_FSGSBASE) != 0;
    if (word[0] == AT_SYSINFO_EHDR) vdso64 = word[1];
  }
}

static void handle(u32 signal, void *entry) {
  extern char limen_restorer[];
  struct kernel_sigaction action = {entry, SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_NODEFER, limen_restorer, 0};
  system_call(SYS_rt_sigaction, signal, &action, 0, 8);
}

/* SYSENTER and 32-bit SYSCALL return into the 32-bit vDSO. A 64-bit process may have it in place of its own
   (arch_prctl(2), ARCH_MAP_VDSO_32), once vDSO and vvar pages are gone; the probe needs neither, nor the stack beside
   them. */
static int map_vdso32(void) {
  if (vdso64) {
    u64 start = vdso64 - 0x10000, end = vdso64 + 0x10000;
    if (end > TOP_END) end = TOP_END;
    system_call(SYS_munmap, start, end - start);
  }
  return system_call(SYS_arch_prctl, ARCH_MAP_VDSO_32, VDSO32_BASE) >= 0;
}

static int write_descriptor(u32 entry, u32 bits) {
  struct user_desc descriptor = {entry, 0, 0xfffff, bits | DESC_PAGES | DESC_USEABLE};
  return system_call(SYS_modify_ldt, 0x11, &descriptor, sizeof descriptor) == 0;
}

/* After a fork every page is shared until it is written, and a page of zeros is not there before. Written once, each is
   this process's own, so that no crossing pays for the fork. */
static void own_pages(void) {
  extern volatile u8 limen_data[], end[];
  for (volatile u8 *p = limen_data; p < end; p += 4096) *p = *p;
  end[-1] = end[-1];
}

void prepare_process(void) {
  extern char limen_crossed_ud[], limen_crossed_bp[], limen_crossed_de[], limen_crossed_gp[];
  extern char limen_signalled_bus[], limen_signalled_alarm[];
  limen_result = system_call(SYS_getpid);
  own_pages();

  struct stack stack = {signal_stack, 0, sizeof signal_stack};
  system_call(SYS_sigaltstack, &stack, 0);
  handle(SIGILL, limen_crossed_ud);
  handle(SIGTRAP, limen_crossed_bp);
  handle(SIGFPE, limen_crossed_de);
  handle(SIGSEGV, limen_crossed_gp);
  handle(SIGBUS, limen_signalled_bus);
  handle(SIGALRM, limen_signalled_alarm);
  /* The kernel's first signal makes room for all that follow: that is no part of a crossing either. */
  system_call(SYS_kill, limen_result, SIGALRM);

  int intel = same(abilities.vendor, "GenuineIntel"), amd = same(abilities.vendor, "AuthenticAMD");
  abilities.vdso32 = map_vdso32();
  abilities.sysenter = abilities.vdso32 && intel;
  abilities.syscall32 = abilities.vdso32 && amd;

  abilities.ldt = write_descriptor(LDT_DATA, DESC_32BIT) &&
                  write_descriptor(LDT_DATA_ABSENT, DESC_32BIT | DESC_NOT_PRESENT) &&
                  write_descriptor(LDT_CODE_ABSENT, DESC_32BIT | DESC_CODE | DESC_NOT_PRESENT);
  abilities.ldt16 = abilities.ldt && write_descriptor(LDT_DATA_16BIT, 0);

  abilities.code_top = system_call(SYS_mmap, TOP_PAGE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                   MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0) == TOP_PAGE;

  for (int c = 0; c < crossing_count; c++)
    for (int p = 0; p < posture_count; p++) {
      int can = limen_applicable[c][p];
      if (c == crossing_sysenter) can &= abilities.sysenter;
      if (c == crossing_syscall32) can &= abilities.syscall32;
      if (p == posture_gs_kernel || p == posture_fs_kernel) can &= abilities.fsgsbase;
      if (p == posture_code_top) can &= abilities.code_top;
      if (p == posture_return_ss_absent || p == posture_return_cs_absent || p == posture_return_ss_ldt)
        can &= abilities.ldt;
      if (p == posture_return_ss_16bit || p == posture_return_cs_32_ss_16bit) can &= abilities.ldt16;
      limen_applicable[c][p] = can;
    }
}
