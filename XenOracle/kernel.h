// The kernel's assembly as Swift sees it, and what only C can say: the SYSCALL of a hypercall (xen/include/public/arch-x86/xen-x86_64.h,
// "Hypercall interface") and raw memory.
#pragma once
#include "layout.h"

typedef unsigned long word;
typedef unsigned char byte;
#define SHARED __attribute__((swift_attr("nonisolated(unsafe)")))

// One arrival in the kernel: what the handler found before it did anything.
struct arrival {
  word rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
  word rflags, kind, cr2;
  word frame[FRAME_WORDS];
  unsigned short cs, ss, ds, es, fs, gs;
  byte mask, pending;
};
_Static_assert(sizeof(struct arrival) == A_SIZE, "layout.h");
_Static_assert(__builtin_offsetof(struct arrival, frame) == A_FRAME, "layout.h");
_Static_assert(__builtin_offsetof(struct arrival, pending) == A_PENDING, "layout.h");

// struct iret_context.
struct iret_context {
  word rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
};

// How a case begins: its registers, and the iret that enters it.
struct beginning {
  word unused_rax, unused_rcx, rdx, rbx, unused_rsp, rbp, rsi, rdi, r8, r9, r10, unused_r11, r12, r13, r14, r15;
  struct iret_context iret;
};
_Static_assert(__builtin_offsetof(struct beginning, iret) == C_IRET, "layout.h");

extern word start_info SHARED, vcpu_info SHARED;
extern word resume_flags_set SHARED, resume_flags_kept SHARED;
extern struct beginning case_start SHARED;
extern word arrivals_left SHARED;
extern struct arrival arrivals[ARRIVALS] SHARED, *arrival_next SHARED;
void run_case(void);

// Addresses of things that assembly and the linker define, with 64 bits as the user window lies far from the rest.
#define PLACE(name) \
  static inline word name##_address(void) { word place; __asm__("movabsq $" #name ", %0" : "=r"(place)); return place; }
PLACE(stubs)
PLACE(start_registers)
PLACE(image_end)
PLACE(after_enter)
PLACE(user_image)
PLACE(user_size)
PLACE(arrivals)

static inline long hypercall(word number, word a, word b, word c, word d, word e) {
  long result;
  register word r10 __asm__("r10") = d;
  register word r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8) : "0"(number)
                   : "rcx", "r11", "r9", "memory");
  return result;
}

static inline void clear_x87(void) { __asm__ volatile("fninit"); }
static inline word load(word address) { return *(volatile word *)address; }
static inline void store(word address, word value) { *(volatile word *)address = value; }
static inline byte load_byte(word address) { return *(volatile byte *)address; }
static inline void store_byte(word address, byte value) { *(volatile byte *)address = value; }

// The pieces of code that cases run: the SNIPPETs of Observations/*.S, listed by the build.
#define SNIPPET(name) \
  static inline word code_##name(void) { word place; __asm__("movabsq $code_" #name ", %0" : "=r"(place)); return place; }
#include "snippets.h"

PLACE(user_l4)
PLACE(user_l3)
PLACE(user_l2)
PLACE(user_l1)
PLACE(shared_page)
PLACE(user_stack)
PLACE(window_pages)
PLACE(spare_pages)
PLACE(kernel_stack)
PLACE(case_stack_pages)
PLACE(scratch)
PLACE(line_buffer)
