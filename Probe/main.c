/* PID 1 starts an ordinary process, waits for it, powers off. The process finds what it can do, waits for the request and
   performs it. */
#include "probe.h"

/* Limen overwrites this at limen_ready. */
volatile struct request limen_request = {EVERYTHING, EVERYTHING};
struct request current;
volatile struct state limen_after;

static u32 perform(enum crossing crossing, enum posture posture) {
  static const struct interval_timer stopped;
  current = (struct request){crossing, posture};
  limen_result = system_call(SYS_getpid);
  prepare(crossing, posture);
  limen_launch();
  limen_after.fs_base = read_base(0);
  limen_after.gs_base = read_base(1);
  if (crossing == crossing_irq || crossing == crossing_nmi || posture == posture_alarm_due)
    system_call(SYS_setitimer, ITIMER_REAL, &stopped, 0);
  limen_done();
  u32 differences = judge(crossing, posture);
  print_flush();
  return differences;
}

/* A child for every pair, so that one that dies is reported and the next starts clean. */
static int perform_in_child(enum crossing crossing, enum posture posture) {
  long child = system_call(SYS_fork);
  if (child == 0) system_call(SYS_exit, perform(crossing, posture) != 0);
  u32 status = 0;
  if (child < 0 || system_call(SYS_wait4, child, &status, WAIT_ALL, 0) != child) status = 0xff00;
  if (status == 0 || status == 0x100) return status == 0;
  print(limen_crossing_names[crossing]);
  print("/");
  print(limen_posture_names[posture]);
  if (status & 0x7f) {
    print(" killed by ");
    print_signal(status & 0x7f);
  } else {
    print(" gave up, status ");
    print_decimal(status);
  }
  print("\n");
  print_flush();
  return 0;
}

static void print_ability(const char *name, int present) {
  print(present ? " +" : " -");
  print(name);
}

static void perform_everything(void) {
  u64 sound = 0, performed = 0;
  print("limen-probe ");
  print(abilities.vendor);
  print_ability("fsgsbase", abilities.fsgsbase);
  print_ability("vdso32", abilities.vdso32);
  print_ability("ldt", abilities.ldt);
  print_ability("ldt16", abilities.ldt16);
  print_ability("code-top", abilities.code_top);
  print("\n");
  print_flush();
  for (u32 c = 0; c < crossing_count; c++)
    for (u32 p = 0; p < posture_count; p++)
      if (limen_applicable[c][p]) performed++, sound += perform_in_child(c, p);
  print("limen-probe done: ");
  print_decimal(sound);
  print(" of ");
  print_decimal(performed);
  print(" ok\n");
  print_flush();
}

static void probe(const u64 *kernel_stack) {
  find_abilities(kernel_stack);
  prepare_process();
  struct request request = limen_ready();
  if (request.crossing < crossing_count && request.posture < posture_count)
    perform(request.crossing, request.posture);
  else
    perform_everything();
}

/* Not in PID 1 itself: Linux treats init unlike any other program, and reports each of its exceptions on the console
   even when it handles them (unhandled_signal, kernel/signal.c). */
void probe_main(const u64 *kernel_stack) {
  long child = system_call(SYS_fork);
  if (child == 0) {
    probe(kernel_stack);
    system_call(SYS_exit, 0);
  }
  if (child > 0) system_call(SYS_wait4, child, (u32 *)0, WAIT_ALL, 0);
  system_call(SYS_reboot, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF, 0);
  for (;;) system_call(SYS_pause);
}

/* The compiler may call these for copies and clears of structures. */
void *memcpy(void *to, const void *from, u64 count) {
  void *end = to;
  __asm__ volatile("rep movsb" : "+D"(end), "+S"(from), "+c"(count) : : "memory");
  return to;
}

void *memset(void *to, int byte, u64 count) {
  void *end = to;
  __asm__ volatile("rep stosb" : "+D"(end), "+c"(count) : "a"(byte) : "memory");
  return to;
}
