/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XML: libvirt's text as a tree, read as if a stranger had written it.
 *
 * No network, no DTD and hence no entities but the five of XML itself, no more than XML_TEXT_MAX.
 * Words are borrowed from the tree wherever libxml2 lets one borrow.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <libxml/tree.h>

#include "core/address.h"
#include "util/cleanup.h"

enum {
        XML_TEXT_MAX = 4 * 1024 * 1024
};

DEFINE_CLEANUP(xmlDoc *, xmlFreeDoc);
DEFINE_CLEANUP(xmlNode *, xmlFreeNode);

/* xmlNodeGetContent() and its like answer with memory of libxml2's own kind. */
static inline void xml_text_freep(xmlChar **text) {
        if (*text)
                xmlFree(*text);
}

/* Once, before any other thread reads XML. */
void xml_init(void);

/**
 * xml_parse() - read a document
 * @root: what the root element must be called
 *
 * Return: 0; -EINVAL (not well-formed, a DTD, another root), -E2BIG or -ENOMEM.
 */
int xml_parse(xmlDoc **ret, const char *text, const char *root);

bool xml_is(const xmlNode *node, const char *name); /* an element called so? */

/* The first child called @name, the next sibling called the same; NULL: none. */
xmlNode *xml_child(const xmlNode *node, const char *name);
xmlNode *xml_next(const xmlNode *node);

/* The next element in document order that is a descendant of @top; begin with @top itself. */
xmlNode *xml_walk(const xmlNode *top, const xmlNode *node);

/*
 * The value of an attribute, borrowed; NULL: it is absent. Never for want of memory: a device that is held must not
 * count as free for that.
 */
const char *xml_attribute(const xmlNode *node, const char *name);

/* Has the attribute this very value? NULL: is it absent? */
bool xml_attribute_is(const xmlNode *node, const char *name, const char *value);

/* A number, decimal or 0x…, that fills the whole attribute and is at most @max; else false. */
bool xml_attribute_number(const xmlNode *node, const char *name, unsigned long max,
                          unsigned long *ret);

/* <address domain= bus= slot= function=/>, an absent domain being 0; false when it is not of a PCI function. */
bool xml_read_address(const xmlNode *node, Address *ret);
