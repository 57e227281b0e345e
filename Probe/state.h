/* The user state that the probe loads before a crossing and captures after it; shared by C and assembly.
   The five words from RIP to SS are, in this order, the frame that IRETQ pops
   (Intel SDM vol. 2, "IRET/IRETD/IRETQ -- Interrupt Return"). */
#ifndef PROBE_STATE_H
#define PROBE_STATE_H

#define STATE_RAX 0
#define STATE_RBX 8
#define STATE_RCX 16
#define STATE_RDX 24
#define STATE_RSI 32
#define STATE_RDI 40
#define STATE_RBP 48
#define STATE_R8 56
#define STATE_R9 64
#define STATE_R10 72
#define STATE_R11 80
#define STATE_R12 88
#define STATE_R13 96
#define STATE_R14 104
#define STATE_R15 112
#define STATE_RIP 120
#define STATE_CS 128
#define STATE_RFLAGS 136
#define STATE_RSP 144
#define STATE_SS 152
#define STATE_DS 160
#define STATE_ES 168
#define STATE_FS 176
#define STATE_GS 184
#define STATE_FS_BASE 192
#define STATE_GS_BASE 200
#define STATE_WORDS 26

/* Selectors that Linux gives a 64-bit process. */
#define USER32_CS 0x23
#define USER_DS 0x2b
#define USER_CS 0x33

/* The last page that Linux lets a process map below 2^47, and the first address behind it. */
#define TOP_PAGE 0x7fffffffe000
#define TOP_END 0x7ffffffff000

#ifndef __ASSEMBLER__
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

struct state {
  u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
  u64 rip, cs, rflags, rsp, ss;
  u64 ds, es, fs, gs, fs_base, gs_base;
};
_Static_assert(sizeof(struct state) == 8 * STATE_WORDS, "one word per field");
_Static_assert(__builtin_offsetof(struct state, rip) == STATE_RIP, "the IRETQ frame starts at RIP");
_Static_assert(__builtin_offsetof(struct state, gs_base) == STATE_GS_BASE, "GS base is last");
#endif
#endif
