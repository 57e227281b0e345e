/// x87 and SSE arithmetic, one host instruction each, under a control word that the caller chooses.
///
/// IEEE 754 exactness is thereby the processor's own: rounding, NaN propagation and flags are not emulated but
/// executed. Every function puts the host's control word back before it returns.
#pragma once
#include "HostSSE.h"
#include "HostX87.h"
