/* The commit that the program was built from. `./dev build` leaves it in commit.h while it builds, and takes the file away behind itself:
   a build that nobody told knows no commit, and never names an older one. */
#include "BuildIdentity.h"
#if __has_include("commit.h")
#include "commit.h"
#else
#define LIMEN_COMMIT ""
#endif

const char *limen_commit(void) { return LIMEN_COMMIT; }
