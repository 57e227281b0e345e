#include "HostFloatingPoint.h"
