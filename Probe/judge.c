/* Compares what came back with what the documented ABI promises, and prints one line. */
#include "probe.h"

static u32 differences;

static const char *const field_names[] = {
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "rip", "cs", "rflags", "rsp", "ss", "ds", "es", "fs", "gs", "fs_base", "gs_base",
};
_Static_assert(sizeof field_names / sizeof *field_names == STATE_WORDS, "one name per field");

static void differ(const char *what) {
  print(differences++ ? "; " : " DIFFERS: ");
  print(what);
}

static void compare(const char *where, const struct state *got, const struct state *want, int words) {
  const u64 *g = (const u64 *)got, *w = (const u64 *)want;
  for (int i = 0; i < words; i++) {
    if (g[i] == w[i]) continue;
    differ(where);
    print(field_names[i]);
    print("=");
    print_hex(g[i]);
    print(" want ");
    print_hex(w[i]);
  }
}

static void expect_number(const char *what, u64 got, u64 want) {
  if (got == want) return;
  differ(what);
  print_hex(got);
  print(" want ");
  print_hex(want);
}

/* The signal that answers the crossing, or 0. */
static u32 expected_signal(enum crossing c, enum posture p) {
  switch (c) {
    case crossing_ud: return SIGILL;
    case crossing_bp: case crossing_db: return SIGTRAP;
    case crossing_de: return SIGFPE;
    case crossing_gp: case crossing_pf: return SIGSEGV;
    case crossing_irq: case crossing_nmi: return SIGALRM;
    case crossing_syscall64: case crossing_int80: return p == posture_code_top ? SIGSEGV : 0;
    case crossing_syscall32: case crossing_sysenter: return is_rsp_posture(p) ? SIGSEGV : 0;
    case crossing_sigreturn:
      if (is_rsp_posture(p)) return SIGSEGV;
      switch (p) {
        case posture_return_rip_noncanonical: case posture_return_sysret_noncanonical: case posture_return_rip_kernel: case posture_return_rip_unmapped:
        case posture_return_cs_null: case posture_return_cs_kernel:
        case posture_return_ss_null: case posture_return_sysret_ss_null: case posture_return_ss_bad: case posture_return_ss_kernel: return SIGSEGV;
        /* IRET's #NP and #SS, bus errors in Linux. Where 16-bit segments are allowed, an IRET to any LDT SS runs on the
           read-only "espfix" stack, the fault becomes a #DF, and Linux reports that as a #GP of the user's. */
        case posture_return_cs_absent: return SIGBUS;
        case posture_return_ss_absent: return abilities.ldt16 ? SIGSEGV : SIGBUS;
        default: return 0;
      }
    default: return 0;
  }
}

/* TF set on return to user mode lets one more instruction run. A crossing that a signal answers has its TF cleared. */
static u32 expected_steps(enum crossing c, enum posture p) {
  int tf = p == posture_flags_tf || p == posture_flags_all;
  switch (c) {
    case crossing_sigreturn:
      return p == posture_return_flags_tf || p == posture_return_flags_all || p == posture_return_sysret_tf;
    case crossing_ud: case crossing_bp: case crossing_de: case crossing_gp: case crossing_pf: case crossing_db:
      return 0;
    default: return tf;
  }
}

/* The state at the first user instruction after the crossing. */
/* SYSCALL's RCX and R11. Where events are delivered by FRED (Documentation/FRED.md) neither changes. */
static void expect_call_registers(struct state *want, const struct state *got) {
  if (got->rcx == limen_before.rcx && got->r11 == limen_before.r11) return;
  want->rcx = want->rip;
  want->r11 = want->rflags;
}

static struct state expected_state(enum crossing c, enum posture p, u32 signal, const struct state *got) {
  struct state want = limen_before;
  switch (c) {
    case crossing_syscall64: /* Intel SDM vol. 2, "SYSCALL": RCX is the next RIP, R11 is RFLAGS. */
      want.rax = limen_result;
      want.rip += 2;
      expect_call_registers(&want, got);
      break;
    case crossing_int80:
      want.rax = limen_result;
      want.rip += 2;
      break;
    case crossing_syscall32:
    case crossing_sysenter:
      /* R8 to R15 do not exist for 32-bit code: they may be kept or cleared, but show nothing that the user did not
         have. R11 holds the flags for SYSCALL and SYSRET, and Linux keeps the ESP of a 32-bit SYSCALL in R8 on its way
         in. */
      for (const u64 *g = &got->r8, *end = &got->r15; g <= end; g++)
        if (*g == 0) (&want.r8)[g - &got->r8] = 0;
      if (got->r11 == got->rflags || got->r11 == limen_before.rflags) want.r11 = got->r11;
      if (c == crossing_syscall32 && got->r8 == (u32)limen_before.rsp) want.r8 = got->r8;
      /* SYSENTER saves no flags: the arithmetic ones are those of the kernel's first instructions. */
      if (c == crossing_sysenter)
        want.rflags = (want.rflags & ~FLAG_ARITHMETIC) | (got->rflags & FLAG_ARITHMETIC);
      if (signal) { /* an unreadable stack: -EFAULT, and the vDSO's first pop faults */
        want.rax = (u32)got->rax == (u32)-EFAULT ? got->rax : (u32)-EFAULT;
        want.rip = got->rip >= VDSO32_BASE && got->rip < VDSO32_END ? got->rip : VDSO32_BASE;
        want.rsp = (u32)limen_before.rsp;
        want.rcx = got->rcx, want.rdx = got->rdx, want.rbp = got->rbp; /* the pops would have restored these */
      } else if (!is_rsp_posture(p)) {
        const u32 *stack = (const u32 *)limen_before.rsp;
        want.rax = limen_result;
        want.rbp = stack[0], want.rdx = stack[1], want.rcx = stack[2];
        want.rsp += 16;
      }
      break;
    case crossing_bp: case crossing_db: want.rip += 1; break;
    case crossing_sigreturn:
      if (is_rsp_posture(p)) { /* no frame to read: the caller's own state, and the system call returns 0 */
        want.rax = 0;
        want.rip = (u64)limen_unreturned_sigreturn;
        expect_call_registers(&want, got);
        break;
      }
      want = limen_returned;
      want.rflags = (limen_before.rflags & ~SIGRETURN_FLAGS) | (limen_returned.rflags & SIGRETURN_FLAGS);
      want.rflags &= ~FLAG_RF; /* PUSHF stores it as clear */
      want.fs_base = limen_before.fs_base;
      want.gs_base = limen_before.gs_base;
      /* A 16-bit stack segment gives the user SP only; Linux takes care of bits 31 to 16 as well ("espfix64"). */
      if (p == posture_return_cs_32_ss_16bit || p == posture_return_ss_16bit)
        want.rsp = (got->rsp & ~0xffffffffUL) | (u32)want.rsp;
      break;
    default: break;
  }
  return want;
}

/* Prints `crossing/posture ok` or what differs; returns the number of differences. */
u32 judge(enum crossing c, enum posture p) {
  differences = 0;
  print(limen_crossing_names[c]);
  print("/");
  print(limen_posture_names[p]);

  u32 signal = limen_answer.signal;
  struct state after = limen_after, frame = limen_frame, want;
  expect_number("signal ", signal, expected_signal(c, p));
  expect_number("signals ", limen_answer.signals, signal != 0);
  expect_number("single steps ", limen_answer.stepped, expected_steps(c, p));

  if (signal) {
    frame.rflags &= ~FLAG_RF; /* a fault's frame holds RF so that its instruction may be tried again */
    want = expected_state(c, p, signal, &frame);
    if (limen_answer.stepped) want.rflags &= ~FLAG_TF;
    compare("frame ", &frame, &want, STATE_DS / 8);
    /* What the handler's return kept of it. */
    want.cs = USER_CS;
    want.ss = USER_DS;
    want.rflags &= ~FLAG_TF;
  } else {
    want = expected_state(c, p, signal, &after);
    want.cs = USER_CS; /* limen_continue is 64-bit code */
    want.rflags &= ~FLAG_TF;
  }
  want.rip = after.rip = 0;
  compare("", &after, &want, STATE_WORDS);

  if (!differences) print(" ok");
  if (signal) {
    print(differences ? "; " : ", ");
    print_signal(signal);
  }
  if (!differences && limen_answer.stepped) print(", single step");
  print("\n");
  return differences;
}
