/* The common part of the signal handlers, entered from crossings.S on the alternate stack. */
#include "probe.h"

volatile struct answer limen_answer;
volatile struct state limen_frame;
extern struct request current;

static void copy_frame(const struct sigcontext *m) {
  limen_frame = (struct state){
      .rax = m->rax, .rbx = m->rbx, .rcx = m->rcx, .rdx = m->rdx, .rsi = m->rsi, .rdi = m->rdi, .rbp = m->rbp,
      .r8 = m->r8, .r9 = m->r9, .r10 = m->r10, .r11 = m->r11, .r12 = m->r12, .r13 = m->r13, .r14 = m->r14,
      .r15 = m->r15, .rip = m->rip, .cs = m->cs, .rflags = m->rflags, .rsp = m->rsp, .ss = m->ss,
  };
}

/* A single step is counted and stopped. Any other signal answers the crossing: its frame is kept, and the handler
   returns with the user state as it was, odd RSP and all, except that RIP goes to limen_continue and that CS and SS are
   sound. */
void signal_handler(u32 signal, void *what, struct ucontext *context) {
  struct sigcontext *m = &context->machine;
  (void)what;
  if (signal == SIGALRM) {
    int spinning = current.crossing == crossing_irq || current.crossing == crossing_nmi;
    /* Not there yet, or there but not stepped yet: the timer comes again. */
    if (!spinning || m->rip != limen_before.rip || (m->rflags & FLAG_TF)) return;
  }
  if (signal == SIGTRAP && m->trapno == 1 && current.crossing != crossing_db) {
    limen_answer.stepped++;
    m->rflags &= ~FLAG_TF;
    return;
  }
  if (++limen_answer.signals > 4) system_call(SYS_exit, 2);
  if (limen_answer.signals == 1) {
    limen_answer.signal = signal;
    copy_frame(m);
  }
  m->rip = (u64)limen_continue;
  m->cs = USER_CS;
  m->ss = USER_DS;
  m->rflags &= ~FLAG_TF;
}
