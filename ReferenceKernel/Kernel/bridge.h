// The kernel's assembly as Swift sees it, and what only C can say: instructions, raw memory, the layout of what both share.
#pragma once
#include "threshold.h"

typedef unsigned long word;
typedef unsigned int half;
typedef unsigned char byte;
#define SHARED __attribute__((swift_attr("nonisolated(unsafe)")))

struct pt_regs {
  word r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct pt_regs) == PT_SIZE, "threshold.h");
_Static_assert(__builtin_offsetof(struct pt_regs, rip) == PT_RIP, "threshold.h");

// A page of a task: its address with the bits of enum page_kind in the low twelve, and where the kernel sees it.
struct mapping {
  word address, page;
};
#define MAPPINGS 122
#define LDT_ENTRIES 4

// struct kernel_sigaction of rt_sigaction(2).
struct action {
  word handler, flags, restorer, mask;
};

struct task {
  word rsp, work;
  word id, parent, state, status;
  word top_of_stack, kernel_l4, user_l4, fs_base, gs_base;
  word pending, blocked, trap, error, fault_address;
  word signal_stack, signal_stack_flags, signal_stack_size;
  word alarm, alarm_interval;
  struct action actions[32];
  word ldt[LDT_ENTRIES];
  word mapped;
  struct mapping mappings[MAPPINGS];
  byte fpu[512] __attribute__((aligned(16)));
};
_Static_assert(__builtin_offsetof(struct task, work) == TASK_work, "threshold.h");

struct alternative {
  int site, replacement;
  unsigned short feature;
  byte length, replacement_length;
};

#define TASKS 4
extern struct task tasks[TASKS] SHARED;
static inline struct task *task_at(word index) { return &tasks[index]; }
static inline struct action *action_of(struct task *task, word signal) { return &task->actions[signal - 1]; }
static inline struct mapping *mapping_of(struct task *task, word index) { return &task->mappings[index]; }
static inline word *ldt_of(struct task *task) { return task->ldt; }
static inline byte *fpu_of(struct task *task) { return task->fpu; }

// What there is once.
struct kernel {
  word on_xen, start_info, initramfs, initramfs_size;
  word next_page, free_page, last_id, timer_port, clock_rate;
};
extern struct kernel kernel SHARED;

// Addresses of things that assembly and the linker define.
#define PLACE(name) \
  static inline word name##_address(void) { word place; __asm__("movabsq $" #name ", %0" : "=r"(place)); return place; }
PLACE(percpu)
PLACE(boot_l4)
PLACE(boot_l2)
PLACE(entry_end)
PLACE(rodata_end)
PLACE(page_table_isolation)
PLACE(user_ldt)
PLACE(whole_user_half)
PLACE(fsgsbase)
PLACE(frame_padding)
PLACE(fred_stacks)
PLACE(ldt)
PLACE(kernel_stacks)
PLACE(interrupt_stacks)
PLACE(sysenter_stack_top)
PLACE(gdt)
PLACE(idt)
PLACE(tss)
PLACE(shared_page)
PLACE(scratch)
PLACE(arena)
PLACE(arena_end)
PLACE(vdso32)
PLACE(alternatives)
PLACE(alternatives_end)
PLACE(trap_table)
PLACE(interrupt_stubs)
PLACE(interrupt_spurious)
PLACE(entry_INT80)
PLACE(xen_entry_INT80)
PLACE(entry_SYSCALL_64)
PLACE(entry_SYSCALL_compat)
PLACE(entry_SYSENTER_compat)
PLACE(xen_syscall_target)
PLACE(xen_syscall32_target)
PLACE(xen_sysenter_target)
PLACE(xen_event_callback)
PLACE(xen_failsafe_callback)
PLACE(xen_callback_flags)
PLACE(irq_tracing)
PLACE(return_from_fork)
PLACE(design_name)

void local_irq_enable(void);
void local_irq_disable(void);
void wait_for_interrupt(void);
void switch_stacks(struct task *from, struct task *to);
void reload_segments(void);

// xen/include/public/arch-x86/xen-x86_64.h, "Hypercall interface".
static inline long hypercall(word number, word a, word b, word c, word d, word e) {
  long result;
  register word r10 __asm__("r10") = d;
  register word r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8) : "0"(number)
                   : "rcx", "r11", "r9", "memory");
  return result;
}

static inline word load(word address) { return *(volatile word *)address; }
static inline void store(word address, word value) { *(volatile word *)address = value; }
static inline half load_half(word address) { return *(volatile half *)address; }
static inline void store_half(word address, half value) { *(volatile half *)address = value; }
static inline byte load_byte(word address) { return *(volatile byte *)address; }
static inline void store_byte(word address, byte value) { *(volatile byte *)address = value; }
static inline word exchange(word address, word value) {
  __asm__ volatile("xchgq %0, %1" : "+r"(value), "+m"(*(volatile word *)address) : : "memory");
  return value;
}
void *memcpy(void *, const void *, word);
void *memset(void *, int, word);
static inline void copy_bytes(word to, word from, word count) { memcpy((void *)to, (const void *)from, count); }
static inline void clear(word to, word count) { memset((void *)to, 0, count); }

static inline void out(unsigned short port, byte value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline void out_half(unsigned short port, unsigned short value) {
  __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}
static inline byte in(unsigned short port) {
  byte value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline void write_msr(half number, word value) {
  __asm__ volatile("wrmsr" : : "c"(number), "a"((half)value), "d"((half)(value >> 32)));
}
static inline word read_msr(half number) {
  half low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
  return (word)high << 32 | low;
}
static inline void cpuid(half leaf, half *a, half *b, half *c, half *d) {
  __asm__ volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "0"(leaf), "2"(0));
}
static inline word read_tsc(void) {
  half low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (word)high << 32 | low;
}
static inline word read_cr2(void) { word v; __asm__ volatile("movq %%cr2, %0" : "=r"(v)); return v; }
static inline word read_cr4(void) { word v; __asm__ volatile("movq %%cr4, %0" : "=r"(v)); return v; }
static inline void write_cr4(word v) { __asm__ volatile("movq %0, %%cr4" : : "r"(v)); }
static inline void write_cr3(word v) { __asm__ volatile("movq %0, %%cr3" : : "r"(v) : "memory"); }
static inline word read_dr6(void) { word v; __asm__ volatile("movq %%dr6, %0" : "=r"(v)); return v; }
static inline void write_dr6(word v) { __asm__ volatile("movq %0, %%dr6" : : "r"(v)); }
static inline void load_gdt(word place) { __asm__ volatile("lgdt (%0)" : : "r"(place) : "memory"); }
static inline void load_idt(word place) { __asm__ volatile("lidt (%0)" : : "r"(place) : "memory"); }
static inline void load_ldt(void) { __asm__ volatile("lldt %w0" : : "r"(LDT_DESCRIPTOR)); }
static inline void load_task_register(void) { __asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR)); }
static inline void save_fpu(byte *area) { __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory"); }
static inline void restore_fpu(byte *area) { __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory"); }
static inline void initialise_fpu(void) { half csr = 0x1f80; __asm__ volatile("fninit; ldmxcsr %0" : : "m"(csr)); }
static inline void serialise(word address) {
  half a, b, c, d;
  (void)address;
  cpuid(0, &a, &b, &c, &d);
}
static inline void stop(void) { __asm__ volatile("cli; hlt"); }
static inline void clear_bits(word address, word bits) {
  __asm__ volatile("lock andq %1, %0" : "+m"(*(volatile word *)address) : "r"(~bits) : "memory");
}
