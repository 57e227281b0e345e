// The compression of SHA-256, where the host has instructions for it by those, which takes a tenth of the time.
//
// NIST FIPS 180-4, "SHA-256 Hash Computation"; Intel SDM vol. 2, "SHA256RNDS2", "SHA256MSG1", "SHA256MSG2".
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Takes so many blocks of 64 bytes into the state; by the host's instructions where it has them and that is asked for.
void digestSHA256(uint32_t state[8], const uint8_t *bytes, size_t blocks, bool byHost);
