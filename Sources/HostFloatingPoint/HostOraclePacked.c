// Packed integer instructions, executed on the host for tests.
#include "HostOracle.h"
#include <string.h>

#define BOTH_WIDTHS(X)                                                                                                 \
  X(pand) X(pandn) X(por) X(pxor)                                                                                      \
  X(paddb) X(paddw) X(paddd) X(paddq) X(paddsb) X(paddsw) X(paddusb) X(paddusw)                                        \
  X(psubb) X(psubw) X(psubd) X(psubq) X(psubsb) X(psubsw) X(psubusb) X(psubusw)                                        \
  X(pcmpeqb) X(pcmpeqw) X(pcmpeqd) X(pcmpgtb) X(pcmpgtw) X(pcmpgtd)                                                    \
  X(pavgb) X(pavgw) X(pminub) X(pmaxub) X(pminsw) X(pmaxsw)                                                            \
  X(pmullw) X(pmulhw) X(pmulhuw) X(pmuludq) X(pmaddwd) X(psadbw)                                                       \
  X(punpcklbw) X(punpcklwd) X(punpckldq) X(punpckhbw) X(punpckhwd) X(punpckhdq)                                        \
  X(packsswb) X(packssdw) X(packuswb)                                                                                  \
  X(psllw) X(pslld) X(psllq) X(psrlw) X(psrld) X(psrlq) X(psraw) X(psrad)
#define XMM_ONLY(X)                                                                                                    \
  X(punpcklqdq) X(punpckhqdq) X(unpcklps) X(unpckhps) X(unpcklpd) X(unpckhpd) X(andnps) X(movlhps) X(movhlps)          \
  X(movsldup) X(movshdup) X(movddup) X(rcpps) X(rcpss) X(rsqrtps) X(rsqrtss)

#define NUMBER(name) number_##name,
enum { BOTH_WIDTHS(NUMBER) XMM_ONLY(NUMBER) count };
#define NAME(name) #name,
static const char *const names[] = {BOTH_WIDTHS(NAME) XMM_ONLY(NAME)};

static int find(const char *name, const char *const *all, int n) {
  for (int i = 0; i < n; i++)
    if (strcmp(all[i], name) == 0) return i;
  return -1;
}

int oraclePackedNumber(const char *name) { return find(name, names, count); }

HostVector oraclePackedXMM(int number, HostVector destination, HostVector source) {
  HostVectorBits to = {destination}, from = {source};
#define XMM_CASE(name)                                                                                                 \
  case number_##name:                                                                                                  \
    __asm__(#name " %[from], %[to]" : [to] "+x"(to.xmm) : [from] "x"(from.xmm));                                       \
    break;
  switch (number) { BOTH_WIDTHS(XMM_CASE) XMM_ONLY(XMM_CASE) }
  return to.words;
}

uint64_t oraclePackedMMX(int number, uint64_t destination, uint64_t source) {
#define MMX_CASE(name)                                                                                                 \
  case number_##name:                                                                                                  \
    __asm__("movq %[to], %%mm0\n\tmovq %[from], %%mm1\n\t" #name " %%mm1, %%mm0\n\tmovq %%mm0, %[to]\n\temms"          \
            : [to] "+m"(destination)                                                                                   \
            : [from] "m"(source)                                                                                       \
            : "mm0", "mm1");                                                                                           \
    break;
  switch (number) { BOTH_WIDTHS(MMX_CASE) }
  return destination;
}

// An immediate is part of the instruction: one case for each of its 256 values.
#define FOUR(X, name, n) X(name, n) X(name, n + 1) X(name, n + 2) X(name, n + 3)
#define SIXTEEN(X, name, n) FOUR(X, name, n) FOUR(X, name, n + 4) FOUR(X, name, n + 8) FOUR(X, name, n + 12)
#define SIXTY_FOUR(X, name, n)                                                                                         \
  SIXTEEN(X, name, n) SIXTEEN(X, name, n + 16) SIXTEEN(X, name, n + 32) SIXTEEN(X, name, n + 48)
#define EVERY_BYTE(X, name)                                                                                            \
  SIXTY_FOUR(X, name, 0) SIXTY_FOUR(X, name, 64) SIXTY_FOUR(X, name, 128) SIXTY_FOUR(X, name, 192)

#define IMMEDIATE_INSTRUCTIONS(X)                                                                                      \
  X(pshufd) X(pshufhw) X(pshuflw) X(shufps) X(shufpd) X(pslldq) X(psrldq) X(psllw) X(pslld) X(psllq) X(psrlw)          \
  X(psrld) X(psrlq) X(psraw) X(psrad)
static const char *const immediateNames[] = {IMMEDIATE_INSTRUCTIONS(NAME)};
#define IMMEDIATE_NUMBER(name) immediate_##name,
enum { IMMEDIATE_INSTRUCTIONS(IMMEDIATE_NUMBER) immediateCount };

int oracleImmediateNumber(const char *name) { return find(name, immediateNames, immediateCount); }

#define WITH_SOURCE(name, n)                                                                                           \
  case n:                                                                                                              \
    __asm__(#name " %[immediate8], %[from], %[to]" : [to] "+x"(to.xmm) : [from] "x"(from.xmm), [immediate8] "i"(n));   \
    break;
#define WITHOUT_SOURCE(name, n)                                                                                        \
  case n:                                                                                                              \
    __asm__(#name " %[immediate8], %[to]" : [to] "+x"(to.xmm) : [immediate8] "i"(n));                                  \
    break;
#define SWITCH(kind, name)                                                                                             \
  case immediate_##name:                                                                                               \
    switch (immediate) { EVERY_BYTE(kind, name) }                                                                      \
    break;

HostVector oracleImmediate(int number, HostVector destination, HostVector source, uint8_t immediate) {
  HostVectorBits to = {destination}, from = {source};
  switch (number) {
    SWITCH(WITH_SOURCE, pshufd)
    SWITCH(WITH_SOURCE, pshufhw)
    SWITCH(WITH_SOURCE, pshuflw)
    SWITCH(WITH_SOURCE, shufps)
    SWITCH(WITH_SOURCE, shufpd)
    SWITCH(WITHOUT_SOURCE, pslldq)
    SWITCH(WITHOUT_SOURCE, psrldq)
    SWITCH(WITHOUT_SOURCE, psllw)
    SWITCH(WITHOUT_SOURCE, pslld)
    SWITCH(WITHOUT_SOURCE, psllq)
    SWITCH(WITHOUT_SOURCE, psrlw)
    SWITCH(WITHOUT_SOURCE, psrld)
    SWITCH(WITHOUT_SOURCE, psrlq)
    SWITCH(WITHOUT_SOURCE, psraw)
    SWITCH(WITHOUT_SOURCE, psrad)
  }
  return to.words;
}

uint64_t oraclePSHUFW(uint64_t source, uint8_t immediate) {
  uint64_t result = 0;
#define PSHUFW_CASE(name, n)                                                                                           \
  case n:                                                                                                              \
    __asm__("pshufw %[immediate8], %[from], %%mm0\n\tmovq %%mm0, %[to]\n\temms"                                        \
            : [to] "=m"(result)                                                                                        \
            : [from] "m"(source), [immediate8] "i"(n)                                                                  \
            : "mm0");                                                                                                  \
    break;
  switch (immediate) { EVERY_BYTE(PSHUFW_CASE, ) }
  return result;
}

static const char *const maskNames[] = {"pmovmskb", "movmskps", "movmskpd"};
int oracleMaskNumber(const char *name) { return find(name, maskNames, 3); }

uint32_t oracleMask(int number, HostVector source) {
  HostVectorBits from = {source};
  uint32_t mask = 0;
  switch (number) {
    case 0: __asm__("pmovmskb %1, %0" : "=r"(mask) : "x"(from.xmm)); break;
    case 1: __asm__("movmskps %1, %0" : "=r"(mask) : "x"(from.xmm)); break;
    case 2: __asm__("movmskpd %1, %0" : "=r"(mask) : "x"(from.xmm)); break;
  }
  return mask;
}
