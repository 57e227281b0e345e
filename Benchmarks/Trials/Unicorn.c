/* Trials in Unicorn: `unicorn-trials HOW CODE BASE BEGIN END DATA STACK PAGES SECONDS`, numbers in hexadecimal, where CODE is a file of bytes
   that lie at BASE. A trial goes back to its start, processor and memory, and runs from BEGIN to END. HOW says how memory goes back:

   listed    which pages are written is known beforehand: memcpy, into memory that Unicorn was given by uc_mem_map_ptr
   found     a hook on every write finds the pages; memcpy
   snapshot  Unicorn's own: UC_CTL_CONTEXT_MEMORY

   Prints the checksum in RBX, how many trials, and their seconds by the wall clock and of the processor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unicorn/unicorn.h>

#define PAGE 4096ul

static void must(uc_err error, const char *what) {
  if (error == UC_ERR_OK) return;
  fprintf(stderr, "unicorn-trials: %s: %s\n", what, uc_strerror(error));
  exit(1);
}

static double reading(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static unsigned long first;
static unsigned char *memory, *saved;
/* The pages that the hook found. */
static unsigned long found[4096], found_count;
static unsigned char is_found[4096];

static void note(uc_engine *machine, uc_mem_type type, uint64_t address, int size, int64_t value, void *user) {
  unsigned long page = (address - first) / PAGE;
  if (page >= 4096 || is_found[page]) return;
  is_found[page] = 1;
  found[found_count++] = page;
}

static void restore_found(void) {
  while (found_count) {
    unsigned long page = found[--found_count];
    is_found[page] = 0;
    memcpy(memory + page * PAGE, saved + page * PAGE, PAGE);
  }
}

int main(int count, char **words) {
  if (count != 10) return 2;
  const char *how = words[1];
  unsigned long number[10];
  for (int i = 3; i < 10; i++) number[i] = strtoul(words[i], NULL, 16);
  unsigned long base = number[3], begin = number[4], end = number[5], data = number[6], stack = number[7];
  unsigned long pages = number[8], seconds = number[9];
  int listed = !strcmp(how, "listed"), hooked = !strcmp(how, "found"), snapshot = !strcmp(how, "snapshot");
  if (listed + hooked + snapshot != 1) return 2;

  /* All of it is one mapping, up to the end of the stack. */
  first = base & ~(PAGE - 1);
  unsigned long size = (stack - first + PAGE - 1) & ~(PAGE - 1);
  memory = aligned_alloc(PAGE, size), saved = malloc(size);
  memset(memory, 0, size);
  FILE *code = fopen(words[2], "rb");
  if (!code || !fread(memory + (base - first), 1, data - base, code)) return 2;
  fclose(code);
  /* To end at a HLT takes it a little less than to end at an address. */
  memory[end - first] = 0xF4;

  uc_engine *machine;
  uc_context *start;
  must(uc_open(UC_ARCH_X86, UC_MODE_64, &machine), "uc_open");
  if (snapshot) {
    must(uc_ctl_context_mode(machine, UC_CTL_CONTEXT_CPU | UC_CTL_CONTEXT_MEMORY), "UC_CTL_CONTEXT_MEMORY");
    must(uc_mem_map(machine, first, size, UC_PROT_ALL), "uc_mem_map");
    must(uc_mem_write(machine, first, memory, size), "uc_mem_write");
  } else {
    must(uc_mem_map_ptr(machine, first, size, UC_PROT_ALL, memory), "uc_mem_map_ptr");
  }
  uc_hook hook;
  if (hooked) must(uc_hook_add(machine, &hook, UC_HOOK_MEM_WRITE, note, NULL, 1, 0), "uc_hook_add");
  unsigned long zero = 0;
  must(uc_reg_write(machine, UC_X86_REG_RDI, &data), "RDI");
  must(uc_reg_write(machine, UC_X86_REG_RBX, &zero), "RBX");
  must(uc_reg_write(machine, UC_X86_REG_RSP, &stack), "RSP");
  must(uc_context_alloc(machine, &start), "uc_context_alloc");
  must(uc_context_save(machine, start), "uc_context_save");
  memcpy(saved, memory, size);
  unsigned long dirty = data - first;

  unsigned long sum = 0, trials = 0;
  double wall = 0, processor = 0;
  /* The first thousand translate. */
  for (long i = -1000; i <= 0 || reading(CLOCK_MONOTONIC) - wall < seconds; i++) {
    if (i == 0) wall = reading(CLOCK_MONOTONIC), processor = reading(CLOCK_PROCESS_CPUTIME_ID);
    must(uc_context_restore(machine, start), "uc_context_restore");
    if (listed) memcpy(memory + dirty, saved + dirty, pages * PAGE);
    if (hooked) restore_found();
    must(uc_emu_start(machine, begin, 0, 0, 0), "uc_emu_start");
    if (i >= 0) trials++;
  }
  wall = reading(CLOCK_MONOTONIC) - wall;
  processor = reading(CLOCK_PROCESS_CPUTIME_ID) - processor;
  must(uc_reg_read(machine, UC_X86_REG_RBX, &sum), "RBX");
  printf("%lx %lu %f %f\n", sum, trials, wall, processor);
  return 0;
}
