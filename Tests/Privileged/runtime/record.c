// The world of a case, reset before each one; the record of the event that ended it; and the serial port it is printed on.
#include "layout.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

extern u8 stubs[], user_stack_top[], user_pages_start[];
extern u64 page_pml4[512], page_pdpt[512], page_low[512], page_high[512], page_window_directory[512], page_window[512];

// What the stubs push, lowest address first.
struct event {
  u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
  u64 vector, error, rip, cs, flags, rsp, ss;
};

struct task {
  u32 reserved0;
  u64 rsp[3];
  u64 reserved1;
  u64 ist[7];
  u64 reserved2;
  u16 reserved3, io_map;
  u8 io_permissions[0x2001];
} __attribute__((packed));

u64 gdt[GDT_BYTES / 8] __attribute__((aligned(16)));
u64 ldt[LDT_BYTES / 8] __attribute__((aligned(16)));
u8 idt[4096] __attribute__((aligned(16)));
struct task task, task2 __attribute__((aligned(16)));
// Stack 0 is RSP0, 1 to 7 are the IST stacks. Handlers of a case run on them, so they are whole pages.
u8 stacks[8][4096] __attribute__((aligned(4096)));
// A page that the window can map, and one of 2 MiB alignment is the image itself.
u8 spare_page[2][4096] __attribute__((aligned(4096)));

struct pointer {
  u16 limit;
  u64 base;
} __attribute__((packed));
struct pointer gdt_pointer = {GDT_BYTES - 1, (u64)gdt}, idt_pointer = {4095, (u64)idt};

const char *case_name;
u64 case_stack, case_resume, case_start;
// Events still to be logged, how many were, and what to change in the RFLAGS image when one returns.
u64 case_log, case_logged, log_flags_set, log_flags_clear;
static struct event recorded;
static u64 recorded_cr2, recorded_dr6;
u64 recorded_frame;
static int have_record, handling, ended_by_event;

static inline void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
static inline u8 in8(u16 port) {
  u8 value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline void write_msr(u32 msr, u64 value) {
  __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)value), "d"((u32)(value >> 32)));
}

static void put_character(char character) {
  while (!(in8(0x3FD) & 0x20)) {
  }
  out8(0x3F8, (u8)character);
}

static void put_string(const char *string) {
  while (*string) put_character(*string++);
}

static void put_hex(u64 value, int least) {
  int digits = 16;
  while (digits > least && !(value >> (digits * 4 - 4))) digits--;
  while (digits--) put_character("0123456789abcdef"[(value >> (digits * 4)) & 15]);
}

void put_newline(void) { put_character('\n'); }

void put_value(u64 value) {
  put_character(' ');
  put_hex(value, 1);
}

void put_text(const char *text) { put_string(text); }

static int put_relative(const char *name, u64 base, u64 value, u64 below, u64 above) {
  if (value + below < base || value > base + above) return 0;
  put_string(name);
  put_character(value < base ? '-' : '+');
  put_hex(value < base ? base - value : value - base, 1);
  return 1;
}

// Shown relative to: T the marked instruction, S the stack of the case, U the user stack, R the RSP0 stack, I1 to I7 the IST stacks, W the window, V the stub of
// vector 0, L the label `landmark` of the image, where it has one.
extern u8 landmark[] __attribute__((weak));

static void put_address(u64 value) {
  if (landmark && put_relative("L", (u64)landmark, value, 0, 0x40)) return;
  if (put_relative("T", case_start, value, 0x80, 0x400)) return;
  if (put_relative("S", case_stack, value, 0x400, 0x40)) return;
  if (put_relative("U", (u64)user_stack_top, value, 0x400, 0)) return;
  if (put_relative("R", (u64)stacks[1], value, 0xFF0, 0)) return;
  for (int i = 1; i < 8; i++) {
    char name[3] = {'I', (char)('0' + i), 0};
    if (put_relative(name, (u64)stacks[i] + 4096, value, 0xFF0, 0)) return;
  }
  if (put_relative("V", (u64)stubs, value, 0, 0xFFF)) return;
  if (put_relative("W", WINDOW, value, 0x1000, 0x3FFFFF)) return;
  put_hex(value, 1);
}

void put_address_value(u64 value) {
  put_character(' ');
  put_address(value);
}

__attribute__((noreturn)) void finish_machine(void) {
  put_string("done\n");
  out8(0xF4, 0);
  for (;;) __asm__ volatile("cli; hlt");
}

static const char *const names[32] = {
    "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "v09", "#TS", "#NP", "#SS", "#GP", "#PF", "v0f",
    "#MF", "#AC", "#MC", "#XM", "#VE", "#CP", "v16", "v17", "v18", "v19", "v1a", "v1b", "#HV", "#VC", "#SX", "v1f"};

// Flags that the lines leave out: the status flags, and RF, which the cases about it show themselves.
u64 hidden_flags = 0x108D5;

// Vector and error code, then the saved RIP, CS, RFLAGS, RSP and SS; CR2 for #PF, DR6 for #DB.
static void put_event(void) {
  put_character(' ');
  if (recorded.vector < 32) {
    put_string(names[recorded.vector]);
  } else {
    put_character('v');
    put_hex(recorded.vector, 2);
  }
  if (recorded.error != ~0ul) {
    put_character('(');
    put_hex(recorded.error, 1);
    put_character(')');
  }
  put_address_value(recorded.rip);
  put_value(recorded.cs);
  put_value(recorded.flags & ~hidden_flags);
  put_address_value(recorded.rsp);
  put_value(recorded.ss);
  if (recorded.vector == 14) put_address_value(recorded_cr2);
  if (recorded.vector == 1) put_value(recorded_dr6);
}

static void descriptor(u32 selector, u64 value) { gdt[selector / 8] = value; }

static void system_descriptor(u32 selector, u8 access, u64 base, u32 limit) {
  gdt[selector / 8] = (limit & 0xFFFF) | (base & 0xFFFFFF) << 16 | (u64)access << 40 | (u64)(limit >> 16 & 15) << 48 |
                      (base >> 24 & 0xFF) << 56;
  gdt[selector / 8 + 1] = base >> 32;
}

static void call_gate(u32 selector, u8 access, u16 target_selector, u64 target) {
  gdt[selector / 8] = (target & 0xFFFF) | (u64)target_selector << 16 | (u64)access << 40 | (target >> 16 & 0xFFFF) << 48;
  gdt[selector / 8 + 1] = target >> 32;
}

// Where the call gates lead; a case may point it elsewhere before it builds its own gate.
extern u8 gate_target[];

static void reset_tables(void) {
  descriptor(0, 0);
  descriptor(K_CODE64, 0x00AF9B000000FFFF);
  descriptor(K_DATA, 0x00CF93000000FFFF);
  descriptor(U_CODE32, 0x00CFFB000000FFFF);
  descriptor(U_DATA, 0x00CFF3000000FFFF);
  descriptor(U_CODE64, 0x00AFFB000000FFFF);
  descriptor(U_DATA2, 0x00CFF3000000FFFF);
  descriptor(K_CODE32, 0x00CF9B000000FFFF);
  descriptor(K_CODE16, 0x008F9B000000FFFF);
  descriptor(K_CONFORMING64, 0x00AF9F000000FFFF);
  descriptor(K_CONFORMING32, 0x00CF9F000000FFFF);
  descriptor(K_DATA_ABSENT, 0x00CF13000000FFFF);
  descriptor(K_CODE64_ABSENT, 0x00AF1B000000FFFF);
  descriptor(K_EXECUTE_ONLY, 0x00AF99000000FFFF);
  descriptor(K_READ_ONLY, 0x00CF91000000FFFF);
  descriptor(K_CODE_L_AND_D, 0x00EF9B000000FFFF);
  descriptor(DATA_DPL1, 0x00CFB3000000FFFF);
  descriptor(U_EXPAND_DOWN, 0x0040F7000000FFFF);
  descriptor(U_CONFORMING64, 0x00AFFF000000FFFF);
  descriptor(U_LIMIT_F, 0x0040F3000000000F);
  descriptor(U_BASED, 0x00CFF3000000FFFF | ((u64)user_pages_start & 0xFFFFFF) << 16);
  descriptor(U_CODE16, 0x008FFB000000FFFF);
  descriptor(CODE64_DPL1, 0x00AFBB000000FFFF);
  descriptor(DATA_ABSENT_DPL3, 0x00CF73000000FFFF);
  descriptor(U_LIMIT_F_CODE32, 0x0040FB000000000F);
  system_descriptor(TASK, 0x89, (u64)&task, sizeof task - 1);
  system_descriptor(TASK2, 0x89, (u64)&task2, 0x67);
  system_descriptor(TASK_ABSENT, 0x09, (u64)&task2, 0x67);
  system_descriptor(TASK_UPPER_TYPE, 0x89, (u64)&task2, 0x67);
  gdt[TASK_UPPER_TYPE / 8 + 1] |= 0x0000090000000000;
  system_descriptor(LOCAL_TABLE, 0x82, (u64)ldt, LDT_BYTES - 1);
  system_descriptor(LOCAL_TABLE_ABSENT, 0x02, (u64)ldt, LDT_BYTES - 1);
  call_gate(GATE_DPL3, 0xEC, K_CODE64, (u64)gate_target);
  call_gate(GATE_DPL0, 0x8C, K_CODE64, (u64)gate_target);
  call_gate(GATE_TO_DATA, 0xEC, K_DATA, (u64)gate_target);
  call_gate(GATE_ABSENT, 0x6C, K_CODE64, (u64)gate_target);
  call_gate(GATE_TO_CODE32, 0xEC, K_CODE32, (u64)gate_target);
  call_gate(GATE_TO_CONFORMING, 0xEC, K_CONFORMING64, (u64)gate_target);
  call_gate(GATE_TO_NULL, 0xEC, 0, (u64)gate_target);
  call_gate(GATE_NONCANONICAL, 0xEC, K_CODE64, 0x0000800000000000);
  call_gate(GATE_TO_ABSENT_CODE, 0xEC, K_CODE64_ABSENT, (u64)gate_target);
  ldt[LDT_DATA_DPL3 / 8] = 0x00CFF3000000FFFF;
  ldt[LDT_CODE64_DPL3 / 8] = 0x00AFFB000000FFFF;
  ldt[LDT_DATA_DPL0 / 8] = 0x00CF93000000FFFF;
  ldt[LDT_ABSENT / 8] = 0x00CF73000000FFFF;
  for (u32 vector = 0; vector < 256; vector++) {
    u64 target = (u64)stubs + 16 * vector;
    u64 access = vector == FINISH ? 0xEE : 0x8E;
    ((u64 *)idt)[vector * 2] = (target & 0xFFFF) | K_CODE64 << 16 | access << 40 | (target >> 16 & 0xFFFF) << 48;
    ((u64 *)idt)[vector * 2 + 1] = target >> 32;
  }
  task.rsp[0] = (u64)stacks[1];
  task.rsp[1] = task.rsp[2] = 0;
  for (int i = 0; i < 7; i++) task.ist[i] = (u64)stacks[i + 1] + 4096;
  task.io_map = 0x68;
  for (u32 i = 0; i < sizeof task.io_permissions; i++) task.io_permissions[i] = 0xFF;
  task2 = task;
}

static void reset_processor(void) {
  u64 cr0 = 0x80010033, cr4 = 0x620, zero = 0;
  __asm__ volatile("mov %0, %%cr0" ::"r"(cr0));
  __asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | 0x80));
  __asm__ volatile("mov %0, %%cr4" ::"r"(cr4));
  __asm__ volatile("mov %0, %%cr3" ::"r"(page_pml4));
  __asm__ volatile("lgdt %0; lidt %1" ::"m"(gdt_pointer), "m"(idt_pointer));
  __asm__ volatile("lldt %w0; ltr %w1" ::"r"(0), "r"(TASK));
  __asm__ volatile("mov %w0, %%ss; mov %w1, %%ds; mov %w1, %%es; mov %w1, %%fs; mov %w1, %%gs" ::"r"(K_DATA), "r"(0));
  __asm__ volatile("mov %0, %%dr7; mov %1, %%dr6" ::"r"(0x400ul), "r"(0xFFFF0FF0ul));
  __asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" ::"r"(zero));
  __asm__ volatile("fninit");
  write_msr(MSR_EFER, 0xD01);
  write_msr(MSR_STAR, (u64)RPL3(U_CODE32) << 48 | (u64)K_CODE64 << 32);
  write_msr(MSR_LSTAR, 0);
  write_msr(MSR_CSTAR, 0);
  write_msr(MSR_SFMASK, 0);
  write_msr(MSR_SYSENTER_CS, K_CODE64);
  write_msr(MSR_SYSENTER_ESP, 0);
  write_msr(MSR_SYSENTER_EIP, 0);
  write_msr(MSR_FS_BASE, 0);
  write_msr(MSR_GS_BASE, 0);
  write_msr(MSR_KERNEL_GS_BASE, 0);
}

void case_begin(const char *name) {
  handling = 1;
  out8(0x21, 0xFF);  // Both 8259s masked: only the cases that ask for an interrupt get one.
  out8(0xA1, 0xFF);
  for (int i = 0; i < 512; i++) page_window[i] = 0;
  for (int i = 1; i < 512; i++) page_window_directory[i] = 0;
  page_pml4[0] = (u64)page_pdpt | PTE_P | PTE_W | PTE_U;
  page_pdpt[0] = (u64)page_low | PTE_P | PTE_W | PTE_U;
  page_pdpt[1] = (u64)page_window_directory | PTE_P | PTE_W | PTE_U;
  page_pdpt[2] = 0;
  page_window_directory[0] = (u64)page_window | PTE_P | PTE_W | PTE_U;
  for (int page = 0; page < 2; page++) {
    for (int i = 0; i < 4096; i += 2) *(u16 *)&spare_page[page][i] = 0xCD | FINISH << 8;
  }
  reset_tables();
  reset_processor();
  case_name = name;
  case_log = case_logged = log_flags_set = log_flags_clear = 0;
  hidden_flags = 0x108D5;
  have_record = handling = 0;
}

void case_result(void) {
  if (case_logged && !have_record) put_string(case_name), put_string(".end: -");
  else {
    put_string(case_name);
    if (case_logged) put_string(".end");
    put_character(':');
    if (have_record) put_event();
    else put_string(" -");
  }
  ended_by_event = have_record;
  have_record = 0;
}

// The accessed and dirty flags of an entry, if the access was made: after a fault the manual leaves them open.
void put_entry_use(u64 *entry) {
  if (!ended_by_event) put_value(*entry & (PTE_A | PTE_D));
}

// Ends a case early, saying that the processor does not have what it is about.
void case_absent(void) {
  put_string(case_name);
  put_string(": absent\n");
  have_record = 0;
}

// Called by the stubs. Ends the case, unless it logs: then prints the event and returns to where it came from.
void record_event(struct event *event) {
  if (handling) {
    recorded = *event;
    put_string("\nbroken:");
    put_event();
    put_newline();
    finish_machine();
  }
  handling = 1;
  u64 clear = 0xFFFF0FF0;
  __asm__ volatile("mov %%cr2, %0" : "=r"(recorded_cr2));
  __asm__ volatile("mov %%dr6, %0" : "=r"(recorded_dr6));
  __asm__ volatile("mov %0, %%dr6" ::"r"(clear));
  recorded = *event;
  recorded_frame = (u64)&event->rip - (event->error == ~0ul ? 0 : 8);
  if (event->vector != FINISH && case_log) {
    case_log--;
    case_logged++;
    put_string(case_name);
    put_character('.');
    put_hex(case_logged, 1);
    put_character(':');
    put_event();
    put_newline();
    event->flags = (event->flags | log_flags_set) & ~log_flags_clear;
    handling = 0;
    return;
  }
  have_record = event->vector != FINISH;
  event->rip = case_resume;
  event->cs = K_CODE64;
  event->flags = 2;
  event->rsp = case_stack;
  event->ss = K_DATA;
  u64 no_breakpoints = 0x400;
  __asm__ volatile("mov %0, %%dr7" ::"r"(no_breakpoints));
  handling = 0;
}

// The compiler calls these for structure copies.
void *memcpy(void *to, const void *from, u64 count) {
  void *start = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count)::"memory");
  return start;
}
void *memset(void *to, int value, u64 count) {
  void *start = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
  return start;
}
