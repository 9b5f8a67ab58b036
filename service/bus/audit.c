/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/audit.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bus/errors.h"
#include "util/log.h"

#define PREFIX         "HOSTDEVD_"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Records that the journal had no room for, since the last that it took. */
static unsigned n_lost;

static const struct {
        const char *word, *id;
        int level;
} results[_AUDIT_RESULT_END] = {
        [AUDIT_GRANTED] = { "granted", AUDIT_DECIDED_ID, LOG_NOTICE },
        [AUDIT_NOT_AUTHORIZED] = { "not-authorized", AUDIT_DECIDED_ID, LOG_WARNING },
        [AUDIT_REFUSED] = { "refused", AUDIT_DECIDED_ID, LOG_NOTICE },
        [AUDIT_DONE] = { "done", AUDIT_ENDED_ID, LOG_NOTICE },
        [AUDIT_DRY_RUN] = { "dry-run", AUDIT_ENDED_ID, LOG_INFO },
        [AUDIT_FAILED] = { "failed", AUDIT_ENDED_ID, LOG_WARNING },
        [AUDIT_PENDING] = { "pending", AUDIT_ENDED_ID, LOG_NOTICE },
        [AUDIT_LEFT] = { "left", AUDIT_ENDED_ID, LOG_NOTICE },
};

AuditResult audit_result_of(const char *error) {
        static const Verdict failures[] = { HYPERVISOR_REFUSED, HYPERVISOR_UNAVAILABLE,
                                            DETACH_REFUSED, JOURNAL_FAILED };

        error = error ?: SD_BUS_ERROR_FAILED;
        if (text_equal(error, SD_BUS_ERROR_ACCESS_DENIED) ||
            text_equal(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                return AUDIT_NOT_AUTHORIZED;
        if (text_equal(error, error_name(OUTCOME_PENDING)))
                return AUDIT_PENDING;
        if (text_equal(error, SD_BUS_ERROR_NO_MEMORY) || strncmp(error, "System.", 7) == 0)
                return AUDIT_FAILED;

        for (size_t i = 0; i < N_ELEMENTS(failures); i++)
                if (text_equal(error, error_name(failures[i])))
                        return AUDIT_FAILED;
        return AUDIT_REFUSED;
}

/* New text: NAME=value on one line; NULL without memory. */
static char *print_field(const char *name, const char *whole) {
        char value_buffer[AUDIT_VALUE_MAX +
                          8]; /* who wrote a megabyte is not read to its end, again and again */
        const char *value = value_buffer;
        size_t size = strlen(name) + sizeof("=") + AUDIT_VALUE_MAX + sizeof("\\x00…");
        char *field = malloc(size), *end, *begin;

        if (!field)
                return NULL;

        *stpncpy(value_buffer, whole, sizeof(value_buffer) - 1) = '\0';
        begin = end = field + sprintf(field, "%s=", name);
        while (*value && end - begin < AUDIT_VALUE_MAX) {
                size_t n = text_line_prefix(value), room = AUDIT_VALUE_MAX - (size_t) (end - begin);
                const char *backslash = memchr(value, '\\', n);

                if (backslash)
                        n = (size_t) (backslash - value);
                if (n > room) {
                        n = room;
                        while (n > 0 && ((unsigned char) value[n] & 0xc0) == 0x80)
                                n--; /* no character is cut in two */
                        end = mempcpy(end, value, n);
                        value += n;
                        break;
                }
                end = mempcpy(end, value, n);
                value += n;
                if (*value && end - begin < AUDIT_VALUE_MAX)
                        end += sprintf(end, "\\x%02x", (unsigned char) *value++);
        }

        text_copy(end, size - (size_t) (end - field), *value ? "…" : "");
        return field;
}

static int append_field(char ***fields, const char *name, const char *value) {
        _cleanup_(freep) char *field = NULL;

        if (!value)
                return 0;

        field = print_field(name, value);
        return field ? list_append(fields, field) : -ENOMEM;
}

static int append_number(char ***fields, const char *name, uint64_t number) {
        char text[sizeof("18446744073709551615")];

        snprintf(text, sizeof(text), "%" PRIu64, number);
        return append_field(fields, name, text);
}

/* HOSTDEVD_DOMAIN_UUID for domain-uuid. */
static int append_details(char ***fields, char *const *details) {
        char name[sizeof(PREFIX) + 32];

        for (size_t i = 0; details && details[i]; i += 2) {
                int r;

                snprintf(name, sizeof(name), PREFIX "%s", details[i]);
                for (char *c = name; *c; c++)
                        *c = *c == '-' ? '_' : (char) toupper((unsigned char) *c);
                r = append_field(fields, name, details[i + 1]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const char *detail(const AuditRecord *record, const char *key) {
        for (size_t i = 0; record->details && record->details[i]; i += 2)
                if (strcmp(record->details[i], key) == 0)
                        return record->details[i + 1];
        return NULL;
}

/* For who reads it: Attach of 0000:41:00.0 to web by uid 1000: granted. */
static char *print_message(const AuditRecord *record) {
        const char *devices = detail(record, "devices"), *domain = detail(record, "domain");
        _cleanup_(freep) char *what = NULL;

        if (domain)
                what = text_print(" of %s, domain %s,", devices && *devices ? devices : "nothing",
                                  domain);
        else
                what = text_print("%s%s%s%s", record->arguments[0] ? " " : "",
                                  record->arguments[0] ?: "", record->arguments[1] ? " " : "",
                                  record->arguments[1] ?: "");

        return what ? text_print("%s%s by uid %" PRIu32 ": %s%s%s%s", record->method ?: "?", what,
                                 record->uid, results[record->result].word,
                                 record->was_pending ? ", after it was pending" : "",
                                 record->text ? ": " : "", record->text ?: "")
                    : NULL;
}

int audit_encode(const AuditRecord *record, char ***ret) {
        _cleanup_(freep) char *message = print_message(record);
        _cleanup_(list_freep) char **fields = NULL;
        const struct {
                const char *name, *value;
        } texts[] = {
                { "MESSAGE", message },
                { "MESSAGE_ID", results[record->result].id },
                { PREFIX "RESULT", results[record->result].word },
                { PREFIX "METHOD", record->method },
                { PREFIX "OBJECT", record->object },
                { PREFIX "CALLER", record->caller },
                { PREFIX "ARGUMENT_1", record->arguments[0] },
                { PREFIX "ARGUMENT_2", record->arguments[1] },
                { PREFIX "REASON", record->reason },
                { PREFIX "ERROR", record->error },
                { PREFIX "ERROR_TEXT", record->text },
                { PREFIX "ATTACHMENT", record->attachment },
                { PREFIX "WAS", record->was_pending ? results[AUDIT_PENDING].word : NULL },
        };
        int r = message ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(texts); i++)
                r = append_field(&fields, texts[i].name, texts[i].value);
        if (r == 0)
                r = append_number(&fields, "PRIORITY", (uint64_t) results[record->result].level);
        if (r == 0)
                r = append_number(&fields, PREFIX "UID", record->uid);
        if (r == 0)
                r = append_number(&fields, PREFIX "USEC", record->usec);
        if (r == 0 && record->n_unrecorded > 0)
                r = append_number(&fields, PREFIX "UNRECORDED", record->n_unrecorded);
        if (r == 0)
                r = append_details(&fields, record->details);
        if (r < 0)
                return r;

        *ret = TAKE(fields);
        return 0;
}

/*
 * One datagram to the journal (systemd's "native journal protocol"), in its plain form: no value of ours has a
 * newline in it. sd_journal_sendv() would wait for a journal that does not read, and with it the main loop.
 */
static int send_to_journal(char *const *fields) {
        static const struct sockaddr_un journal = { .sun_family = AF_UNIX,
                                                    .sun_path = JOURNAL_SOCKET };
        _cleanup_(freep) char *joined = list_join(fields, "\n");
        _cleanup_(freep) char *datagram =
                joined ? text_print("%s\nSYSLOG_IDENTIFIER=hostdevd\n", joined) : NULL;
        _cleanup_(closep) int fd = -1;

        if (!datagram)
                return -ENOMEM;

        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (sendto(fd, datagram, strlen(datagram), MSG_NOSIGNAL, (const struct sockaddr *) &journal,
                   sizeof(journal)) < 0)
                return -errno;
        return 0;
}

/* NAME="value" one after the other; a quote in a value is written as the rest that does not fit. */
static char *join_fields(char *const *fields) {
        size_t size = 1;
        char *line, *end;

        for (size_t i = 0; fields[i]; i++)
                size += strlen(fields[i]) * strlen("\\x22") + sizeof(" \"\"");
        line = malloc(size);
        if (!line)
                return NULL;

        end = line;
        for (size_t i = 0; fields[i]; i++) {
                const char *value = strchr(fields[i], '=') + 1;

                if (strncmp(fields[i], PREFIX, strlen(PREFIX)) != 0)
                        continue;
                end += sprintf(end, " %.*s\"", (int) (value - fields[i]), fields[i]);
                for (; *value; value++)
                        if (*value == '"')
                                end = stpcpy(end, "\\x22");
                        else
                                *end++ = *value;
                *end++ = '"';
        }
        *end = '\0';
        return line;
}

static int append_lost(char ***fields) {
        return n_lost > 0 ? append_number(fields, PREFIX "LOST", n_lost) : 0;
}

void audit_write(const AuditRecord *record) {
        _cleanup_(list_freep) char **fields = NULL;
        _cleanup_(freep) char *line = NULL;
        int r;

        assert(record->result < _AUDIT_RESULT_END);

        if (audit_encode(record, &fields) == 0 && append_lost(&fields) == 0) {
                r = send_to_journal(fields);
                if (r == -EAGAIN) {
                        n_lost++;
                        return;
                }
                if (r == 0) {
                        n_lost = 0;
                        return;
                }
                line = join_fields(fields);
        }
        if (!line)
                log_error("audit: no memory for a record: uid %" PRIu32 " %s", record->uid,
                          results[record->result].word);
        else
                log_line(results[record->result].level, "audit:%s", line);
}

bool audit_may_refuse(AuditQuota quotas[static AUDIT_QUOTAS], uint32_t uid, uint64_t now_usec,
                      unsigned *ret_unrecorded) {
        AuditQuota *quota = NULL;

        for (size_t i = 0; !quota && i < AUDIT_QUOTAS; i++)
                if (quotas[i].used && quotas[i].uid == uid)
                        quota = &quotas[i];
        for (size_t i = 0; !quota && i < AUDIT_QUOTAS; i++)
                if (!quotas[i].used || (now_usec - quotas[i].begin_usec >= AUDIT_WINDOW_USEC &&
                                        quotas[i].n_unrecorded == 0)) {
                        quota = &quotas[i];
                        *quota = (AuditQuota){ .used = true, .uid = uid, .begin_usec = now_usec };
                }
        if (!quota)
                quota = &quotas[AUDIT_QUOTAS - 1];

        if (now_usec - quota->begin_usec >= AUDIT_WINDOW_USEC) {
                quota->begin_usec = now_usec;
                quota->n_recorded = 0;
        }
        if (quota->n_recorded >= AUDIT_REFUSALS_MAX) {
                quota->n_unrecorded++;
                return false;
        }

        *ret_unrecorded = quota->n_unrecorded;
        quota->n_recorded++;
        quota->n_unrecorded = 0;
        return true;
}
