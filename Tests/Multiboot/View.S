/* A multiboot kernel that prints how it was started: the machine's state and what the information structure says, one "name:
   value" a line on the serial port. Multiboot Specification version 0.6.96, "Machine state" and "Boot information format".

   FLAT        the header's address fields describe the image */

  .set MAGIC, 0x1badb002
#ifdef FLAT
  .set FLAGS, 0x00010003
#else
  .set FLAGS, 0x00000003
#endif

  .section .multiboot, "ax"
  .code32
loaded:
  hlt                          /* so that the image's start is not its entry */
  .balign 4
header:
  .long MAGIC, FLAGS, -(MAGIC + FLAGS)
#ifdef FLAT
  .long header, loaded, loaded_end, zeroed_end, start
#endif

  .text
  .globl start
start:
  movl $stack, %esp
  pushl %eax
  pushl %ebx
  pushfl

  .macro PRINT name, value
  .section .rodata
1001: .asciz "\name: "
  .text
  pushl \value
  movl $1001b, %esi
  call print_string
  popl %eax
  call print_number
  .endm
  .macro PRINT_TEXT name, value
  .section .rodata
1001: .asciz "\name: "
  .text
  pushl \value
  movl $1001b, %esi
  call print_string
  popl %esi
  call print_string
  call end_line
  .endm

  popl %ebp
  andl $0x20200, %ebp             /* VM and IF */
  PRINT "eflags", "%ebp"
  movl 4(%esp), %eax
  PRINT "eax", "%eax"
  movl %cr0, %eax
  andl $0x80000001, %eax       /* PG and PE */
  PRINT "cr0", "%eax"
  /* A20: a megabyte apart is not the same byte. */
  movl $0x11111111, 0x600
  movl $0x22222222, 0x100600
  PRINT "a20", "0x600"
  /* The zeroed part is zero, and the stack is in it: a word that nobody wrote. */
  PRINT "bss", "untouched"
  /* Data and stack segments reach all of memory, and data may be written. */
  movl $0x33333333, %es:0x604
  PRINT "segments", "%ss:0x604"

  movl (%esp), %ebx
  movl (%ebx), %eax
  PRINT "all flags", "%eax"
  andl $0x4d, (%ebx)           /* memory, command line, modules, map */
  PRINT "flags", "(%ebx)"
  PRINT "mem_lower", "4(%ebx)"
  PRINT "mem_upper", "8(%ebx)"
  PRINT_TEXT "cmdline", "16(%ebx)"
  PRINT "mods_count", "20(%ebx)"
  movl 20(%ebx), %ecx
  movl 24(%ebx), %ebp
modules:
  testl %ecx, %ecx
  jz memory_map
  pushl %ecx
  movl (%ebp), %eax
  andl $0xfff, %eax
  PRINT "module offset in page", "%eax"
  movl 4(%ebp), %eax
  subl (%ebp), %eax
  PRINT "module size", "%eax"
  movl (%ebp), %eax
  PRINT "module starts with", "(%eax)"
  PRINT_TEXT "module words", "8(%ebp)"
  popl %ecx
  decl %ecx
  addl $16, %ebp
  jmp modules
memory_map:
  movl 48(%ebx), %ebp
  movl 44(%ebx), %edi
  addl %ebp, %edi
next_range:
  cmpl %edi, %ebp
  jae names
  pushl %edi
  PRINT "map size", "(%ebp)"
  PRINT "map base", "4(%ebp)"
  PRINT "map base, high half", "8(%ebp)"
  PRINT "map length", "12(%ebp)"
  PRINT "map length, high half", "16(%ebp)"
  PRINT "map type", "20(%ebp)"
  popl %edi
  movl (%ebp), %eax
  leal 4(%ebp, %eax), %ebp
  jmp next_range
names:
  PRINT_TEXT "boot_loader_name", "64(%ebx)"
  movzwl 0x400, %eax
  PRINT "com1", "%eax"
  movzwl 0x40e, %eax
  PRINT "ebda", "%eax"
  shll $4, %eax
  movzbl (%eax), %eax
  PRINT "ebda KiB", "%eax"
  movzwl 0x410, %eax
  andl $0x0e32, %eax           /* serial ports, display, coprocessor */
  PRINT "equipment", "%eax"
  movzwl 0x413, %eax
  PRINT "base memory", "%eax"
  movzwl 0x463, %eax
  PRINT "display port", "%eax"
  movzwl 0x44a, %eax
  PRINT "columns", "%eax"
  xorl %eax, %eax
  outl %eax, $0xf4
1: hlt
  jmp 1b

/* Prints %eax in hexadecimal, and ends the line. */
print_number:
  movl %eax, %edx
  movl $8, %ecx
1: roll $4, %edx
  movl %edx, %eax
  andl $15, %eax
  movb digits(%eax), %al
  call print_byte
  loop 1b
end_line:
  movb $10, %al
  jmp print_byte

/* Prints the text at %esi. */
print_string:
1: lodsb
  testb %al, %al
  jz 2f
  call print_byte
  jmp 1b
2: ret

/* Prints the byte in %al once the serial port takes it. */
print_byte:
  pushl %edx
  pushl %eax
  movl $0x3fd, %edx
1: inb %dx, %al
  testb $0x20, %al
  jz 1b
  popl %eax
  movl $0x3f8, %edx
  outb %al, %dx
  popl %edx
  ret

  .section .rodata
digits: .ascii "0123456789abcdef"
  .data
filler: .long 0x44444444
loaded_end:
  .bss
  .balign 16
untouched: .skip 16
  .skip 1024
stack:
zeroed_end:
  .section .note.GNU-stack, "", @progbits
