// Selectors, addresses and sizes that the runtime and the images agree on. Read by the assembler and by the C compiler.
#ifndef LAYOUT_H
#define LAYOUT_H

// The order of the first seven descriptors serves SYSCALL, SYSRET, SYSENTER and SYSEXIT at once:
// SYSCALL loads CS 0x08 and SS 0x10; SYSRET from base 0x18 loads CS32 0x18, SS 0x20, CS64 0x28; SYSEXIT from base 0x08 the same and SS 0x30.
#define K_CODE64 0x08
#define K_DATA 0x10
#define U_CODE32 0x18
#define U_DATA 0x20
#define U_CODE64 0x28
#define U_DATA2 0x30
#define K_CODE32 0x38
#define K_CODE16 0x40
#define K_CONFORMING64 0x48
#define K_CONFORMING32 0x50
#define K_DATA_ABSENT 0x58
#define K_CODE64_ABSENT 0x60
#define K_EXECUTE_ONLY 0x68
#define K_READ_ONLY 0x70
#define K_CODE_L_AND_D 0x78
#define DATA_DPL1 0x80
#define U_EXPAND_DOWN 0x88
#define TASK 0x90
#define LOCAL_TABLE 0xA0
#define GATE_DPL3 0xB0
#define GATE_DPL0 0xC0
#define TASK2 0xD0
#define U_CONFORMING64 0xE0
#define U_LIMIT_F 0xE8
#define U_BASED 0xF0
#define U_CODE16 0xF8
#define CODE64_DPL1 0x100
#define GATE_TO_DATA 0x110
#define GATE_ABSENT 0x120
#define TASK_ABSENT 0x130
#define LOCAL_TABLE_ABSENT 0x140
#define GATE_TO_CODE32 0x150
#define GATE_TO_CONFORMING 0x160
#define TASK_UPPER_TYPE 0x170
#define GATE_TO_NULL 0x180
#define U_LIMIT_F_CODE32 0x190
#define GATE_NONCANONICAL 0x1A0
#define DATA_ABSENT_DPL3 0x1B0
#define GATE_TO_ABSENT_CODE 0x1C0
#define GDT_BYTES 0x200

// Inside the local descriptor table.
#define LDT_DATA_DPL3 0x07
#define LDT_CODE64_DPL3 0x0F
#define LDT_DATA_DPL0 0x14
#define LDT_ABSENT 0x1C
#define LDT_BYTES 0x20

#define RPL3(selector) ((selector) | 3)

// The window: one page table of 512 entries that the images fill as they like.
#define WINDOW 0x40000000
#define LAPIC 0xFEE00000

#define PTE_P 0x1
#define PTE_W 0x2
#define PTE_U 0x4
#define PTE_A 0x20
#define PTE_D 0x40
#define PTE_PS 0x80
#define PTE_G 0x100
#define PTE_NX (1 << 63)

#define FLAG_TF 0x100
#define FLAG_IF 0x200
#define FLAG_DF 0x400
#define FLAG_IOPL3 0x3000
#define FLAG_NT 0x4000
#define FLAG_RF 0x10000
#define FLAG_AC 0x40000
#define FLAG_ID 0x200000

// The gate by which code of any privilege level ends its case.
#define FINISH 0x20

#define MSR_APIC_BASE 0x1B
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_PAT 0x277
#define MSR_MC0_STATUS 0x401
#define MSR_EFER 0xC0000080
#define MSR_STAR 0xC0000081
#define MSR_LSTAR 0xC0000082
#define MSR_CSTAR 0xC0000083
#define MSR_SFMASK 0xC0000084
#define MSR_FS_BASE 0xC0000100
#define MSR_GS_BASE 0xC0000101
#define MSR_KERNEL_GS_BASE 0xC0000102
#define MSR_TSC_AUX 0xC0000103
#define MSR_PERF_EVENT_SELECT 0xC0010000
#define MSR_PERF_COUNTER 0xC0010004
#define MSR_HWCR 0xC0010015

#endif
