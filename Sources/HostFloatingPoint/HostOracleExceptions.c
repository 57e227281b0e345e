// SIMD floating-point exceptions taken for real, through SIGFPE, for tests.
#include "HostOracle.h"
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

static _Thread_local volatile uint32_t raisedMXCSR;
static _Thread_local volatile bool wasRaised;

// The faulting instruction runs again when the handler returns, this time masked.
static void onFloatingPointError(int signal, siginfo_t *reason, void *place) {
  (void)signal;
  (void)reason;
  ucontext_t *interrupted = place;
  raisedMXCSR = interrupted->uc_mcontext.fpregs->mxcsr;
  wasRaised = true;
  interrupted->uc_mcontext.fpregs->mxcsr |= 0x1F80;
}

static void listen(void) {
  struct sigaction action = {.sa_sigaction = onFloatingPointError, .sa_flags = SA_SIGINFO};
  sigaction(SIGFPE, &action, 0);
}

HostVectorResult oracleUnmaskedSSE(
    SSEInstruction instruction, HostVector destination, HostVector source, uint32_t mxcsr, bool *raised) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, listen);
  wasRaised = false;
  HostVectorResult result = hostSSE(instruction, destination, source, mxcsr);
  *raised = wasRaised;
  if (wasRaised) result.mxcsr = raisedMXCSR;
  return result;
}
