/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>

struct Mailbox {
        pthread_mutex_t lock; /* of all below but the fd */
        Letter *first, **end;
        unsigned n_references;
        bool closed;
        int fd;
};

int mailbox_new(Mailbox **ret) {
        _cleanup_(freep) Mailbox *mailbox = NULL;

        assert(ret);

        mailbox = calloc(1, sizeof(*mailbox));
        if (!mailbox)
                return -ENOMEM;

        mailbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (mailbox->fd < 0)
                return -errno;

        pthread_mutex_init(&mailbox->lock, NULL);
        mailbox->end = &mailbox->first;
        mailbox->n_references = 1;

        *ret = TAKE(mailbox);
        return 0;
}

static void free_letters(Letter *letter) {
        while (letter) {
                Letter *next = letter->next;

                letter->free(letter);
                letter = next;
        }
}

/* The letters that are there, which leave the mailbox. */
static Letter *empty(Mailbox *mailbox) {
        Letter *letters = mailbox->first;

        mailbox->first = NULL;
        mailbox->end = &mailbox->first;
        return letters;
}

Mailbox *mailbox_ref(Mailbox *mailbox) {
        pthread_mutex_lock(&mailbox->lock);
        mailbox->n_references++;
        pthread_mutex_unlock(&mailbox->lock);
        return mailbox;
}

Mailbox *mailbox_unref(Mailbox *mailbox) {
        unsigned n_references;

        if (!mailbox)
                return NULL;

        pthread_mutex_lock(&mailbox->lock);
        n_references = --mailbox->n_references;
        pthread_mutex_unlock(&mailbox->lock);
        if (n_references > 0)
                return NULL;

        free_letters(mailbox->first);
        pthread_mutex_destroy(&mailbox->lock);
        close(mailbox->fd);
        free(mailbox);
        return NULL;
}

int mailbox_fd(const Mailbox *mailbox) {
        return mailbox->fd;
}

void mailbox_post(Mailbox *mailbox, Letter *letter) {
        const uint64_t one = 1;
        bool closed;

        letter->next = NULL;

        pthread_mutex_lock(&mailbox->lock);
        closed = mailbox->closed;
        if (!closed) {
                *mailbox->end = letter;
                mailbox->end = &letter->next;
                /* Cannot fail but for a full counter, and then the fd is readable anyway. */
                (void) !write(mailbox->fd, &one, sizeof(one));
        }
        pthread_mutex_unlock(&mailbox->lock);

        if (closed)
                letter->free(letter);
}

void mailbox_dispatch(Mailbox *mailbox, void *userdata) {
        Letter *letter;
        uint64_t count;

        pthread_mutex_lock(&mailbox->lock);
        letter = empty(mailbox);
        /* Nothing to read only means that nothing was posted since the last time. */
        (void) !read(mailbox->fd, &count, sizeof(count));
        pthread_mutex_unlock(&mailbox->lock);

        while (letter) {
                Letter *next = letter->next;

                letter->read(letter, userdata);
                letter->free(letter);
                letter = next;
        }
}

void mailbox_close(Mailbox *mailbox) {
        Letter *letters;

        pthread_mutex_lock(&mailbox->lock);
        mailbox->closed = true;
        letters = empty(mailbox);
        pthread_mutex_unlock(&mailbox->lock);

        free_letters(letters);
}
