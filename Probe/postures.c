/* One crossing's user state, chosen by its posture. */
#include "probe.h"

#define CROSSING(label) #label,
const char *const limen_crossing_names[crossing_count + 1] = {CROSSINGS(CROSSING) 0};
#undef CROSSING
#define POSTURE(label, name) name,
const char *const limen_posture_names[posture_count + 1] = {POSTURES(POSTURE) 0};
#undef POSTURE

/* The pairs that make sense; those that this processor or kernel cannot do are cleared before limen_ready. */
#define EACH [posture_normal ... posture_fs_kernel] = 1
u8 limen_applicable[crossing_count][posture_count] = {
    [crossing_syscall64] = {EACH, [posture_alarm_due] = 1, [posture_code_top] = 1},
    [crossing_int80] = {EACH, [posture_alarm_due] = 1, [posture_code_top] = 1},
    [crossing_syscall32] = {EACH, [posture_alarm_due] = 1},
    [crossing_sysenter] = {EACH, [posture_alarm_due] = 1},
    [crossing_ud] = {EACH, [posture_code_top] = 1},
    [crossing_bp] = {EACH, [posture_code_top] = 1},
    [crossing_de] = {EACH},
    [crossing_gp] = {EACH},
    [crossing_pf] = {EACH},
    [crossing_sigreturn] = {EACH, [posture_code_top + 1 ... posture_count - 1] = 1},
    [crossing_irq] = {EACH},
    [crossing_nmi] = {EACH},
    /* TF is the crossing itself. */
    [crossing_db] = {[posture_normal ... posture_rsp_chosen] = 1, [posture_flags_nt ... posture_fs_kernel] = 1},
};

struct state limen_before, limen_returned;
/* Linux maps each CPU's entry area from 0xfffffe0000000000 when it is not randomised; this is near the top of the first
   CPU's NMI stack there. Limen knows the real one and overwrites it. */
u64 limen_rsp = 0xfffffe000000bf00;
u64 user_stack[USER_STACK_WORDS] __attribute__((aligned(16)));

/* What RT_SIGRETURN reads at RSP. */
static struct ucontext return_frame;

static u64 crossing_address(enum crossing crossing) {
#define CROSSING(label) \
  extern char limen_crossing_##label[];
  CROSSINGS(CROSSING)
#undef CROSSING
#define CROSSING(label) (u64) limen_crossing_##label,
  const u64 addresses[] = {CROSSINGS(CROSSING)};
#undef CROSSING
  return addresses[crossing];
}

/* Copies the crossing instruction to the last bytes of the last page. */
static u64 place_at_top(enum crossing crossing) {
  const u8 *from = (const u8 *)crossing_address(crossing);
  int length = crossing == crossing_bp ? 1 : 2;
  u8 *to = (u8 *)TOP_END - length;
  for (int i = 0; i < length; i++) ((volatile u8 *)to)[i] = from[i];
  return (u64)to;
}

u64 read_base(int gs) {
  u64 base = 0;
  if (!abilities.fsgsbase)
    system_call(SYS_arch_prctl, gs ? ARCH_GET_GS : ARCH_GET_FS, &base);
  else if (gs)
    __asm__ volatile("rdgsbase %0" : "=r"(base));
  else
    __asm__ volatile("rdfsbase %0" : "=r"(base));
  return base;
}

static void write_base(int gs, u64 base) {
  if (!abilities.fsgsbase)
    system_call(SYS_arch_prctl, gs ? ARCH_SET_GS : ARCH_SET_FS, base);
  else if (gs)
    __asm__ volatile("wrgsbase %0" : : "r"(base));
  else
    __asm__ volatile("wrfsbase %0" : : "r"(base));
}

/* Every register differs from every other, so that an exchange shows. 32-bit code gets values it can hold. */
static void fill(struct state *s, u64 seed) {
  u64 *word = &s->rax;
  for (u64 i = 0; i < 15; i++) word[i] = seed * 0x0101010101010101 ^ (0x1122334455667788 + i * 0x0f0e0d0c0b0a0901);
  s->rip = 0;
  s->cs = USER_CS;
  s->rflags = FLAG_FIXED | FLAG_IF | 0x91; /* CF, AF, SF */
  s->rsp = (u64)(user_stack + USER_STACK_WORDS - 64);
  s->ss = USER_DS;
}

static u64 odd_rsp(enum posture posture) {
  switch (posture) {
    case posture_rsp_zero: case posture_return_rsp_zero: return 0;
    case posture_rsp_unmapped: return ADDRESS_UNMAPPED;
    case posture_rsp_noncanonical: case posture_return_rsp_noncanonical: return ADDRESS_NONCANONICAL;
    case posture_rsp_kernel_text: case posture_return_rsp_kernel: return ADDRESS_KERNEL_TEXT;
    case posture_rsp_kernel_direct: return ADDRESS_KERNEL_DIRECT;
    default: return limen_rsp;
  }
}

static void apply_before(struct state *s, enum posture posture) {
  if (is_rsp_posture(posture)) s->rsp = odd_rsp(posture);
  switch (posture) {
    case posture_flags_tf: s->rflags |= FLAG_TF; break;
    case posture_flags_nt: s->rflags |= FLAG_NT; break;
    case posture_flags_ac: s->rflags |= FLAG_AC; break;
    case posture_flags_df: s->rflags |= FLAG_DF; break;
    case posture_flags_all: s->rflags |= FLAG_TF | FLAG_NT | FLAG_AC | FLAG_DF; break;
    case posture_gs_user: s->gs_base = (u64)user_stack; break;
    case posture_gs_kernel: s->gs_base = ADDRESS_KERNEL_DIRECT; break;
    case posture_fs_user: s->fs_base = (u64)user_stack; break;
    case posture_fs_kernel: s->fs_base = ADDRESS_KERNEL_DIRECT; break;
    default: break;
  }
}

static void apply_returned(struct state *s, enum posture posture) {
  switch (posture) {
    case posture_return_rip_noncanonical: s->rip = ADDRESS_NONCANONICAL; break;
    case posture_return_rip_kernel: s->rip = ADDRESS_KERNEL_TEXT; break;
    case posture_return_rip_unmapped: s->rip = ADDRESS_UNMAPPED; break;
    case posture_return_rsp_zero: case posture_return_rsp_noncanonical: case posture_return_rsp_kernel:
      s->rsp = odd_rsp(posture);
      break;
    case posture_return_flags_tf: s->rflags |= FLAG_TF; break;
    case posture_return_flags_nt: s->rflags |= FLAG_NT; break;
    case posture_return_flags_ac: s->rflags |= FLAG_AC; break;
    case posture_return_flags_df: s->rflags |= FLAG_DF; break;
    case posture_return_flags_iopl: s->rflags |= FLAG_IOPL; break;
    case posture_return_flags_all: s->rflags |= FLAG_TF | FLAG_NT | FLAG_AC | FLAG_DF | FLAG_IOPL; break;
    case posture_return_cs_null: s->cs = 3; break;
    case posture_return_cs_kernel: s->cs = 0x13; break;
    case posture_return_cs_absent: s->cs = LDT_SELECTOR(LDT_CODE_ABSENT); break;
    case posture_return_ss_null: s->ss = 3; break;
    case posture_return_ss_bad: s->ss = 0xfffb; break;
    case posture_return_ss_kernel: s->ss = 0x1b; break;
    case posture_return_ss_absent: s->ss = LDT_SELECTOR(LDT_DATA_ABSENT); break;
    case posture_return_ss_ldt: s->ss = LDT_SELECTOR(LDT_DATA); break;
    case posture_return_ss_16bit: s->ss = LDT_SELECTOR(LDT_DATA_16BIT); break;
    case posture_return_cs_32_ss_16bit: s->ss = LDT_SELECTOR(LDT_DATA_16BIT); break;
    default: break;
  }
  if (posture == posture_return_cs_32 || posture == posture_return_cs_32_ss_16bit || posture == posture_return_sysret_cs_32) {
    s->cs = USER32_CS;
    s->rip = (u64)limen_crossed_sigreturn32;
  }
  /* What SYSRET could restore as well as IRET, but for one thing. */
  if (posture >= posture_return_sysret) {
    u64 rcx = s->rcx, r11 = s->r11;
    switch (posture) {
      case posture_return_sysret_noncanonical: s->rip = ADDRESS_NONCANONICAL; break;
      case posture_return_sysret_tf: s->rflags |= FLAG_TF; break;
      case posture_return_sysret_rf: s->rflags |= FLAG_RF; break;
      case posture_return_sysret_ss_null: s->ss = 3; break;
      default: break;
    }
    s->rcx = posture == posture_return_sysret_rcx ? rcx : s->rip;
    s->r11 = posture == posture_return_sysret_r11 ? r11 : s->rflags;
  }
}

static void build_return_frame(const struct state *s) {
  return_frame = (struct ucontext){.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS};
  system_call(SYS_sigaltstack, 0, &return_frame.stack);
  struct sigcontext *m = &return_frame.machine;
  m->rax = s->rax, m->rbx = s->rbx, m->rcx = s->rcx, m->rdx = s->rdx, m->rsi = s->rsi, m->rdi = s->rdi;
  m->rbp = s->rbp, m->r8 = s->r8, m->r9 = s->r9, m->r10 = s->r10, m->r11 = s->r11, m->r12 = s->r12;
  m->r13 = s->r13, m->r14 = s->r14, m->r15 = s->r15, m->rsp = s->rsp, m->rip = s->rip, m->rflags = s->rflags;
  m->cs = s->cs, m->ss = s->ss;
}

/* The vDSO's three pops and its return. */
static void build_compat_stack(enum crossing crossing, struct state *s) {
  extern char limen_crossed_syscall32[], limen_crossed_sysenter[];
  u32 *stack = (u32 *)s->rsp;
  stack[0] = s->rbp;
  stack[1] = s->rdx;
  stack[2] = s->rcx;
  stack[3] = (u64)(crossing == crossing_sysenter ? limen_crossed_sysenter : limen_crossed_syscall32);
}

void prepare(enum crossing crossing, enum posture posture) {
  struct state *s = &limen_before;
  fill(s, 0);
  fill(&limen_returned, 0x5a);
  s->rip = crossing_address(crossing);
  switch (crossing) {
    case crossing_syscall64: s->rax = SYS_getpid; break;
    case crossing_int80: s->rax = SYS32_getpid; break;
    case crossing_sysenter:
    case crossing_syscall32:
      for (u64 *word = &s->rax; word <= &s->rbp; word++) *word = (u32)*word;
      s->rax = SYS32_getpid;
      s->cs = USER32_CS;
      build_compat_stack(crossing, s);
      break;
    case crossing_sigreturn:
      s->rax = SYS_rt_sigreturn;
      s->rsp = (u64)&return_frame;
      limen_returned.rip = (u64)limen_crossed_sigreturn;
      apply_returned(&limen_returned, posture);
      build_return_frame(&limen_returned);
      break;
    case crossing_db: s->rflags |= FLAG_TF; break;
    default: break;
  }
  if (posture == posture_code_top) s->rip = place_at_top(crossing);

  apply_before(s, posture);
  if (crossing == crossing_sysenter) s->rbp = (u32)s->rsp;
  if (crossing == crossing_syscall32) s->rbp = (u32)s->rcx;

  if (crossing == crossing_irq || crossing == crossing_nmi) {
    struct interval_timer timer = {0, 4000, 0, 4000};
    system_call(SYS_setitimer, ITIMER_REAL, &timer, 0);
  } else if (posture == posture_alarm_due) {
    struct interval_timer timer = {0, 0, 0, 4000};
    system_call(SYS_setitimer, ITIMER_REAL, &timer, 0);
  }
  write_base(0, s->fs_base);
  write_base(1, s->gs_base);
}
