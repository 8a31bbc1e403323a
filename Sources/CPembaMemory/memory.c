// Pemba: hints about memory that Swift has no words for; all of them are in the header, to become single instructions.
// SPDX-License-Identifier: Apache-2.0

#include "CPembaMemory.h"
