/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory: what the process gives back to the system. It has hours between two calls.
 */
#pragma once

/* Large blocks (an answer with every object) are given back as soon as they are released. Before any thread is made. */
void memory_prepare(void);

/*
 * Gives back all that is not needed for waiting: free blocks, and the pages of programs and libraries that were
 * read for the start alone. Those that are needed after all come back from the page cache.
 */
void memory_rest(void);
