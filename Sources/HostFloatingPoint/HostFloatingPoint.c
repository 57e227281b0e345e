// The functions of this room are inline in its headers; this file makes the target a compiled one and checks that the
// headers stand alone.
#include "HostFloatingPoint.h"
