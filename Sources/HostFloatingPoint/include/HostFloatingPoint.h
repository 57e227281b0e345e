/// x87 and SSE arithmetic, one host instruction each, under a control word that the caller chooses.
#pragma once
