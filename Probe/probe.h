/* What the probe's files share. The global names that start with limen_ are the protocol with Limen: see README.md. */
#ifndef PROBE_H
#define PROBE_H
#include "crossings.h"
#include "linux.h"

struct request {
  u32 crossing, posture;
};
#define EVERYTHING 0xffffffffU

/* What this processor and this kernel let a process do; found before limen_ready. */
struct abilities {
  char vendor[13];
  u8 fsgsbase, vdso32, ldt, ldt16, sysenter, syscall32, code_top;
};
extern struct abilities abilities;
extern u64 limen_result;                  /* what getpid() returns */

/* How a crossing was answered: by a return, or by a signal whose frame is in limen_frame. */
struct answer {
  u32 signal;  /* 0 when no signal came */
  u32 signals; /* how many answered; more than one is a defect */
  u32 stepped; /* single-step traps, other than the one a #DB crossing asks for */
};
extern volatile struct answer limen_answer;
extern struct state limen_before;          /* loaded at the crossing */
extern volatile struct state limen_after;  /* captured when the crossing was over */
extern volatile struct state limen_frame;  /* what the signal frame said */
extern struct state limen_returned;        /* what the frame of RT_SIGRETURN asks for */
extern u64 limen_rsp;                      /* RSP in the posture rsp-chosen */
extern u8 limen_applicable[crossing_count][posture_count];
extern const char *const limen_crossing_names[crossing_count + 1];
extern const char *const limen_posture_names[posture_count + 1];

/* 32-bit code needs its stack below 4 GiB; everything in the image is. */
extern u64 user_stack[];
enum { USER_STACK_WORDS = 512 };

enum { LDT_DATA, LDT_DATA_ABSENT, LDT_CODE_ABSENT, LDT_DATA_16BIT };
#define LDT_SELECTOR(entry) ((entry) << 3 | 7)
#define VDSO32_BASE 0x20000000UL
#define VDSO32_END 0x20100000UL
#define ADDRESS_UNMAPPED 0x600000200000UL
#define ADDRESS_NONCANONICAL 0x0000800000000000UL
#define ADDRESS_KERNEL_TEXT 0xffffffff81000000UL
#define ADDRESS_KERNEL_DIRECT 0xffff888000100000UL

/* crossings.S */
extern char limen_continue[], limen_crossed_sigreturn[], limen_crossed_sigreturn32[], limen_unreturned_sigreturn[];
struct request limen_ready(void);
void limen_done(void);
void limen_launch(void);

/* setup.c: once, before limen_ready */
void find_abilities(const u64 *kernel_stack);
void prepare_process(void);

/* postures.c: before one crossing */
void prepare(enum crossing crossing, enum posture posture);
u64 read_base(int gs);

/* judge.c: after one crossing */
u32 judge(enum crossing crossing, enum posture posture);

/* print.c */
void print(const char *text);
void print_hex(u64 value);
void print_decimal(u64 value);
void print_signal(u32 signal);
void print_flush(void);

static inline int is_compat(enum crossing c) { return c == crossing_syscall32 || c == crossing_sysenter; }
static inline int is_rsp_posture(enum posture p) { return p >= posture_rsp_zero && p <= posture_rsp_chosen; }
#endif
