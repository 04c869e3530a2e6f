#pragma once
/* --insecure-options: a comma list, in rkt's words and with rkt's errors. */
#include "cli/flags.h"

cli_setter cli_set_insecure; /* uint32_t of PS_INSECURE_* */

/* The first word of bits that is not in allowed, NULL if all are. */
const char *cli_insecure_excess(uint32_t bits, uint32_t allowed);
