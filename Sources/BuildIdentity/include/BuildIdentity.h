/* What this program was built from. */
#ifndef BUILD_IDENTITY_H
#define BUILD_IDENTITY_H
/* The commit as `git describe` names it, with -dirty behind one that was changed; empty where the build was not told. */
const char *limen_commit(void);
#endif
