// What assembly and Swift share: the layout of records and the numbers of things. kernel.h says the same in C.
#define STUB_SIZE 32
#define KINDS 262
#define KIND_EVENT 256
#define ARRIVALS 8
#define FRAME_WORDS 12

#define A_GPR 0
#define A_RFLAGS 128
#define A_KIND 136
#define A_CR2 144
#define A_FRAME 152
#define A_SELECTORS 248
#define A_MASK 260
#define A_PENDING 261
#define A_SIZE 264

#define C_IRET 128

// The vector of the INT that ends a case: the one gate that both modes may use directly.
#define FINISH 0x80

// A counter that code of cases keeps in the first page of the window.
#define WINDOW_COUNT 0x420040
