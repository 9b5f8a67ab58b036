/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/xml.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <libxml/parser.h>

void xml_init(void) {
        LIBXML_TEST_VERSION
        xmlInitParser();
}

static void free_context(xmlParserCtxt **context) {
        if (*context)
                xmlFreeParserCtxt(*context);
}

/* Called at <!DOCTYPE, before anything in it is read. */
static void refuse_doctype(void *userdata, const xmlChar *name, const xmlChar *public_id,
                           const xmlChar *system_id) {
        xmlParserCtxt *context = userdata;

        xmlStopParser(context);
        context->wellFormed = 0;
}

int xml_parse(xmlDoc **ret, const char *text, const char *root) {
        _cleanup_(free_context) xmlParserCtxt *context = NULL;
        _cleanup_(xmlFreeDocp) xmlDoc *document = NULL;
        size_t size = strnlen(text, XML_TEXT_MAX + 1);

        assert(ret);

        if (size > XML_TEXT_MAX)
                return -E2BIG;

        context = xmlNewParserCtxt();
        if (!context)
                return -ENOMEM;

        context->sax->internalSubset = refuse_doctype;
        /* Without XML_PARSE_HUGE libxml2 also bounds how deep elements may nest. */
        document = xmlCtxtReadMemory(context, text, (int) size, NULL, NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
        /* Also of what is well-formed to the end something may be missing then. */
        if (context->errNo == XML_ERR_NO_MEMORY)
                return -ENOMEM;
        if (!document)
                return -EINVAL;
        if (!context->wellFormed || !xml_is(xmlDocGetRootElement(document), root))
                return -EINVAL;

        *ret = TAKE(document);
        return 0;
}

bool xml_is(const xmlNode *node, const char *name) {
        return node && node->type == XML_ELEMENT_NODE && !node->ns &&
               xmlStrEqual(node->name, BAD_CAST name);
}

static xmlNode *first_called(xmlNode *node, const char *name) {
        while (node && !xml_is(node, name))
                node = node->next;
        return node;
}

xmlNode *xml_child(const xmlNode *node, const char *name) {
        return node ? first_called(node->children, name) : NULL;
}

xmlNode *xml_next(const xmlNode *node) {
        return first_called(node->next, (const char *) node->name);
}

/* In document order, text included. */
static xmlNode *walk_any(const xmlNode *top, const xmlNode *node) {
        if (node->children && node->type == XML_ELEMENT_NODE)
                return node->children;

        while (node != top) {
                if (node->next)
                        return node->next;
                node = node->parent;
        }

        return NULL;
}

xmlNode *xml_walk(const xmlNode *top, const xmlNode *node) {
        xmlNode *next = walk_any(top, node);

        while (next && next->type != XML_ELEMENT_NODE)
                next = walk_any(top, next);
        return next;
}

const char *xml_attribute(const xmlNode *node, const char *name) {
        const xmlAttr *attribute = node->properties;

        while (attribute && (attribute->ns || !xmlStrEqual(attribute->name, BAD_CAST name)))
                attribute = attribute->next;
        if (!attribute)
                return NULL;

        /* Without a DTD there are no entities that would divide it. */
        return attribute->children ? (const char *) attribute->children->content : "";
}

bool xml_attribute_is(const xmlNode *node, const char *name, const char *value) {
        const char *text = xml_attribute(node, name);

        if (!text || !value)
                return !text && !value;
        return strcmp(text, value) == 0;
}

bool xml_attribute_number(const xmlNode *node, const char *name, unsigned long max,
                          unsigned long *ret) {
        const char *text = xml_attribute(node, name);
        unsigned long number;
        int base = 10;
        char *end;

        if (!text)
                return false;
        if (text[0] == '0' && (text[1] | 0x20) == 'x')
                base = 16;
        /* strtoul() would also take blanks and signs. */
        if (text[0] < '0' || text[0] > '9')
                return false;

        errno = 0;
        number = strtoul(text, &end, base);
        if (errno != 0 || *end != '\0' || number > max)
                return false;

        *ret = number;
        return true;
}

bool xml_read_address(const xmlNode *node, Address *ret) {
        unsigned long domain = 0, bus, slot, function;

        if (!node)
                return false;
        if (!xml_attribute_is(node, "type", NULL) && !xml_attribute_is(node, "type", "pci"))
                return false;
        if (!xml_attribute_is(node, "domain", NULL) &&
            !xml_attribute_number(node, "domain", UINT32_MAX, &domain))
                return false;
        if (!xml_attribute_number(node, "bus", 0xff, &bus) ||
            !xml_attribute_number(node, "slot", 0x1f, &slot) ||
            !xml_attribute_number(node, "function", 7, &function))
                return false;

        *ret = (Address){ .domain = domain, .bus = bus, .slot = slot, .function = function };
        return true;
}
